"""Who in a room is a caller, and which of their tracks carry their voice."""

from __future__ import annotations

from dataclasses import dataclass

from livekit import rtc

from ..livekit_server.callers import is_caller

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


def callers(room: rtc.Room) -> list[rtc.RemoteParticipant]:
    """Return the callers in a room, by time of joining."""
    return [
        participant
        for participant in room.remote_participants.values()
        if is_caller(participant.kind, participant.attributes)
    ]


def carries_voice(publication: rtc.RemoteTrackPublication) -> bool:
    """Whether a track may carry speech: the sound of a shared screen does not."""
    return publication.kind == rtc.TrackKind.KIND_AUDIO and publication.source in _VOICES
