"""Lines come from a pipe or a file without holding up the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest

from agent.console.lines import LineReader


class Pipe:
    """A pipe with a writing end of the test's own."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self.source: TextIO = os.fdopen(reading)

    def write(self, data: bytes) -> None:
        os.write(self._writing, data)

    def end(self) -> None:
        with suppress(OSError):
            os.close(self._writing)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    found = Pipe()
    yield found
    found.end()
    found.source.close()


async def all_lines(reader: LineReader) -> list[str]:
    lines = []
    while (line := await reader.next()) is not None:
        lines.append(line)
    return lines


async def test_lines_of_a_pipe_in_any_pieces(pipe: Pipe) -> None:
    reader = LineReader(pipe.source)
    pipe.write(b"one\ntw")
    assert await reader.next() == "one"
    waiting = asyncio.ensure_future(reader.next())
    await asyncio.sleep(0)
    pipe.write("o\r\nthé last".encode())
    assert await waiting == "two"
    pipe.end()
    assert await all_lines(reader) == ["thé last"]
    assert await reader.next() is None


async def test_waiting_can_be_given_up_and_taken_up_again(pipe: Pipe) -> None:
    reader = LineReader(pipe.source)
    waiting = asyncio.ensure_future(reader.next())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    pipe.write(b"after all\n")
    assert await reader.next() == "after all"


async def test_lines_of_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\n\ntwo\xff\n")
    with path.open() as source:
        assert await all_lines(LineReader(source)) == ["one", "", "two\ufffd"]


@pytest.mark.parametrize("null", [Path(os.devnull)])
async def test_nothing_at_all(null: Path) -> None:
    with null.open() as source:
        assert await all_lines(LineReader(source)) == []


async def test_endless_line_is_cut_rather_than_kept(tmp_path: Path) -> None:
    path = tmp_path / "endless"
    path.write_bytes(b"x" * 1_000_000)
    with path.open() as source:
        lines = await all_lines(LineReader(source))
    assert "".join(lines) == "x" * 1_000_000
    assert max(map(len, lines)) <= 200_000
