"""The worker under a soak: the product in a process of its own, looked at from outside."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import PROBE, ROOT
from benchmarks.processes import Program
from benchmarks.soak.judge import Sample
from services.livekit_server.credentials import LiveKitCredentials

AGENT_NAME = "soaked"
START_SECONDS = 90.0

PRODUCT = (sys.executable, "-m", "agent", "start")
"""As an operator starts it."""

_MB = 2**20
_LOOK_SECONDS = 1.0
_STEADY_LOOKS = 4
_ROOMS_SECONDS = 60.0
_CHECK_SECONDS = 180.0
"""Longest time between two checks of the worker's own."""
_LOADS = "voice_agent_model_loads"


@dataclass(frozen=True, slots=True)
class Progress:
    """What the callers have done so far."""

    joins: int = 0
    turns: int = 0


class SoakedWorker:
    """Owns the process; belongs to the event loop that started it."""

    def __init__(
        self, program: Program, port: int, token: str, temp_folder: Path, task_file: Path
    ) -> None:
        self.program = program
        self._process = psutil.Process(program.process_id)
        self._address = f"http://127.0.0.1:{port}"
        self._temp_folder = temp_folder
        self._task_file = task_file
        # A connection that is kept would count as a descriptor of the worker's.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            headers={"X-Admin-Token": token},
            raise_for_status=True,
        )

    @classmethod
    async def start(
        cls,
        livekit: LiveKitCredentials,
        folder: Path,
        *,
        command: Sequence[str] = PRODUCT,
        settings: Mapping[str, str] | None = None,
        onnxruntime_defaults: bool = False,
    ) -> SoakedWorker:
        """Start `command` in `folder` and wait until it takes rooms.

        Raises ProgramError, TimeoutError.
        """
        temp_folder = folder / "temporary"
        temp_folder.mkdir(parents=True)
        task_file = folder / "tasks"
        token = secrets.token_urlsafe(24)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port: int = server.getsockname()[1]
        program = await Program.start(
            "worker",
            command,
            log=folder / "worker.log",
            environment={
                "PYTHONPATH": f"{PROBE}{os.pathsep}{ROOT}",
                "TASK_COUNT_FILE": str(task_file),
                **({"ONNXRUNTIME_DEFAULTS": "1"} if onnxruntime_defaults else {}),
                "TMPDIR": str(temp_folder),
                "LIVEKIT_URL": livekit.url,
                "LIVEKIT_API_KEY": livekit.api_key,
                "LIVEKIT_API_SECRET": livekit.api_secret,
                "AGENT_NAME": AGENT_NAME,
                "AGENT_DISPATCH": "explicit",
                # Callers of a benchmark may be silent for long.
                "FIRST_WORD_SECONDS": "0",
                "WORKER_PORT": str(port),
                "ADMIN_TOKEN": token,
                "MODELS": "demo",
                "WHISPER_MODEL_PATH": str(ROOT / "models"),
                "DRAIN_SECONDS": "0",
                **(settings or {}),
            },
            # Away from the repository, so that nobody's .env counts.
            folder=folder,
        )
        try:
            await program.wait_for_line(lambda line: "worker ready" in line, START_SECONDS)
        except BaseException:
            await program.stop()
            raise
        return cls(program, port, token, temp_folder, task_file)

    async def stop(self) -> None:
        """End it."""
        await self._http.close()
        await self.program.stop()

    async def sample(self, progress: Progress, phase: str = "") -> Sample:
        """Look now. Raises psutil.Error, aiohttp.ClientError where it does not run any more."""
        with self._process.oneshot():
            resident = self._process.memory_info().rss
            threads, descriptors = self._process.num_threads(), self._process.num_fds()
        seen = await self._memory()
        return Sample(
            seconds=time.monotonic() - self.program.started,
            joins=progress.joins,
            turns=progress.turns,
            rooms=seen["memory"]["rooms"],
            rss_mb=resident / _MB,
            threads=threads,
            descriptors=descriptors,
            tasks=round(struct.unpack("d", self._task_file.read_bytes())[0]),
            temp_files=sum(len(files) for _, _, files in os.walk(self._temp_folder)),
            breakdown_mb=seen["breakdown_mb"],
            phase=phase,
        )

    async def settled(
        self,
        progress: Progress,
        phase: str = "",
        *,
        before: Sample | None = None,
        patience_seconds: float,
    ) -> Sample:
        """A look once all rooms have ended and what they leave for a while is gone.

        That is after the worker's own next check, which collects ended rooms, and then when the
        counts are no higher than in `before`, or have not changed for some looks. Patience is for
        what comes after the check. Raises TimeoutError where rooms do not end.
        """
        await self._until(lambda seen: not seen["memory"]["rooms"], _ROOMS_SECONDS)
        ended = time.time()
        await self._until(
            lambda seen: any(moment["at"] > ended for moment in seen["history"]), _CHECK_SECONDS
        )
        until = time.monotonic() + patience_seconds
        steady = 0
        last = await self.sample(progress, phase)
        while time.monotonic() < until:
            await asyncio.sleep(_LOOK_SECONDS)
            now = await self.sample(progress, phase)
            steady = steady + 1 if now.counts == last.counts else 0
            last = now
            if before is None and steady >= _STEADY_LOOKS:
                break
            if before is not None and steady and _none_more(now, before):
                break
        return last

    async def loads(self) -> dict[str, float]:
        """How often each model was loaded, by role."""
        async with self._http.get(f"{self._address}/metrics") as response:
            text = await response.text()
        return {
            sample.labels["role"]: sample.value
            for family in text_string_to_metric_families(text)
            if family.name == _LOADS
            for sample in family.samples
        }

    async def _until(self, true: Callable[[dict[str, Any]], bool], timeout_seconds: float) -> None:
        async with asyncio.timeout(timeout_seconds):
            while True:
                if true(await self._memory()):
                    return
                await asyncio.sleep(_LOOK_SECONDS)

    async def _memory(self) -> dict[str, Any]:
        async with self._http.get(
            f"{self._address}/admin/memory", params={"history": "1"}
        ) as response:
            found: dict[str, Any] = await response.json()
        return found


def _none_more(now: Sample, before: Sample) -> bool:
    return all(now.counts[name] <= count for name, count in before.counts.items())
