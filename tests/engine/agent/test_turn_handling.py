"""Whose turn it is, is decided on this machine, whatever the settings are."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from livekit.agents import llm
from livekit.agents.voice import AgentSession

from agent.session.turn_handling import load_end_of_turn_model, turn_handling
from agent.settings import Settings
from services.livekit_local import LocalSTT, LocalVAD
from services.livekit_local.turn_detector import LocalTurnDetector
from services.shared.engines import SharedEngines

# The acoustic end-of-turn model takes 250 MB that nothing gives back.
pytestmark = pytest.mark.own_process


@pytest.mark.parametrize("detection", ["acoustic", "fast", "model", "vad"])
async def test_no_setting_has_a_service_decide_whose_turn_it_is(
    detection: Literal["acoustic", "fast", "model", "vad"],
    monkeypatch: pytest.MonkeyPatch,
    shared: SharedEngines,
) -> None:
    # With a key in the environment the framework would choose its makers' services by itself.
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "s" * 32)
    monkeypatch.setenv("LIVEKIT_URL", "ws://127.0.0.1:7880")
    settings = Settings.model_validate({"turn": {"detection": detection}})
    stt = LocalSTT(engines=shared)
    turns = turn_handling(
        settings,
        stt,
        LocalVAD(engines=shared),
        end_of_turn_model=await load_end_of_turn_model(settings),
    )
    session: AgentSession[Any] = AgentSession(stt=stt, turn_handling=turns, llm=NoLLM())
    try:
        assert session.interruption_detection == "vad"
        if detection == "vad":
            assert session.turn_detection == "vad"
        else:
            assert isinstance(session.turn_detection, LocalTurnDetector)
    finally:
        await session.aclose()
        await stt.aclose()


class NoLLM(llm.LLM[Any]):
    """Answers nothing."""

    def chat(self, **_: Any) -> llm.LLMStream:
        raise NotImplementedError
