"""Files that are no whole model are recognised without loading them."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from services.models import DEMO_ASR, DEMO_VOICE, ModelCorrupt, ModelMissing
from services.models.structure import check_voice, check_whisper


@pytest.fixture
def whisper(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO_ASR.folder, tmp_path / "whisper"))


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    shutil.copy(DEMO_VOICE.model, tmp_path / "mine.onnx")
    shutil.copy(DEMO_VOICE.config, tmp_path / "mine.onnx.json")
    return tmp_path / "mine.onnx"


def config_of(voice: Path) -> Path:
    return voice.with_name(f"{voice.name}.json")


def test_a_whisper_tells_its_window_and_vocabulary(whisper: Path) -> None:
    facts = check_whisper(whisper)
    assert (facts.window_seconds, facts.vocabulary_size, facts.english_only) == (10.0, 910, True)


def test_a_list_of_tokens_as_text_is_accepted(whisper: Path) -> None:
    (whisper / "vocabulary.json").rename(whisper / "vocabulary.txt")
    assert check_whisper(whisper).vocabulary_size == 910


def keep(share: float) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        path = folder / "model.bin"
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return cut


def extend(folder: Path) -> None:
    with (folder / "model.bin").open("ab") as file:
        file.write(b"more")


def other_kind(folder: Path) -> None:
    path = folder / "model.bin"
    path.write_bytes(path.read_bytes().replace(b"WhisperSpec", b"SpeakerSpec", 1))


def other_version(folder: Path) -> None:
    path = folder / "model.bin"
    path.write_bytes(struct.pack("<I", 99) + path.read_bytes()[4:])


def no_weights(folder: Path) -> None:
    name = b"WhisperSpec\0"
    (folder / "model.bin").write_bytes(
        struct.pack("<IH", 6, len(name)) + name + struct.pack("<III", 3, 0, 0)
    )


def checkpoint(folder: Path) -> None:
    (folder / "model.bin").rename(folder / "model.safetensors")


def short_vocabulary(folder: Path) -> None:
    (folder / "vocabulary.json").write_text(json.dumps(["a", "b"]))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (keep(0), "cut short"),
        (keep(0.001), "cut short"),
        (keep(0.5), "cut short"),
        (keep(0.99999), "cut short"),
        (extend, "more bytes"),
        (other_kind, "not a readable CTranslate2 Whisper"),
        (other_version, "not a readable CTranslate2 Whisper"),
        (no_weights, "lacks weights"),
        (checkpoint, "ct2-transformers-converter"),
        (short_vocabulary, "910 tokens"),
        (lambda f: (f / "tokenizer.json").unlink(), r"no tokenizer\.json"),
        (lambda f: (f / "config.json").unlink(), r"no config\.json"),
        (lambda f: (f / "vocabulary.json").unlink(), r"no vocabulary\.json"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "not valid JSON"),
        (lambda f: (f / "config.json").write_bytes(b"\xff"), "not valid JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "not a JSON object"),
    ],
)
def test_what_is_no_whole_whisper_is_refused(
    whisper: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(whisper)
    with pytest.raises(ModelCorrupt, match=said):
        check_whisper(whisper)


def test_a_file_is_no_whisper_folder(whisper: Path) -> None:
    with pytest.raises(ModelMissing, match="no folder"):
        check_whisper(whisper / "model.bin")


def test_a_voice_tells_its_rate_and_speakers(voice: Path) -> None:
    facts = check_voice(voice, config_of(voice))
    assert (facts.sample_rate, facts.speakers, facts.language) == (22050, 1, "en-US")


@pytest.mark.parametrize(
    "config",
    [
        "{}",
        "[]",
        '{"audio": {"sample_rate": 0}, "phoneme_id_map": {"a": [1]}}',
        '{"audio": {"sample_rate": "fast"}, "phoneme_id_map": {"a": [1]}}',
        '{"audio": {"sample_rate": 22050}, "phoneme_id_map": {}}',
        '{"audio": {"sample_rate": 22050}}',
        '{"audio": [], "phoneme_id_map": {"a": [1]}}',
    ],
)
def test_a_configuration_without_the_essentials_is_refused(voice: Path, config: str) -> None:
    config_of(voice).write_text(config)
    with pytest.raises(ModelCorrupt, match="phoneme_id_map"):
        check_voice(voice, config_of(voice))


def test_a_voice_without_its_configuration_is_missing(voice: Path) -> None:
    config_of(voice).unlink()
    with pytest.raises(ModelMissing, match=r"mine\.onnx\.json"):
        check_voice(voice, config_of(voice))


@pytest.mark.parametrize(
    "change",
    [
        {"phoneme_id_map": {"a": "text"}},
        {"phoneme_id_map": {"a": [2**63]}},
        {"audio": {"sample_rate": 10**30}},
        {"num_speakers": 2**63},
        {"default_speaker_id": 7},
        {"espeak": {"voice": "../../x"}},
        {"hop_length": 0},
        {"inference": {"length_scale": 1e300}},
        {"inference": {"noise_scale": "loud"}},
    ],
)
def test_a_configuration_beyond_bounds_is_refused(voice: Path, change: dict[str, object]) -> None:
    config = config_of(voice)
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    with pytest.raises(ModelCorrupt, match=next(iter(change))):
        check_voice(voice, config)


def test_json_that_is_too_deep_is_refused(voice: Path) -> None:
    config_of(voice).write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(ModelCorrupt, match="not valid JSON"):
        check_voice(voice, config_of(voice))
