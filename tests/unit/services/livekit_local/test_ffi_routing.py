"""Events of LiveKit's native library reach the loop that they are about, and wake no other."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from livekit.rtc import audio_stream
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiResponse

from services.livekit_local import ffi_routing
from services.livekit_local.ffi_routing import EventOwners, RoutedQueue

pytestmark = pytest.mark.unit

WRITTEN_AGAINST = "1.1.21"

Loops = tuple[asyncio.AbstractEventLoop, asyncio.AbstractEventLoop]


@pytest.fixture
def loops() -> Iterator[Loops]:
    mine, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    yield mine, other
    mine.close()
    other.close()


def sound(stream: int, *, last: bool = False) -> FfiEvent:
    event = FfiEvent()
    event.audio_stream_event.stream_handle = stream
    if last:
        event.audio_stream_event.eos.SetInParent()
    else:
        event.audio_stream_event.frame_received.SetInParent()
    return event


def new_stream(stream: int) -> FfiResponse:
    response = FfiResponse()
    response.new_audio_stream.stream.handle.id = stream
    return response


def captured(call: int) -> FfiEvent:
    event = FfiEvent()
    event.capture_audio_frame.async_id = call
    return event


def capturing(call: int) -> FfiResponse:
    response = FfiResponse()
    response.capture_audio_frame.async_id = call
    return response


def delivered(queue: asyncio.Queue[FfiEvent], loop: asyncio.AbstractEventLoop) -> int:
    """How many events have come since the last time."""
    loop.run_until_complete(asyncio.sleep(0))
    count = queue.qsize()
    while not queue.empty():
        queue.get_nowait()
    return count


def is_sound(event: FfiEvent) -> bool:
    return event.WhichOneof("message") == "audio_stream_event"


def test_the_library_has_the_private_parts_that_routing_uses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look = (
        f"livekit is {version('livekit')}, not {WRITTEN_AGAINST}: see in rtc/_ffi_client.py how "
        "FfiClient keeps its only instance and its queue, and in rtc/audio_stream.py that sound "
        "is subscribed to with a filter"
    )
    client = object.__new__(FfiClient)
    queue = RoutedQueue(EventOwners())
    client._queue = queue
    monkeypatch.setattr(FfiClient, "_instance", client)
    assert FfiClient.instance is client, look
    assert client.queue is queue, look
    assert "filter_fn=" in inspect.getsource(audio_stream), look
    for answered_later in ("connect", "capture_audio_frame", "publish_track"):
        assert answered_later in ffi_routing._ANSWERED_LATER, look
        assert answered_later in ffi_routing._ANSWERS, look


def test_sound_goes_to_the_loop_that_asked_for_the_stream(loops: Loops) -> None:
    mine, other = loops
    owners = EventOwners()
    queue = RoutedQueue(owners)
    heard, not_heard = queue.subscribe(mine, is_sound), queue.subscribe(other, is_sound)
    waits_for_a_call = queue.subscribe(mine)
    owners.learn(new_stream(7), mine)
    queue.put(sound(7))
    queue.put(sound(7, last=True))
    assert delivered(heard, mine) == 2
    assert delivered(not_heard, other) == 0
    assert delivered(waits_for_a_call, mine) == 0
    assert len(owners) == 0


def test_an_answer_goes_to_the_loop_that_asked(loops: Loops) -> None:
    mine, other = loops
    owners = EventOwners()
    queue = RoutedQueue(owners)
    asked, did_not_ask = queue.subscribe(mine), queue.subscribe(other)
    owners.learn(capturing(3), mine)
    queue.put(captured(3))
    assert delivered(asked, mine) == 1
    assert delivered(did_not_ask, other) == 0
    assert len(owners) == 0


def test_an_answer_that_overtakes_its_request_reaches_everybody(loops: Loops) -> None:
    mine, other = loops
    owners = EventOwners()
    queue = RoutedQueue(owners)
    asked, did_not_ask = queue.subscribe(mine), queue.subscribe(other)
    queue.put(captured(3))
    owners.learn(capturing(3), mine)
    assert delivered(asked, mine) == 1
    assert delivered(did_not_ask, other) == 1
    assert len(owners) == 0


def test_a_rooms_events_go_to_the_loop_that_joined_it(loops: Loops) -> None:
    mine, other = loops
    owners = EventOwners()
    queue = RoutedQueue(owners)
    joined, elsewhere = queue.subscribe(mine), queue.subscribe(other)
    joining, is_joined, happens, ends = FfiResponse(), FfiEvent(), FfiEvent(), FfiEvent()
    joining.connect.async_id = is_joined.connect.async_id = 3
    is_joined.connect.result.room.handle.id = 11
    for event in (happens, ends):
        event.room_event.room_handle = 11
    happens.room_event.reconnecting.SetInParent()
    ends.room_event.eos.SetInParent()
    owners.learn(joining, mine)
    for event in (is_joined, happens, ends):
        queue.put(event)
    assert delivered(joined, mine) == 3
    assert delivered(elsewhere, other) == 0
    assert len(owners) == 0


def test_what_nobody_is_known_to_own_reaches_everybody(loops: Loops) -> None:
    mine, other = loops
    queue = RoutedQueue(EventOwners())
    one, two = queue.subscribe(mine, is_sound), queue.subscribe(other, is_sound)
    queue.put(sound(7))
    assert delivered(one, mine) == delivered(two, other) == 1


def test_the_subscribers_own_filter_still_holds(loops: Loops) -> None:
    mine, _ = loops
    queue = RoutedQueue(EventOwners())
    only_sound = queue.subscribe(mine, is_sound)
    queue.put(captured(3))
    assert delivered(only_sound, mine) == 0


def test_a_loop_that_is_gone_is_forgotten() -> None:
    owners = EventOwners()
    gone = asyncio.new_event_loop()
    owners.learn(new_stream(7), gone)
    owners.learn(capturing(3), gone)
    gone.close()
    del gone
    gc.collect()
    next_room = FfiResponse()
    next_room.connect.async_id = 4
    owners.learn(next_room, None)
    assert len(owners) == 1
    owners.owner(captured(4))
    assert len(owners) == 0


def test_the_answer_to_a_call_of_no_loop_is_not_waited_for_again() -> None:
    owners = EventOwners()
    owners.learn(capturing(3), None)
    assert owners.owner(captured(3)) is None
    assert len(owners) == 0
