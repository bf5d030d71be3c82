"""Tells callers, and the tracks that carry their voices, from everything else in a room."""

from __future__ import annotations

from dataclasses import dataclass

from livekit import rtc

from ..livekit_server.callers import is_caller

_VOICES = frozenset(
    {
        rtc.TrackSource.SOURCE_MICROPHONE,
        # Other SDKs, the command line and SIP leave the source unset by default.
        rtc.TrackSource.SOURCE_UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A caller and the track of their voice."""

    identity: str
    track_sid: str
    """The track that carries the voice."""


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
