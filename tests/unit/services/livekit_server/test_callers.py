"""Who counts as a caller, by LiveKit's API and in a room."""

from __future__ import annotations

import pytest
from livekit import api, rtc
from livekit.agents.types import ATTRIBUTE_PUBLISH_ON_BEHALF

from services.livekit_server.callers import ON_BEHALF, is_caller

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["STANDARD", "SIP", "INGRESS", "AGENT", "EGRESS"])
def test_people_are_callers_and_machines_are_not_whoever_is_asked(name: str) -> None:
    expected = name not in ("AGENT", "EGRESS")
    assert is_caller(api.ParticipantInfo.Kind.Value(name), {}) is expected
    assert is_caller(rtc.ParticipantKind.Value(f"PARTICIPANT_KIND_{name}"), {}) is expected


def test_an_avatar_of_an_agent_is_no_caller() -> None:
    assert ON_BEHALF == ATTRIBUTE_PUBLISH_ON_BEHALF
    assert not is_caller(api.ParticipantInfo.Kind.STANDARD, {ON_BEHALF: "agent"})
