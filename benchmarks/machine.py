"""What the figures were measured on."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import psutil

_OURS = (
    *("livekit-agents", "livekit", "livekit-plugins-silero", "faster-whisper", "ctranslate2"),
    *("piper-tts", "onnxruntime", "numpy"),
)
_PEERS = (
    *("pipecat-ai", "wyoming-faster-whisper", "wyoming-piper", "livekit", "faster-whisper"),
    *("ctranslate2", "piper-tts", "onnxruntime"),
)


def describe_machine() -> dict[str, str | int | float]:
    """Processor, cores, memory, system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def our_versions() -> dict[str, str]:
    """Of what this environment has."""
    found = {}
    for name in _OURS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def peer_versions(python: Path) -> dict[str, str]:
    """Of what the peers' environment has; empty when there is none."""
    program = (
        "import importlib.metadata as m, json\n"
        "found = {}\n"
        f"for name in {_PEERS!r}:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    try:
        done = subprocess.run(
            [python, "-c", program], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    versions: dict[str, str] = json.loads(done.stdout)
    return versions


def livekit_version(program: str) -> str:
    """What the server says of itself."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
