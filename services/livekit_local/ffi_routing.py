"""Routes the events of LiveKit's native library to the room they concern.

The library reports every audio frame, room event and finished call through one callback, and
`livekit.rtc` passes each of them to every waiting event loop: with N rooms in threads, each frame
wakes N threads that all need the interpreter. Its subscribers may filter events, but the filters do
not know the room; the responses to requests tell which room an event concerns.
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
    """Install a routing client for the process, before anything else uses `livekit.rtc`."""
    if FfiClient._instance is None:
        FfiClient._instance = _RoutingClient()


class EventOwners:
    """Remembers which event loop made which request; safe from any thread.

    An event without a known owner, such as an answer that overtakes the return of its own request,
    goes to every loop. A loop that is gone is forgotten along with its requests.
    """

    def __init__(self) -> None:
        # A finalizer may free a handle while the lock is held, and cause an event on this thread.
        self._lock = threading.RLock()
        self._calls: dict[int, ReferenceType[Loop] | None] = {}
        self._answered_early: set[int] = set()
        self._streams = WeakValueDictionary[int, Loop]()
        self._rooms = WeakValueDictionary[int, Loop]()

    def __len__(self) -> int:
        """Return the number of calls, streams and rooms remembered."""
        return sum(map(len, (self._calls, self._answered_early, self._streams, self._rooms)))

    def learn(self, response: FfiResponse, loop: Loop | None) -> None:
        """Remember a response to `loop`, or to code outside of any loop."""
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
        """Return the loop that owns the event, or None if unknown; call once per event."""
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
        """Forget calls that may never be answered, as their rooms have ended."""
        ended = [call for call, caller in self._calls.items() if caller and caller() is None]
        for call in ended:
            del self._calls[call]


def _taken(owners: WeakValueDictionary[int, Loop], handle: int, *, last: bool) -> Loop | None:
    return owners.pop(handle, None) if last else owners.get(handle)


class RoutedQueue(FfiQueue[FfiEvent]):
    """Passes each event to its owner's subscribers, and audio only to those with a filter.

    Subscribers without a filter are waiting for the answer to a call. Safe from any thread.
    """

    def __init__(self, owners: EventOwners) -> None:
        super().__init__()
        self._owners = owners
        self._passing = threading.RLock()
        self._owner: Loop | None = None
        self._is_audio = False

    def put(self, item: FfiEvent) -> None:
        owner = self._owners.owner(item)
        is_audio = item.WhichOneof("message") == "audio_stream_event"
        with self._passing:
            # An event may be reported while another is being passed on; see above.
            outer = self._owner, self._is_audio
            self._owner, self._is_audio = owner, is_audio
            try:
                super().put(item)
            finally:
                self._owner, self._is_audio = outer

    def subscribe(
        self, loop: Loop | None = None, filter_fn: Filter | None = None
    ) -> Queue[FfiEvent]:
        mine = loop or asyncio.get_event_loop()

        def wanted(event: FfiEvent) -> bool:
            if self._owner is not None and self._owner is not mine:
                return False
            return not self._is_audio if filter_fn is None else filter_fn(event)

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
