"""A whole run: the server, the callers, each pair of models, each system, by turns."""

from __future__ import annotations

import asyncio
import datetime
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from agent.settings.conversation import TurnSettings
from benchmarks import ROOT, machine
from benchmarks.bench.endpoint import FixedReplies
from benchmarks.bench.engine_figures import measure_engines
from benchmarks.bench.ladder import STEPS, Amounts, Climb, Stage
from benchmarks.bench.models import ModelPair
from benchmarks.bench.systems import IN_ROOMS, OursBuiltin, Surroundings, System
from benchmarks.bench.watch import ProcessWatch
from benchmarks.processes import ProgramError
from benchmarks.remote import RemoteError, open_remote
from benchmarks.speech import REPLY, complete_requests, people, talk
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.program import find_program
from services.livekit_server.server import LiveKitServer
from tests.support.caller import room_token

PARTS = ("floor", "rooms", "engines", "requests")
"""The last, every complete request with built-in replies, takes minutes."""
_FAILURES = (ProgramError, RemoteError, TimeoutError, OSError, psutil.Error)
"""What may happen to a system that is measured, without ending the run."""
_KEPT_FOR_ANOTHER_PAIR = 0.25
"""Of the time, so that a slow peer does not take it all."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured, and how much of it."""

    pairs: tuple[ModelPair, ...]
    systems: tuple[str, ...]
    parts: tuple[str, ...]
    folder: Path
    peers_python: Path
    livekit_program: str
    rounds: int
    """Climbs of each system, by turns; the demo pair has one."""
    minutes: float
    """What there is no time for is left out."""
    first: Amounts
    """Of the first climb."""
    later: Amounts
    """Of those that follow."""
    first_demo: Amounts
    """Of the climb with the demo pair."""
    floor_times: int
    engine_times: int
    patience_seconds: float
    """The longest wait, each time, for other programs on the machine to be quiet."""
    keep: Callable[[dict[str, Any]], None]
    """Told of the results so far, each time that there are more."""
    say: Callable[[str], None] = field(default=print)


async def run(options: Options) -> dict[str, Any]:
    """Measure; returns everything as it goes into the file of results."""
    began = time.monotonic()
    program = find_program(options.livekit_program)
    results: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "machine": machine.describe_machine(),
        "versions": {
            "ours": machine.our_versions(),
            "peers": machine.peer_versions(options.peers_python),
            "livekit-server": machine.livekit_version(program),
        },
        "endpointing_seconds": TurnSettings.model_fields["min_delay_seconds"].default,
        "vad_silence_seconds": {name: s.vad_silence_seconds for name, s in IN_ROOMS.items()},
        "reply": REPLY,
        "pairs": {},
    }

    def keep() -> None:
        results["minutes"] = (time.monotonic() - began) / 60
        options.keep(results)

    for left, models in reversed([*enumerate(reversed(options.pairs))]):
        until = began + 60 * options.minutes * (1 - left * _KEPT_FOR_ANOTHER_PAIR)
        pair = _Pair(options, models, program, keep, until)
        results["pairs"][models.name] = pair.found
        try:
            await pair.measure()
        except _FAILURES as error:
            pair.found["problems"].append(f"{models.name} models, broken off: {error}")
        keep()
    return results


