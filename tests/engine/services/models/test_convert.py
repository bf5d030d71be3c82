"""A converted checkpoint hears as the model that ships with the package does."""

import json
import math
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel
from safetensors.numpy import load_file, save_file

from services.models import DEMO_ASR, ConversionError, resolve_asr
from services.models.convert import convert_whisper, main

CHECKPOINT = Path(__file__).parents[3] / "models" / "demo-hf"
SPEECH = Path(__file__).parents[3] / "speech"
SAMPLE_RATE = 16000
SILENCE_SECONDS = 0.2
CONTEXT_BEYOND_SECONDS = 1.0


class FittedWhisper(WhisperModel):  # type: ignore[misc]
    """faster-whisper whose encoder hears the utterance and little more."""

    frames = 0

    def encode(self, features: Any) -> Any:
        return super().encode(np.ascontiguousarray(features[..., : self.frames]))

    def text_of(self, path: Path) -> str:
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        silence = np.zeros(int(SILENCE_SECONDS * SAMPLE_RATE), np.float32)
        audio = np.concatenate([silence, samples.astype(np.float32) / 32768, silence])
        seconds = len(audio) / SAMPLE_RATE + CONTEXT_BEYOND_SECONDS
        self.frames = min(1000, math.ceil(seconds * 100))
        segments, _ = self.transcribe(
            audio,
            language="en",
            beam_size=1,
            temperature=0,
            without_timestamps=True,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments)


def turns() -> list[dict[str, str]]:
    index: list[dict[str, str]] = json.loads((SPEECH / "index.json").read_text())
    return [entry for entry in index if entry["kind"] == "turn"]


def transcripts(folder: Path) -> list[str]:
    model = FittedWhisper(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    return [model.text_of(SPEECH / turn["file"]) for turn in turns()]


def wrong_words(expected: str, heard: str) -> int:
    """Words to insert, delete or replace."""
    wanted, got = expected.split(), heard.split()
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


@pytest.fixture(scope="module")
def demo_transcripts() -> list[str]:
    return transcripts(DEMO_ASR.folder)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(CHECKPOINT, tmp_path / "checkpoint"))


def test_the_conversion_hears_what_the_demo_model_hears(
    tmp_path: Path, demo_transcripts: list[str]
) -> None:
    convert_whisper(CHECKPOINT, tmp_path / "model")
    assert transcripts(tmp_path / "model") == demo_transcripts
    expected = [turn["text"] for turn in turns()]
    wrong = sum(map(wrong_words, expected, demo_transcripts))
    assert wrong <= 0.1 * sum(len(text.split()) for text in expected)


def test_the_settings_of_decoding_are_carried_over(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "generation_config.json").write_text(
        json.dumps(
            {
                "suppress_tokens": [3, 4],
                "begin_suppress_tokens": [5],
                "alignment_heads": [[1, 2]],
                "lang_to_id": {"<|en|>": 602},
            }
        )
    )
    convert_whisper(checkpoint, tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text()) == {
        "suppress_ids": [3, 4],
        "suppress_ids_begin": [5],
        "alignment_heads": [[1, 2]],
        "lang_ids": [602],
    }


def test_a_projection_of_its_own_is_kept(checkpoint: Path, tmp_path: Path) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"] + np.float32(0.5)
    save_file(weights, checkpoint / "model.safetensors")
    convert_whisper(CHECKPOINT, tmp_path / "tied")
    convert_whisper(checkpoint, tmp_path / "untied")
    grown = [(tmp_path / n / "model.bin").stat().st_size for n in ("tied", "untied")]
    assert grown[1] - grown[0] > weights["proj_out.weight"].size


def test_half_precision_weights_are_read(checkpoint: Path, tmp_path: Path) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    halves = {name: array.astype(np.float16) for name, array in weights.items()}
    save_file(halves, checkpoint / "model.safetensors")
    convert_whisper(checkpoint, tmp_path / "model")
    assert resolve_asr(str(tmp_path / "model"), cache=tmp_path).english_only


def without_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.encoder.conv1.weight"]
    save_file(weights, folder / "model.safetensors")


def with_whole_numbers(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.encoder.conv1.weight"] = np.zeros((1, 1, 1), np.int8)
    save_file(weights, folder / "model.safetensors")


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def with_setting(folder: Path, key: str, value: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_weight, r"no model\.encoder\.conv1\.weight"),
        (with_whole_numbers, "int8"),
        (cut_short, "cannot be read"),
        (lambda f: (f / "model.safetensors").unlink(), "cannot be read"),
        (lambda f: (f / "tokenizer.json").unlink(), "neither tokenizer.json nor vocab.json"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "no tokenizer that can be read"),
        (lambda f: (f / "config.json").write_text("[]"), "not a JSON object"),
        (lambda f: (f / "config.json").write_text("{"), "cannot be read"),
        (lambda f: with_setting(f, "vocab_size", 100), "vocabulary"),
        (lambda f: with_setting(f, "decoder_layers", 3), r"no model\.decoder\.layers\.2"),
        (lambda f: with_setting(f, "num_mel_bins", "80"), "num_mel_bins"),
        (lambda f: with_setting(f, "activation_function", "relu"), "no Whisper"),
    ],
)
def test_what_is_no_whole_whisper_is_refused(
    checkpoint: Path, tmp_path: Path, damage: Any, said: str
) -> None:
    damage(checkpoint)
    with pytest.raises(ConversionError, match=said):
        convert_whisper(checkpoint, tmp_path / "model")


def test_an_unknown_quantization_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="int8_float32"):
        convert_whisper(CHECKPOINT, tmp_path, quantization="int3")


def test_the_command_converts_and_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["convert", str(CHECKPOINT), str(tmp_path / "model")])
    assert main() == 0
    assert resolve_asr(str(tmp_path / "model"), cache=tmp_path).name == "model"
    monkeypatch.setattr("sys.argv", ["convert", str(tmp_path), str(tmp_path / "other")])
    assert main() == 1
    assert "config.json cannot be read" in capsys.readouterr().err
