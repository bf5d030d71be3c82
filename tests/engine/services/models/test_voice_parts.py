"""A voice is cut once, in a process of its own, and its parts are kept whole or not at all."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.models import DEMO_VOICE, ModelCorrupt, resolve_voice
from services.models.voice_parts import CutVoice, VoiceParts, WholeVoice, voice_parts
from tests.support.small_vits import write_small_vits


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """An owner's own voice that can be cut."""
    (tmp_path / "own").mkdir()
    return write_small_vits(tmp_path / "own")[0]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def files(cache: Path) -> dict[str, int]:
    """The files of the cache, with what tells whether they were written anew."""
    return {str(p.relative_to(cache)): p.stat().st_ino for p in cache.rglob("*") if p.is_file()}


def test_a_voice_is_cut_once_and_its_parts_are_kept(voice: Path, cache: Path) -> None:
    first = resolve_voice(str(voice), cache=cache).parts
    assert isinstance(first, CutVoice)
    kept = files(cache)
    assert {Path(name).name for name in kept} == {
        "front.onnx",
        "vocoder.onnx",
        "parts.json",
        "manifest.json",
    }
    assert resolve_voice(str(voice), cache=cache).parts == first
    assert files(cache) == kept


def test_another_voice_of_the_same_name_has_parts_of_its_own(voice: Path, cache: Path) -> None:
    first = voice_parts(voice, cache)
    write_small_vits(voice.parent, durations=False)
    second = voice_parts(voice, cache)
    assert isinstance(first, CutVoice)
    assert isinstance(second, CutVoice)
    assert first.front != second.front
    assert (first.durations is None, second.durations is None) == (False, True)
    # Those of the voice that the file held before are gone.
    assert [path.name for path in (cache / "parts").iterdir()] == [second.front.parent.name]


@pytest.mark.parametrize("part", ["front.onnx", "vocoder.onnx", "parts.json", "manifest.json"])
def test_a_damaged_part_is_made_anew(voice: Path, cache: Path, part: str) -> None:
    parts = voice_parts(voice, cache)
    assert isinstance(parts, CutVoice)
    damaged = parts.front.with_name(part)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    assert voice_parts(voice, cache) == parts
    assert damaged.read_bytes() == whole
    assert len(list((cache / "parts").iterdir())) == 1


def test_a_voice_without_a_vocoder_is_known_to_be_whole(tmp_path: Path, cache: Path) -> None:
    copy = Path(shutil.copy(DEMO_VOICE.model, tmp_path / "mine.onnx"))
    parts = voice_parts(copy, cache)
    assert isinstance(parts, WholeVoice)
    assert (parts.model, "transposed convolution" in parts.reason) == (copy, True)
    kept = files(cache)
    assert voice_parts(copy, cache) == parts
    assert files(cache) == kept


def test_a_cache_that_cannot_be_written_leaves_the_voice_whole(
    voice: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.mkdir()
    (cache / "parts").write_text("in the way")
    parts = voice_parts(voice, cache)
    assert isinstance(parts, WholeVoice)
    assert parts.model == voice
    (line,) = caplog.records
    assert "sound begins later" in line.message
    assert str(cache / "parts") in vars(line)["reason"]


def test_a_disk_that_fills_up_leaves_the_voice_whole_and_nothing_behind(
    voice: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        parts = voice_parts(voice, cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert parts == WholeVoice(voice, "File too large")
    assert len(caplog.records) == 1
    assert not files(cache)
    assert isinstance(voice_parts(voice, cache), CutVoice)


def test_cutting_that_takes_too_long_is_given_up(
    voice: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.models.derived.TIMEOUT_SECONDS", 0.001)
    parts = voice_parts(voice, cache)
    assert parts == WholeVoice(voice, "cutting it took longer than 0.001 s")
    assert not files(cache)


def test_several_at_once_get_the_same_parts(voice: Path, cache: Path) -> None:
    found: list[VoiceParts] = []
    threads = [
        threading.Thread(target=lambda: found.append(voice_parts(voice, cache))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 3
    assert len(set(found)) == 1
    assert isinstance(found[0], CutVoice)
    assert [path.name for path in (cache / "parts").iterdir()] == [found[0].front.parent.name]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99999])
def test_an_own_voice_that_is_cut_short_is_refused_with_the_cure(
    voice: Path, cache: Path, share: float
) -> None:
    content = voice.read_bytes()
    voice.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelCorrupt, match=r"not a readable ONNX file.*fetch it again\.$"):
        resolve_voice(str(voice), cache=cache)
    assert not files(cache)


def test_the_process_that_speaks_never_imports_onnx(voice: Path, cache: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from services.models import resolve_voice\n"
        "from services.tts.piper.voice import PiperVoice\n"
        "voice = resolve_voice(sys.argv[1], cache=Path(sys.argv[2]))\n"
        "loaded = PiperVoice.load(voice.model, voice.config, parts=voice.parts)\n"
        "sys.exit(not loaded.network.can_stream or 'onnx' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(voice), str(cache)]
    root = Path(__file__).parents[4]
    assert subprocess.run(command, cwd=root, check=False).returncode == 0
