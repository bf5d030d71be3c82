"""The systems under test: how each is started, told of a room, and ended."""

from __future__ import annotations

import json
import math
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import aiohttp

from agent.settings.conversation import TurnSettings
from benchmarks import PROBE, ROOT
from benchmarks.bench.endpoint import MODEL
from benchmarks.bench.models import ModelPair
from benchmarks.processes import Program, ProgramError
from benchmarks.speech import GREETING
from services.livekit_server.credentials import LiveKitCredentials
from services.vad.silero import WINDOW_SECONDS

START_SECONDS = 90.0


def whole_windows(silence_seconds: float) -> float:
    """The silence after which a Silero detector really says so: it judges window by window."""
    return math.ceil(silence_seconds / WINDOW_SECONDS) * WINDOW_SECONDS


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every system needs to know."""

    livekit: LiveKitCredentials
    llm_url: str
    peers_python: Path
    folder: Path
    """For logs and lag files."""
    rooms: int
    """The most rooms at once."""


class System:
    """One system in a process of its own; belongs to one event loop."""

    name: ClassVar[str]
    vad_silence_seconds: ClassVar[float]
    """Silence from which it holds speech to be over."""
    turns: ClassVar[str] = "silence"
    """What a peer ends turns by: silence alone, or as it does by default."""

    def __init__(self, surroundings: Surroundings, models: ModelPair) -> None:
        self.surroundings = surroundings
        self.models = models
        self.agent_name: str | None = f"bench-{self.name}-{models.name}"
        """Under which LiveKit dispatches it; None: it is told of rooms by `invite`."""
        self.start_seconds: float | None = None
        """From the start of its process until it took rooms."""
        self.program: Program | None = None
        self.lag_file = surroundings.folder / f"lag-{self.label}.bin"

    @property
    def label(self) -> str:
        """Its name with that of its models."""
        return f"{self.name}-{self.models.name}"

    async def start(self) -> None:
        """Start it and wait until it takes rooms. Raises ProgramError, TimeoutError."""
        began = time.monotonic()
        self.program = await Program.start(
            self.label,
            self.command(),
            log=self.surroundings.folder / f"{self.label}.log",
            environment={
                "PYTHONPATH": f"{PROBE}:{ROOT}",
                "LOOP_LAG_FILE": str(self.lag_file),
                "LIVEKIT_URL": self.surroundings.livekit.url,
                "LIVEKIT_API_KEY": self.surroundings.livekit.api_key,
                "LIVEKIT_API_SECRET": self.surroundings.livekit.api_secret,
                "OMP_NUM_THREADS": "1",
                "HF_HUB_OFFLINE": "1",
                **self.environment(),
            },
            # Away from the repository, so that nobody's .env counts.
            folder=self.surroundings.folder,
        )
        await self.wait_until_ready(self.program)
        self.start_seconds = time.monotonic() - began

    async def stop(self) -> None:
        """End it."""
        if self.program is not None:
            await self.program.stop()

    def command(self) -> list[str | Path]:
        """Its command line."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Its settings, beyond what all have."""
        return {}

    async def wait_until_ready(self, program: Program) -> None:
        """Until it takes rooms."""
        await program.wait_for_line(lambda line: line == f"{self.name} ready", START_SECONDS)

    async def invite(self, room: str, token: str) -> None:
        """Tell it of a room that a caller is about to join, where LiveKit does not."""

    def take_records(self) -> list[dict[str, Any]]:
        """What it measured of its turns since the last time, unless it tells the callers."""
        return []

    def _arguments(self) -> list[str | Path]:
        return [
            *("--asr", self.models.asr, "--voice", self.models.voice),
            *("--llm", self.surroundings.llm_url, "--llm-model", MODEL, "--greeting", GREETING),
            *("--turns", self.turns),
        ]


class Ours(System):
    """`python -m agent start`, as an operator runs it."""

    name = "ours"
    vad_silence_seconds = whole_windows(TurnSettings.model_fields["vad_silence_seconds"].default)
    llm: ClassVar[bool] = True

    def __init__(self, surroundings: Surroundings, models: ModelPair) -> None:
        super().__init__(surroundings, models)
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]

    @property
    def health_url(self) -> str:
        """Where it says that it is alive."""
        return f"http://127.0.0.1:{self.port}/healthz"

    def command(self) -> list[str | Path]:
        """As the operator's page has it."""
        return [sys.executable, "-m", "agent", "start"]

    def environment(self) -> Mapping[str, str]:
        """The defaults, but for the models and what makes systems comparable."""
        assert self.agent_name is not None
        llm = {"LLM_BASE_URL": self.surroundings.llm_url, "LLM_MODEL": MODEL} if self.llm else {}
        return {
            "AGENT_NAME": self.agent_name,
            "AGENT_DISPATCH": "explicit",
            # Callers of a benchmark may be silent for long.
            "FIRST_WORD_SECONDS": "0",
            "AGENT_GREETING": GREETING,
            "ASR_MODEL": str(self.models.asr),
            "ASR_CONTEXT": self.models.context,
            "TTS_VOICE": str(self.models.voice),
            "ASR_THREADS": "1",
            "TTS_THREADS": "1",
            "MAX_ROOMS": str(self.surroundings.rooms),
            "WORKER_PORT": str(self.port),
            "WHISPER_MODEL_PATH": str(ROOT / "models"),
            "DRAIN_SECONDS": "0",
            **llm,
        }

    async def wait_until_ready(self, program: Program) -> None:
        """Until its log says so."""
        await program.wait_for_line(lambda line: "worker ready" in line, START_SECONDS)


class OursBuiltin(Ours):
    """The product with nothing configured: it words its own replies."""

    name = "ours-builtin"
    llm = False


class Naive(System):
    """`benchmarks/peers/naive.py`."""

    name = "naive"
    vad_silence_seconds = whole_windows(0.55)

    def command(self) -> list[str | Path]:
        """In this environment."""
        assert self.agent_name is not None
        module = "benchmarks.peers.naive"
        return [sys.executable, "-m", module, *self._arguments(), "--agent-name", self.agent_name]


class Pipecat(System):
    """`benchmarks/peers/pipecat_bot.py`."""

    name = "pipecat"
    vad_silence_seconds = 0.3

    def __init__(self, surroundings: Surroundings, models: ModelPair) -> None:
        super().__init__(surroundings, models)
        self.agent_name = None

    def command(self) -> list[str | Path]:
        """In the peers' environment."""
        python = python_of_peers(self.surroundings.peers_python)
        url = self.surroundings.livekit.url
        return [python, "-m", "benchmarks.peers.pipecat_bot", *self._arguments(), "--url", url]

    async def invite(self, room: str, token: str) -> None:
        """Its transport joins with a token of its own."""
        assert self.program is not None
        await self.program.write_line(f"{room} {token}")

    def take_records(self) -> list[dict[str, Any]]:
        """It prints them."""
        assert self.program is not None
        lines = self.program.take_lines(lambda line: line.startswith('{"room"'))
        return [json.loads(line) for line in lines]


IN_ROOMS: dict[str, type[System]] = {s.name: s for s in (Ours, Naive, Pipecat)}


def python_of_peers(python: Path) -> Path:
    """`python`, if it is there. Raises ProgramError."""
    if not python.exists():
        raise ProgramError(f"the peers are not installed: there is no {python}")
    return python


async def health_seconds(url: str, session: aiohttp.ClientSession) -> float:
    """How long the worker takes to say that it is alive."""
    began = time.monotonic()
    async with session.get(url) as response:
        await response.read()
    return time.monotonic() - began
