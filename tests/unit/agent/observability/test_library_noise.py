"""The lines of libraries that are dropped are lines that the installed libraries log."""

from __future__ import annotations

import importlib.util
import mmap
from importlib.metadata import version
from pathlib import Path

import pytest

from agent.observability.library_noise import (
    CHATTER,
    FREED_ALREADY,
    MCP_FAILED,
    QUOTING,
    UNUSED_STREAM,
)


def folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.mark.parametrize(
    ("package", "distribution", "text"),
    [
        *(("livekit.agents", "livekit-agents", text) for text in (*CHATTER, *QUOTING, MCP_FAILED)),
        *(("livekit.rtc", "livekit", text) for text in UNUSED_STREAM),
    ],
)
def test_the_library_still_logs_it(package: str, distribution: str, text: str) -> None:
    sources = folder_of(package).rglob("*.py")
    assert any(text in source.read_text(encoding="utf-8") for source in sources), (
        f"{distribution} {version(distribution)} has no line {text!r}: look up what it logs now"
    )


def test_the_native_library_still_logs_it() -> None:
    resources = folder_of("livekit.rtc") / "resources"
    (library,) = (file for file in resources.glob("*livekit_ffi.*") if file.suffix != ".h")
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as code:
        assert code.find(FREED_ALREADY.encode()) >= 0, (
            f"the native library of livekit {version('livekit')} has no line {FREED_ALREADY!r}"
        )
