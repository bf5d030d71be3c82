"""Two callers in threads hear each other: `python -m tests.room.rooms_in_threads URL TOKEN TOKEN`.

A process of its own, since the native library has one client a process. Prints for each how many
sounds it heard, and whether it was given more than a few of the other's: a stream's first sound may
come before it is known whose it is.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient

from services.livekit_local.ffi_routing import install_ffi_routing

_HEARD = 40
_FEW = 3
_RATE = 48_000
_PATIENCE_SECONDS = 5.0


async def _talk_and_hear(url: str, token: str, both_done: threading.Barrier) -> str:
    loop = asyncio.get_running_loop()
    room = rtc.Room()
    tracks: asyncio.Queue[rtc.Track] = asyncio.Queue()
    room.on("track_subscribed", lambda track, *_: tracks.put_nowait(track))
    await room.connect(url, token)
    source = rtc.AudioSource(_RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    await room.local_participant.publish_track(track)
    talking = asyncio.create_task(_talk(source))
    given: list[Any] = []
    pass_on = loop.call_soon_threadsafe

    def count(callback: Any, *arguments: Any, **options: Any) -> asyncio.Handle:
        given.extend(arguments)
        return pass_on(callback, *arguments, **options)

    loop.call_soon_threadsafe = count  # type: ignore[method-assign, assignment]
    stream = rtc.AudioStream.from_track(track=await tracks.get())
    heard = 0
    async for _ in stream:
        heard += 1
        if heard == _HEARD:
            break
    own = stream._ffi_handle.handle
    sounds = [e.audio_stream_event.stream_handle for e in given if _is_sound(e)]
    await asyncio.to_thread(both_done.wait, 20)
    talking.cancel()
    with suppress(asyncio.CancelledError):
        await talking
    await stream.aclose()
    await room.disconnect()
    await source.aclose()
    foreign = sum(handle != own for handle in sounds)
    return f"heard {heard}, {'also the other' if foreign > _FEW else 'no other'}"


def _is_sound(event: Any) -> bool:
    return hasattr(event, "WhichOneof") and event.WhichOneof("message") == "audio_stream_event"


async def _talk(source: rtc.AudioSource) -> None:
    while True:
        await source.capture_frame(rtc.AudioFrame.create(_RATE, 1, _RATE // 50))


def main(url: str, *tokens: str) -> None:
    """Says what each heard, and what is remembered when both have left."""
    install_ffi_routing()
    both_done = threading.Barrier(len(tokens))
    with ThreadPoolExecutor(len(tokens)) as pool:
        calls = [
            pool.submit(asyncio.run, _talk_and_hear(url, token, both_done)) for token in tokens
        ]
    for call in calls:
        print(call.result())
    # The last answers come from a thread of the native library.
    until = time.monotonic() + _PATIENCE_SECONDS
    while FfiClient.instance._owners and time.monotonic() < until:
        time.sleep(0.02)
    print("remembered", len(FfiClient.instance._owners), flush=True)
    # A report of the native library that meets the interpreter's end would abort the process.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
