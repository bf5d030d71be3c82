"""Which participants of a room are callers: the one definition, for LiveKit's API and its rooms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from livekit import api

ON_BEHALF: Final = "lk.publish_on_behalf"
"""Attribute of a participant that publishes for an agent, such as an avatar."""

_MACHINES = frozenset(
    {
        # `livekit.rtc` numbers these two alike.
        api.ParticipantInfo.Kind.AGENT,
        # A recorder.
        api.ParticipantInfo.Kind.EGRESS,
    }
)


def is_caller(kind: int, attributes: Mapping[str, str]) -> bool:
    """Whether a participant is somebody to talk with, rather than a machine beside the agent."""
    return kind not in _MACHINES and ON_BEHALF not in attributes
