"""A name or a path becomes checked files, or one sentence with the cure."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.models import (
    DEFAULT_VOICES,
    DEMO_ASR,
    DEMO_VOICE,
    ModelCorrupt,
    ModelMissing,
    resolve_asr,
    resolve_first_voice,
    resolve_voice,
)
from services.models.manifest import MANIFEST_NAME, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An owner's own copy of a small Whisper, without a description."""
    copy = Path(shutil.copytree(DEMO_ASR.folder, tmp_path / "mine"))
    (copy / "agent-model.json").unlink()
    return copy


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """An owner's own copy of a small voice."""
    shutil.copy(DEMO_VOICE.model, tmp_path / "mine.onnx")
    shutil.copy(DEMO_VOICE.config, tmp_path / "mine.onnx.json")
    return tmp_path / "mine.onnx"


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """A cache with the catalogue's `tiny.en` in it."""
    model = tmp_path / "cache" / "asr" / "tiny.en"
    shutil.copytree(DEMO_ASR.folder, model)
    write_manifest(model, name="tiny.en", source="somebody")
    return tmp_path / "cache"


def test_the_demo_models_resolve_to_what_the_package_declares(tmp_path: Path) -> None:
    assert resolve_asr("demo", cache=tmp_path) == DEMO_ASR
    assert resolve_voice("demo", cache=tmp_path) == DEMO_VOICE


def test_the_demo_models_are_the_demo_by_their_paths_too(tmp_path: Path) -> None:
    assert resolve_asr(str(DEMO_ASR.folder), cache=tmp_path).demo
    assert resolve_voice(str(DEMO_VOICE.model), cache=tmp_path).demo


def test_resolving_touches_no_network_library(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from services.models import *; "
        "resolve_asr('demo', cache=Path('.')); resolve_voice('demo', cache=Path('.')); "
        "sys.exit(bool({'huggingface_hub', 'httpx2', 'faster_whisper'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[4]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_a_model_that_was_not_fetched_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"not on this machine.*download-files --asr base\.en"):
        resolve_asr("base.en", cache=tmp_path)
    with pytest.raises(ModelMissing, match="download-files --voice en_US-ljspeech-medium"):
        resolve_voice("en_US-ljspeech-medium", cache=tmp_path)


def test_a_name_that_is_neither_known_nor_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"'bass\.en'.*base\.en.*no file or folder"):
        resolve_asr("bass.en", cache=tmp_path)
    with pytest.raises(ModelMissing, match="no file or folder"):
        resolve_voice("", cache=tmp_path)


def test_a_complete_model_in_the_cache_is_found(cached: Path) -> None:
    model = resolve_asr("tiny.en", cache=cached)
    assert (model.name, model.licence, model.context_seconds) == ("tiny.en", "MIT", 12.0)
    assert model.source == "somebody"
    assert model.folder == cached / "asr" / "tiny.en"


def test_a_folder_without_its_manifest_is_incomplete(cached: Path) -> None:
    (cached / "asr" / "tiny.en" / MANIFEST_NAME).unlink()
    with pytest.raises(ModelMissing, match="only partly there"):
        resolve_asr("tiny.en", cache=cached)


def one_byte_changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [one_byte_changed, cut_short, Path.unlink])
@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "config.json"])
def test_a_damaged_model_in_the_cache_is_refused(
    cached: Path, damage: Callable[[Path], None], name: str
) -> None:
    damage(cached / "asr" / "tiny.en" / name)
    with pytest.raises(ModelCorrupt, match=r"download-files --asr tiny\.en"):
        resolve_asr("tiny.en", cache=cached)


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"format": 2, "files": []}',
        '{"format": 1, "files": []}',
        '{"format": 1, "files": [{"name": "../x", "size": 1, "sha256": ""}]}',
        '{"format": 1, "files": [{"name": "x"}]}',
    ],
)
def test_a_manifest_that_says_nothing_proves_nothing(cached: Path, manifest: str) -> None:
    (cached / "asr" / "tiny.en" / MANIFEST_NAME).write_text(manifest)
    with pytest.raises(ModelCorrupt, match="unreadable"):
        resolve_asr("tiny.en", cache=cached)


def test_an_own_folder_is_taken_for_a_stock_model(folder: Path, tmp_path: Path) -> None:
    model = resolve_asr(str(folder), cache=tmp_path)
    assert (model.name, model.context_seconds, model.window_seconds) == ("mine", 15.0, 10.0)
    assert model.english_only
    assert model.prompts
    assert model.timestamps
    assert not model.demo