class _Pair:
    """Everything that is measured with one pair of models."""

    def __init__(
        self,
        options: Options,
        models: ModelPair,
        livekit_program: str,
        keep: Callable[[], None],
        until: float,
    ) -> None:
        self._options = options
        self._models = models
        self._livekit_program = livekit_program
        self._keep = keep
        self._until = until
        self._problems: list[str] = []
        self.found: dict[str, Any] = {
            "models": {
                "asr": models.asr.name,
                "voice": models.voice.stem,
                "context": models.context,
                "demo": models.demo,
            },
            "floor": [],
            "floor_cores": None,
            "start_seconds": {},
            "climbs": [],
            "requests": None,
            "engines": None,
            "problems": self._problems,
        }
        """Everything that was found, as it goes into the file of results."""

    async def measure(self) -> None:
        """Measure all parts that are asked for."""
        options, models, found = self._options, self._models, self.found
        if set(options.parts) & {"floor", "rooms", "requests"}:
            async with AsyncExitStack() as stack:
                room = await stack.enter_async_context(self._stage())
                await self._in_rooms(*room)
        if "engines" in options.parts:
            options.say(f"{models.name}: the engines alone")
            found["engines"] = await measure_engines(
                models,
                peers_python=options.peers_python,
                folder=options.folder,
                times=options.engine_times,
                patience_seconds=options.patience_seconds,
                problems=self._problems,
            )

    async def _in_rooms(self, stage: Stage, surroundings: Surroundings) -> None:
        options, found = self._options, self.found
        if "floor" in options.parts:
            options.say(f"{self._models.name}: transport floor")
            await stage.watch.wait_for_quiet(options.patience_seconds)
            await self._floor(stage, surroundings.livekit)
        if "rooms" in options.parts:
            await self._climb_by_turns(stage, surroundings)
        if "requests" in options.parts:
            options.say(f"{self._models.name}: all complete requests, built-in replies")
            found["requests"] = await self._requests(stage, surroundings)

    async def _climb_by_turns(self, stage: Stage, surroundings: Surroundings) -> None:
        options, found = self._options, self.found
        async with AsyncExitStack() as stack:
            systems: list[System] = []
            for name in options.systems:
                system = IN_ROOMS[name](surroundings, self._models)
                options.say(f"{self._models.name}: starting {name}")
                stack.push_async_callback(system.stop)
                try:
                    await self._start(system, stage)
                except _FAILURES as error:
                    self._problems.append(f"{system.label} does not start: {error}")
                    continue
                systems.append(system)
                found["start_seconds"][name] = system.start_seconds
            first = options.first_demo if self._models.demo else options.first
            for number in range(1 if self._models.demo else options.rounds):
                for system in systems:
                    options.say(f"{self._models.name}: round {number + 1}, {system.name}")
                    climb = Climb(system, stage, round_number=number)
                    try:
                        await climb.run(options.later if number else first)
                    except _FAILURES as error:
                        self._problems.append(f"{system.label}, round {number}: {error}")
                    found["climbs"].append(climb.result)
                    self._keep()

    async def _start(self, system: System, stage: Stage) -> None:
        await system.start()
        assert system.program is not None
        stage.watch.add(system.label, system.program.process_id)

    async def _requests(self, stage: Stage, surroundings: Surroundings) -> dict[str, Any] | None:
        """Every complete request once, with nothing configured but the models."""
        system = OursBuiltin(surroundings, self._models)
        livekit = surroundings.livekit
        room = "all-requests"
        token = room_token(
            livekit.api_key,
            livekit.api_secret,
            room,
            f"caller-of-{room}",
            agent_name=system.agent_name,
        )
        requests = complete_requests() if self._models.demo else people()
        recordings = [str(r.path) for r in requests]
        try:
            await self._start(system, stage)
            await stage.callers.call("join", url=livekit.url, token=token, room=room)
            await stage.watch.wait_for_quiet(self._options.patience_seconds)
            said: dict[str, Any] = await stage.callers.call(
                "talk",
                rooms=[room],
                recordings=recordings,
                turns=len(recordings),
                seed=0,
                timeout_seconds=900.0,
            )
        except _FAILURES as error:
            self._problems.append(f"{system.label}: {error}")
            return None
        finally:
            await stage.callers.call("leave")
            stage.watch.remove(system.label)
            await system.stop()
        return {"turns": said["turns"], "records": said["records"]}

    async def _floor(self, stage: Stage, livekit: LiveKitCredentials) -> None:
        """What transport takes, there and back, and a participant that does nothing else."""
        found = self.found
        room = f"echo-{self._models.name}"

        def token(identity: str) -> str:
            return room_token(livekit.api_key, livekit.api_secret, room, identity, agent_name=None)

        async with open_remote("echo", "benchmarks.bench.echo", self._options.folder) as echo:
            await echo.call("join", url=livekit.url, token=token("echo"))
            await stage.callers.call(
                "join", url=livekit.url, token=token("caller"), room=room, greeted=False
            )
            # The tracks have to find one another.
            await asyncio.sleep(1.5)
            stage.watch.add("echo", echo.program.process_id)
            stage.watch.sample()
            start = time.monotonic()
            echoed: dict[str, Any] = await stage.callers.call(
                "echo",
                room=room,
                recording=str(talk()[0].path),
                times=self._options.floor_times,
            )
            stage.watch.sample()
            end = time.monotonic()
            found["floor"] = echoed["seconds"]
            found["floor_cores"] = stage.watch.cpu_seconds("echo", start, end) / (end - start)
            stage.watch.remove("echo")
            await stage.callers.call("leave")
            await echo.call("leave")

    @asynccontextmanager
    async def _stage(self) -> AsyncIterator[tuple[Stage, Surroundings]]:
        options = self._options
        async with AsyncExitStack() as stack:
            server = LiveKitServer(ROOT / "livekit.yaml", program=self._livekit_program)
            address = await stack.enter_async_context(server)
            endpoint = FixedReplies(REPLY)
            llm_url = await endpoint.start()
            stack.push_async_callback(endpoint.stop)
            watch = ProcessWatch()
            stack.push_async_callback(watch.aclose)
            callers = await stack.enter_async_context(
                open_remote("callers", "benchmarks.callers", options.folder)
            )
            watch.add("callers", callers.program.process_id)
            assert server.process_id is not None
            watch.add("livekit", server.process_id)
            watch.add("benchmark", os.getpid(), children=False)
            rooms = max(step.rooms for step in STEPS.values())
            yield (
                Stage(
                    callers,
                    watch,
                    endpoint,
                    options.folder,
                    options.patience_seconds,
                    self._until,
                    self._problems,
                ),
                Surroundings(address, llm_url, options.peers_python, options.folder, rooms),
            )
