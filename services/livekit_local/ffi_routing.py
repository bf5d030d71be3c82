"""What LiveKit's native library reports, given only to the room that it is about.

The library tells of every sound, room event and finished call through one function of the process,
and `livekit.rtc` hands each of these to every loop that waits for anything: with N rooms in threads
each sound wakes N threads, all of which need the interpreter. It takes filters from its callers but
names no room in them; which room an event is about is known from the answers to requests.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any
from weakref import ReferenceType, WeakValueDictionary, ref

from livekit.rtc._ffi_client import FfiClient, FfiQueue
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest, FfiResponse
from livekit.rtc._utils import Queue

Loop = asyncio.AbstractEventLoop
Filter = Callable[[FfiEvent], bool]

_NEW_STREAMS = frozenset({"new_audio_stream", "audio_stream_from_participant"})


def _names_with_async_id(message: Any) -> frozenset[str]:
    fields = message.DESCRIPTOR.fields
    return frozenset(
        field.name for field in fields if "async_id" in field.message_type.fields_by_name
    )


_ANSWERED_LATER = _names_with_async_id(FfiResponse)
_ANSWERS = _names_with_async_id(FfiEvent)


def install_ffi_routing() -> None:
    """Make the process's client of the native library one that does so.

    To be called once, before anything else uses `livekit.rtc`. Any thread.
    """
    if FfiClient._instance is None:
        FfiClient._instance = _RoutingClient()


class EventOwners:
    """Which loop asked for what. Any thread.

    An event whose owner is not known, such as an answer that overtakes the return of its own
    request, is for everybody. A loop that is gone is forgotten with all that it asked for.
    """

    def __init__(self) -> None:
        # A finalizer that runs meanwhile may free a handle and cause an event on this thread.
        self._lock = threading.RLock()
        self._calls: dict[int, ReferenceType[Loop] | None] = {}
        self._answered_early: set[int] = set()
        self._streams = WeakValueDictionary[int, Loop]()
        self._rooms = WeakValueDictionary[int, Loop]()

    def __len__(self) -> int:
        """How many calls, streams and rooms are remembered."""
        return sum(map(len, (self._calls, self._answered_early, self._streams, self._rooms)))

    def learn(self, response: FfiResponse, loop: Loop | None) -> None:
        """Remember what `loop` was given; None: asked for outside of any."""
        kind = response.WhichOneof("message")
        if kind in _ANSWERED_LATER:
            call = getattr(response, kind).async_id
            with self._lock:
                if kind == "connect":
                    self._forget_calls_of_ended_loops()
                if call in self._answered_early:
                    self._answered_early.remove(call)
                else:
                    self._calls[call] = ref(loop) if loop is not None else None
        elif kind in _NEW_STREAMS and loop is not None:
            self._streams[getattr(response, kind).stream.handle.id] = loop

    def owner(self, event: FfiEvent) -> Loop | None:
        """The only loop that the event is about; None: not known. To be asked once an event."""
        kind = event.WhichOneof("message")
        if kind == "audio_stream_event":
            stream = event.audio_stream_event
            return _taken(self._streams, stream.stream_handle, last=stream.HasField("eos"))
        if kind == "room_event":
            room = event.room_event
            return _taken(self._rooms, room.room_handle, last=room.HasField("eos"))
        if kind in _ANSWERS:
            return self._of_answer(kind, event)
        return None

    def _of_answer(self, kind: str, event: FfiEvent) -> Loop | None:
        call = getattr(event, kind).async_id
        with self._lock:
            if call in self._calls:
                caller = self._calls.pop(call)
            else:
                caller = None
                self._answered_early.add(call)
        loop = caller() if caller is not None else None
        if kind == "connect" and loop is not None and event.connect.HasField("result"):
            self._rooms[event.connect.result.room.handle.id] = loop
        return loop

    def _forget_calls_of_ended_loops(self) -> None:
        """A call that its room did not outlive may never be answered."""
        ended = [call for call, caller in self._calls.items() if caller and caller() is None]
        for call in ended:
            del self._calls[call]


def _taken(owners: WeakValueDictionary[int, Loop], handle: int, *, last: bool) -> Loop | None:
    return owners.pop(handle, None) if last else owners.get(handle)


class RoutedQueue(FfiQueue[FfiEvent]):
    """Passes each event to its owner's subscribers, and sound only to those that filter.

    Who subscribes without a filter waits for the answer to a call. Any thread.
    """

    def __init__(self, owners: EventOwners) -> None:
        super().__init__()
        self._owners = owners
        self._passing = threading.RLock()
        self._owner: Loop | None = None
        self._is_sound = False

    def put(self, item: FfiEvent) -> None:
        owner = self._owners.owner(item)
        is_sound = item.WhichOneof("message") == "audio_stream_event"
        with self._passing:
            # As above, an event may come within an event.
            outer = self._owner, self._is_sound
            self._owner, self._is_sound = owner, is_sound
            try:
                super().put(item)
            finally:
                self._owner, self._is_sound = outer

    def subscribe(
        self, loop: Loop | None = None, filter_fn: Filter | None = None
    ) -> Queue[FfiEvent]:
        mine = loop or asyncio.get_event_loop()

        def wanted(event: FfiEvent) -> bool:
            if self._owner is not None and self._owner is not mine:
                return False
            return not self._is_sound if filter_fn is None else filter_fn(event)

        return super().subscribe(mine, wanted)


class _RoutingClient(FfiClient):
    def __init__(self) -> None:
        self._owners = EventOwners()
        super().__init__()
        self._queue = RoutedQueue(self._owners)

    def request(self, req: FfiRequest) -> FfiResponse:
        response = super().request(req)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self._owners.learn(response, loop)
        return response
