"""A process of callers, driven from outside: they join rooms, talk, interrupt and time replies."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.remote import serve
from services.audio.samples import Samples
from tests.support.caller import Caller, Utterance
from tests.support.sound import read_sound

GREETING_SECONDS = 30.0
"""The longest wait for a greeting: some systems load their models then."""
REPLY_SECONDS = 20.0
"""The longest wait for a reply; later counts as none."""
QUIET_SECONDS = 0.5
"""Silence after which the agent has finished."""
_ANSWER_SECONDS = 5.0
_STAGGER_SECONDS = 0.5
"""Callers who talk at once begin within so long of one another."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and its answer, in monotonic seconds."""

    room: str
    recording: str
    started: float
    ended: float
    """The last audible sample was sent."""
    answered: float | None
    """The first audible sample of the reply came; None: it did not."""
    cut_off: bool
    """The agent spoke before the request was over."""


async def take_turn(
    caller: Caller, room: str, name: str, samples: Samples, *, reply_seconds: float = REPLY_SECONDS
) -> Turn:
    """Say `samples`, time the reply, and hear it to its end."""
    said = await caller.say(samples)
    answered = await caller.wait_for_sound(said.ended, reply_seconds)
    early = caller.first_audible_after(said.started)
    cut_off = early is not None and early <= said.ended
    if answered is not None:
        await caller.wait_for_silence(QUIET_SECONDS)
    caller.forget()
    return Turn(room, name, said.started, said.ended, answered, cut_off)


class Callers:
    """The callers of this process, by room."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}
        self._recordings: dict[str, Samples] = {}

    async def join(self, url: str, token: str, room: str, greeted: bool = True) -> dict[str, Any]:
        """Join a room; with `greeted`, hear the agent's greeting to its end."""
        caller = self._callers[room] = Caller(f"caller-of-{room}")
        began = time.monotonic()
        await caller.join(url, token)
        if not greeted:
            return {"greeting_seconds": None}
        sound = await caller.wait_for_sound(began, GREETING_SECONDS)
        if sound is not None:
            await caller.wait_for_silence(QUIET_SECONDS)
        caller.forget()
        return {"greeting_seconds": None if sound is None else sound - began}

    async def leave(self) -> None:
        """All leave."""
        callers, self._callers = self._callers, {}
        await asyncio.gather(*(caller.leave() for caller in callers.values()))

    async def talk(
        self, rooms: list[str], recordings: list[str], turns: int, seed: int
    ) -> dict[str, Any]:
        """In all `rooms` at once, say the recordings in an order that `seed` decides."""
        chance = random.Random(seed)
        for room in rooms:
            # Of turns that came before.
            self._take_records(room)
        start = time.monotonic()
        done: list[Turn] = []
        for count in range(turns):
            done += await asyncio.gather(
                *(
                    self._turn_after(
                        room,
                        recordings[(count + 2 * place + seed) % len(recordings)],
                        chance.uniform(0.0, _STAGGER_SECONDS) if len(rooms) > 1 else 0.0,
                    )
                    for place, room in enumerate(rooms)
                )
            )
        end = time.monotonic()
        # What the agents tell of a turn comes when it is over.
        await asyncio.sleep(0.3)
        return {
            "turns": [asdict(turn) for turn in done],
            "records": [r for room in rooms for r in self._take_records(room)],
            "start": start,
            "end": end,
        }

    async def ask(self, room: str, recording: str) -> bool:
        """Say something and hear the reply begin; whether it did."""
        caller = self._callers[room]
        asked = await caller.say(self._samples(recording))
        return await caller.wait_for_sound(asked.ended, REPLY_SECONDS) is not None

    async def interrupt(
        self, room: str, recording: str, after_seconds: float
    ) -> dict[str, float | None]:
        """Talk over the reply that has begun; seconds until the agent was silent."""
        caller = self._callers[room]
        await asyncio.sleep(after_seconds)
        said = await caller.say(self._samples(recording))
        await asyncio.sleep(QUIET_SECONDS)
        silent = _silent_after(caller, said)
        # The interruption is answered in its turn.
        await caller.wait_for_sound(said.ended + QUIET_SECONDS, _ANSWER_SECONDS)
        await caller.wait_for_silence(2 * QUIET_SECONDS)
        caller.forget()
        return {"silent_seconds": silent}

    async def echo(self, room: str, recording: str, times: int) -> dict[str, Any]:
        """Speak to an echo; seconds from the first sample sent to the first one back."""
        caller = self._callers[room]
        seconds: list[float | None] = []
        for _ in range(times):
            said = await caller.say(self._samples(recording))
            back = await caller.wait_for_sound(said.started, 3.0)
            seconds.append(None if back is None else back - said.started)
            await asyncio.sleep(0.5)
            await caller.wait_for_silence(QUIET_SECONDS)
            caller.forget()
        return {"seconds": seconds}

    async def _turn_after(self, room: str, recording: str, delay_seconds: float) -> Turn:
        await asyncio.sleep(delay_seconds)
        name = Path(recording).stem
        return await take_turn(self._callers[room], room, name, self._samples(recording))

    def _take_records(self, room: str) -> list[dict[str, Any]]:
        caller = self._callers[room]
        records, caller.turns = caller.turns, []
        return [{"room": room, **record} for record in records]

    def _samples(self, path: str) -> Samples:
        if path not in self._recordings:
            self._recordings[path] = read_sound(Path(path))
        return self._recordings[path]


def _silent_after(caller: Caller, interruption: Utterance) -> float | None:
    """Seconds from the interruption's first sample to the agent's last before a lasting silence."""
    last = interruption.started
    before = caller.first_audible_after(last - QUIET_SECONDS)
    if before is None or before > last:
        return None
    for arrived in caller.audible_times():
        if arrived <= last:
            continue
        if arrived - last > QUIET_SECONDS:
            break
        last = arrived
    ended_by = interruption.ended + QUIET_SECONDS
    return None if last > ended_by - 0.1 else last - interruption.started


async def _main() -> None:
    callers = Callers()
    await serve(
        {
            "join": callers.join,
            "leave": callers.leave,
            "talk": callers.talk,
            "ask": callers.ask,
            "interrupt": callers.interrupt,
            "echo": callers.echo,
        }
    )
    await callers.leave()


if __name__ == "__main__":
    asyncio.run(_main())
