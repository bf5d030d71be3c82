"""The end-of-turn model of a process: loaded once, and nobody's call depends on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.models import DEFAULT_TURN, resolve_turn
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines

pytestmark = pytest.mark.own_copy


def engines(cache: Path) -> SharedEngines:
    return SharedEngines(EngineConfig(turn=DEFAULT_TURN, cache=cache))


def test_it_is_loaded_once_and_listed_with_the_others(genuine_cache: Path) -> None:
    speech = engines(genuine_cache)
    try:
        model = speech.acoustic.get_blocking()
        assert model is not None
        assert speech.acoustic.get_blocking() is model
        assert speech.notices == []
        assert speech.loads["end of turn"] == 1
        assert speech.loaded["end of turn"].name == DEFAULT_TURN
        assert [used.part for used in speech.in_use] == ["end of turn model"]
    finally:
        speech.close()


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_without_it_the_words_decide_and_one_sentence_says_how_to_get_it(
    genuine_cache: Path, tmp_path: Path, state: str
) -> None:
    if state == "damaged":
        folder = resolve_turn(DEFAULT_TURN, cache=genuine_cache).file.parent
        copy = Path(shutil.copytree(folder, tmp_path / "turn" / DEFAULT_TURN))
        (file,) = copy.glob("*.onnx")
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    speech = engines(tmp_path)
    try:
        assert speech.acoustic.get_blocking() is None
        (notice,) = speech.notices
        assert f"download-files --turn {DEFAULT_TURN}" in notice
        assert notice.endswith("Words and pauses alone decide when a caller is done.")
        assert "end of turn" not in speech.loaded
    finally:
        speech.close()


def test_a_process_that_wants_none_says_nothing() -> None:
    speech = SharedEngines(EngineConfig())
    try:
        assert speech.acoustic.get_blocking() is None
        assert speech.notices == []
    finally:
        speech.close()
