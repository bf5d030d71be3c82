"""Who in a room is a caller, and which of their tracks carry their voice."""

from __future__ import annotations

from dataclasses import dataclass

from livekit import rtc
from livekit.agents.types import ATTRIBUTE_PUBLISH_ON_BEHALF

_NO_CALLERS = frozenset(
    {
        rtc.ParticipantKind.PARTICIPANT_KIND_AGENT,
        # A recorder.
        rtc.ParticipantKind.PARTICIPANT_KIND_EGRESS,
    }
)
_VOICES = frozenset(
    {
        rtc.TrackSource.SOURCE_MICROPHONE,
        # Other SDKs, the command line and SIP name no source where they are not told to.
        rtc.TrackSource.SOURCE_UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose voice it is."""

    identity: str
    track_sid: str
    """The track that carries it."""


def is_caller(participant: rtc.RemoteParticipant) -> bool:
    """Whether this is somebody to talk with, rather than a machine beside us."""
    return (
        participant.kind not in _NO_CALLERS
        and ATTRIBUTE_PUBLISH_ON_BEHALF not in participant.attributes
    )


def callers(room: rtc.Room) -> list[rtc.RemoteParticipant]:
    """The callers in a room, longest there first."""
    return [one for one in room.remote_participants.values() if is_caller(one)]


def carries_voice(publication: rtc.RemoteTrackPublication) -> bool:
    """Whether a track may carry speech: the sound of a shared screen does not."""
    return publication.kind == rtc.TrackKind.KIND_AUDIO and publication.source in _VOICES
