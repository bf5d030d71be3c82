"""An echo participant: what a caller says comes back at once, so that transport is all there is."""

from __future__ import annotations

import asyncio
import contextlib

from livekit import rtc

from benchmarks.remote import serve

_SAMPLE_RATE = 16_000
_QUEUE_MILLISECONDS = 60


class Echo:
    """One room's echo."""

    def __init__(self) -> None:
        self._room: rtc.Room | None = None
        self._source: rtc.AudioSource | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, url: str, token: str) -> None:
        """Join the room and send back what the first caller says."""
        self._room = room = rtc.Room()
        self._source = rtc.AudioSource(_SAMPLE_RATE, 1, queue_size_ms=_QUEUE_MILLISECONDS)
        room.on("track_subscribed", self._on_track)
        await room.connect(url, token)
        track = rtc.LocalAudioTrack.create_audio_track("echo", self._source)
        await room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )

    async def leave(self) -> None:
        """Leave the room."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._room is not None:
            with contextlib.suppress(Exception):
                await self._room.disconnect()
        if self._source is not None:
            await self._source.aclose()
        self._room = self._source = None

    def _on_track(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            task = asyncio.create_task(self._send_back(track), name="echo")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_back(self, track: rtc.Track) -> None:
        assert self._source is not None
        stream = rtc.AudioStream(track, sample_rate=_SAMPLE_RATE, num_channels=1)
        try:
            async for event in stream:
                await self._source.capture_frame(event.frame)
        finally:
            await stream.aclose()


async def _main() -> None:
    echo = Echo()
    await serve({"join": echo.join, "leave": echo.leave})
    await echo.leave()


if __name__ == "__main__":
    asyncio.run(_main())
