"""Turn taking as the framework wants it told."""

from __future__ import annotations

import asyncio

from livekit.agents.voice.turn import TurnHandlingOptions

from agent.settings import Settings
from services.inference import InferenceDesk
from services.livekit_local import LocalSTT
from services.livekit_local.eou_model import VoiceEnding
from services.livekit_local.turn_detector import LocalTurnDetector


async def load_voice_ending(settings: Settings) -> VoiceEnding | None:
    """The acoustic end-of-turn model where the settings want it, one for all rooms; else None."""
    if settings.turn.detection != "model":
        return None
    return await asyncio.to_thread(VoiceEnding.load)


def turn_handling(
    settings: Settings,
    stt: LocalSTT,
    *,
    room: str = "",
    voice_ending: VoiceEnding | None = None,
    desk: InferenceDesk | None = None,
) -> TurnHandlingOptions:
    """Who speaks when: nothing of it asks a service outside this machine.

    `voice_ending` is what `load_voice_ending` gave, asked at `desk`. Raises ValueError where the
    settings want the model and none is handed in.
    """
    turn = settings.turn
    if turn.detection == "model" and (voice_ending is None or desk is None):
        raise ValueError("TURN_DETECTION=model needs the model and a desk to ask it at")
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
            complete_seconds=turn.min_delay_seconds,
            incomplete_seconds=turn.max_delay_seconds,
            voice_ending=voice_ending,
            desk=desk,
            room=room,
        )
    return options