@pytest.mark.parametrize(("said", "context_seconds"), [(2, 2.0), (7.5, 7.5), ("full", None)])
def test_an_own_folder_may_say_what_it_is(
    folder: Path, tmp_path: Path, said: object, context_seconds: float | None
) -> None:
    (folder / "agent-model.json").write_text(
        json.dumps(
            {
                "context_seconds": said,
                "window_seconds": 8,
                "prompts": False,
                "timestamps": False,
                "licence": "MIT",
            }
        )
    )
    model = resolve_asr(str(folder), cache=tmp_path)
    assert model.context_seconds == context_seconds
    assert (model.window_seconds, model.prompts, model.timestamps) == (8.0, False, False)
    assert model.licence == "MIT"


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ('{"context_seconds": "short"}', 'a number or "full"'),
        ('{"context_seconds": 0}', 'a number or "full"'),
        ('{"context_seconds": NaN}', 'a number or "full"'),
        ('{"context_seconds": 1' + "0" * 400 + "}", 'a number or "full"'),
        ('{"context": "fitted"}', "may contain only context_seconds"),
        ('{"window_seconds": 0}', "window_seconds"),
        ('{"window_seconds": true}', "window_seconds"),
        ('{"window_seconds": 30}', "at most 10"),
        ('{"prompt": true}', "may contain only"),
        ('["fitted"]', "may contain only"),
        ("fitted", "not valid JSON"),
    ],
)
def test_a_wrong_description_of_an_own_folder_is_refused(
    folder: Path, tmp_path: Path, description: str, said: str
) -> None:
    (folder / "agent-model.json").write_text(description)
    with pytest.raises(ModelCorrupt, match=said):
        resolve_asr(str(folder), cache=tmp_path)


def test_a_relative_path_and_a_home_path_are_understood(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_asr("./mine", cache=tmp_path).folder == folder
    assert resolve_asr("~/mine", cache=tmp_path).folder == folder


def test_a_catalogue_name_goes_before_a_folder_of_that_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder.rename(tmp_path / "base.en")
    with pytest.raises(ModelMissing, match="download-files"):
        resolve_asr("base.en", cache=tmp_path)
    assert resolve_asr("./base.en", cache=tmp_path).folder == tmp_path / "base.en"


def test_an_own_voice_is_found_by_its_file_and_by_its_folder(voice: Path, tmp_path: Path) -> None:
    found = resolve_voice(str(voice), cache=tmp_path)
    assert (found.name, found.sample_rate, found.speakers) == ("mine", 22050, 1)
    assert found.config == voice.with_name("mine.onnx.json")
    assert not found.demo
    assert resolve_voice(str(tmp_path), cache=tmp_path) == found


def test_a_folder_of_several_voices_must_be_named_closer(voice: Path, tmp_path: Path) -> None:
    shutil.copy(voice, tmp_path / "other.onnx")
    with pytest.raises(ModelMissing, match=r"2 \.onnx files"):
        resolve_voice(str(tmp_path), cache=tmp_path)


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """A cache with the catalogue's ljspeech and joe in it."""
    for name in ("en_US-ljspeech-medium", "en_US-joe-medium"):
        folder = tmp_path / "voices" / name
        folder.mkdir(parents=True)
        shutil.copy(DEMO_VOICE.model, folder / f"{name}.onnx")
        shutil.copy(DEMO_VOICE.config, folder / f"{name}.onnx.json")
        write_manifest(folder, name=name, source="somebody")
    return tmp_path


def test_of_several_voices_the_first_that_is_here_is_taken(voices: Path) -> None:
    assert resolve_first_voice(DEFAULT_VOICES, cache=voices).name == DEFAULT_VOICES[0]
    shutil.rmtree(voices / "voices" / DEFAULT_VOICES[0])
    assert resolve_first_voice(DEFAULT_VOICES, cache=voices).name == DEFAULT_VOICES[1]
    shutil.rmtree(voices / "voices" / DEFAULT_VOICES[1])
    with pytest.raises(ModelMissing, match=f"download-files --voice {DEFAULT_VOICES[0]}"):
        resolve_first_voice(DEFAULT_VOICES, cache=voices)


def test_a_damaged_voice_is_passed_over_and_the_log_says_so(
    voices: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cut_short(voices / "voices" / DEFAULT_VOICES[0] / f"{DEFAULT_VOICES[0]}.onnx")
    assert resolve_first_voice(DEFAULT_VOICES, cache=voices).name == DEFAULT_VOICES[1]
    (record,) = caplog.records
    assert DEFAULT_VOICES[0] in vars(record)["reason"]
