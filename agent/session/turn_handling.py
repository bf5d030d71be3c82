"""Turn taking: the settings as options of the framework."""

from __future__ import annotations

import asyncio

from livekit.agents.voice.turn import TurnHandlingOptions

from agent.settings import Settings
from services.livekit_local import LocalSTT, LocalVAD
from services.livekit_local.eou_model import EndOfTurnModel
from services.livekit_local.turn_detector import LocalTurnDetector


async def load_end_of_turn_model(settings: Settings) -> EndOfTurnModel | None:
    """Load LiveKit's end-of-turn model for all rooms, if the settings want it."""
    if settings.turn.detection != "model":
        return None
    return await asyncio.to_thread(EndOfTurnModel.load)


def turn_handling(
    settings: Settings,
    stt: LocalSTT,
    vad: LocalVAD,
    *,
    room: str = "",
    end_of_turn_model: EndOfTurnModel | None = None,
) -> TurnHandlingOptions:
    """Return options that use no service outside this machine.

    `end_of_turn_model` comes from `load_end_of_turn_model`. Raises ValueError where the settings
    want the model and it is missing.
    """
    turn = settings.turn
    if turn.detection == "model" and end_of_turn_model is None:
        raise ValueError("TURN_DETECTION=model needs the model")
    options = TurnHandlingOptions(
        endpointing={
            "mode": "fixed",
            "min_delay": turn.min_delay_seconds,
            "max_delay": turn.max_delay_seconds,
        },
        interruption={
            "enabled": True,
            "mode": "vad",
            "min_duration": turn.barge_in_min_seconds,
            "resume_false_interruption": True,
            "false_interruption_timeout": turn.false_interruption_seconds,
            "discard_audio_if_uninterruptible": False,
        },
        preemptive_generation={
            "enabled": True,
            "preemptive_tts": True,
            "max_speech_duration": 120.0,
            "max_retries": 1000,
        },
    )
    if turn.detection == "vad":
        options["turn_detection"] = "vad"
    else:
        options["turn_detection"] = LocalTurnDetector(
            stt,
            vad,
            complete_seconds=turn.min_delay_seconds,
            incomplete_seconds=turn.max_delay_seconds,
            acoustic=turn.detection in ("acoustic", "model"),
            second=end_of_turn_model,
            room=room,
        )
    return options
