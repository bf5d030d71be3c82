"""Show what each step of a worker's start takes of memory: `python -m scripts.memory_steps`."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from pathlib import Path

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024

IMPORTS = (
    "numpy",
    "livekit.agents",
    "onnxruntime",
    "faster_whisper",
    "piper",
    "agent.runtime.supervisor",
    "agent.runtime.worker",
)


class Steps:
    """Prints the resident set after each step, and what the step added."""

    def __init__(self) -> None:
        print(f"{'step':36} {'MB':>7} {'more':>7}   threads")
        self._last = resident_mb()
        self("interpreter")

    def __call__(self, name: str) -> None:
        """`name` has just been done."""
        now = resident_mb()
        threads = len(os.listdir("/proc/self/task"))
        print(f"{name:36} {now:7.1f} {now - self._last:+7.1f}   {threads}")
        self._last = now


def resident_mb() -> float:
    """The resident set, without importing anything to find out."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KB / 1024


def main() -> int:
    """Start what a worker starts, without a LiveKit server; Linux only."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asr", default="demo", help="model of the recogniser")
    parser.add_argument("--voice", default="demo", help="voice")
    parser.add_argument("--cache", type=Path, default=Path("models"), help="where models are")
    parser.add_argument(
        "--end-of-turn", action="store_true", help="load the acoustic end-of-turn model as well"
    )
    arguments = parser.parse_args()
    if not sys.platform.startswith("linux"):
        print("this needs /proc", file=sys.stderr)
        return 1
    os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")
    logging.basicConfig(level=logging.WARNING)
    step = Steps()
    for module in IMPORTS:
        importlib.import_module(module)
        step(f"import {module}")

    from livekit.rtc._ffi_client import FfiClient

    _ = FfiClient.instance
    step("WebRTC, native")
    _load_models(arguments, step)
    if arguments.end_of_turn:
        import livekit.local_inference

        livekit.local_inference.init_eot()
        step("end-of-turn model")

    from services.memory import settle

    settle()
    step("settled (collected, trimmed)")
    return 0


def _load_models(arguments: argparse.Namespace, step: Steps) -> None:
    from services.shared.config import EngineConfig
    from services.shared.engines import SharedEngines

    speech = SharedEngines(
        EngineConfig(asr=arguments.asr, voice=arguments.voice, cache=arguments.cache)
    )
    for name, model in (
        ("voice activity", speech.voice_activity),
        ("recogniser, warm", speech.asr),
        ("voice, warm", speech.tts),
    ):
        model.get_blocking()
        step(name)


if __name__ == "__main__":
    sys.exit(main())
