"""Check that files are a complete model, by their structure, without loading them."""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .errors import ModelCorrupt, ModelMissing
from .voice_config import VoiceConfigError, check_voice_config

MULTILINGUAL_VOCABULARY = 51865
"""Whisper vocabularies of at least this size cover many languages."""

SECONDS_PER_ENCODER_POSITION = 0.02
WHISPER_FILES = ("config.json", "tokenizer.json", "model.bin")
SPEC_NAME = "WhisperSpec"
BINARY_VERSIONS = range(4, 7)


@dataclass(frozen=True)
class WhisperFacts:
    """Facts from the files of a CTranslate2 Whisper."""

    vocabulary_size: int
    window_seconds: float
    """The longest audio that the encoder has positions for."""

    @property
    def english_only(self) -> bool:
        return self.vocabulary_size < MULTILINGUAL_VOCABULARY


@dataclass(frozen=True)
class VoiceFacts:
    """Facts from the configuration of a Piper voice."""

    sample_rate: int
    """Hz."""
    speakers: int
    language: str


def check_whisper(folder: Path) -> WhisperFacts:
    """Check a CTranslate2 Whisper folder for faster-whisper.

    Detects missing, truncated and foreign files. `tokenizer.json` is required, as faster-whisper
    would otherwise request one from the hub. Raises ModelMissing if there is no such folder, else
    ModelCorrupt.
    """
    if not folder.is_dir():
        raise ModelMissing(f"There is no folder {folder}.")
    if not (folder / "model.bin").is_file() and (folder / "model.safetensors").is_file():
        raise ModelCorrupt(
            f"{folder} holds a Hugging Face checkpoint; convert it once, where transformers and "
            f"torch are installed, with: ct2-transformers-converter --model {folder} --output_dir "
            "NEW_FOLDER --quantization int8 --copy_files tokenizer.json preprocessor_config.json"
        )
    for name in WHISPER_FILES:
        if not (folder / name).is_file():
            raise ModelCorrupt(f"{folder} is no complete Whisper model: it has no {name}.")
    for name in ("config.json", "tokenizer.json"):
        if not isinstance(read_json(folder / name), dict):
            raise ModelCorrupt(f"{folder / name} is not a JSON object.")
    facts = _walk_ctranslate2(folder / "model.bin")
    _check_vocabulary(folder, facts.vocabulary_size)
    return facts


def check_voice(model: Path, config: Path) -> VoiceFacts:
    """Check that both files of a Piper voice exist, and its configuration.

    Raises ModelMissing if a file is missing, else ModelCorrupt.
    """
    for path in (model, config):
        if not path.is_file():
            raise ModelMissing(f"The voice {model.stem} has no file {path}.")
    try:
        content = check_voice_config(read_json(config))
    except VoiceConfigError as error:
        raise ModelCorrupt(
            f"{config} is not the configuration of a Piper voice: it needs audio.sample_rate, "
            f"espeak.voice, num_symbols and phoneme_id_map ({error})."
        ) from None
    return VoiceFacts(
        sample_rate=content.audio.sample_rate,
        speakers=content.num_speakers,
        language=content.language.code.replace("_", "-"),
    )


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; raises ModelCorrupt."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise ModelCorrupt(f"{path} is not valid JSON.") from None


def _check_vocabulary(folder: Path, size: int) -> None:
    listed = folder / "vocabulary.json"
    if not listed.is_file():
        if not (folder / "vocabulary.txt").is_file():
            raise ModelCorrupt(f"{folder} is no complete Whisper model: it has no vocabulary.json.")
        return
    tokens = read_json(listed)
    if not isinstance(tokens, list) or len(tokens) != size:
        raise ModelCorrupt(f"{listed} does not list the {size} tokens of the model.bin beside it.")


def _walk_ctranslate2(path: Path) -> WhisperFacts:
    """Step through the variables of a model.bin, which must end with the file."""
    shapes: dict[str, tuple[int, ...]] = {}
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            (version,) = _unpack(file, "<I")
            if version not in BINARY_VERSIONS or _string(file) != SPEC_NAME:
                raise ModelCorrupt(f"{path} is not a readable CTranslate2 Whisper model.")
            _revision, variables = _unpack(file, "<II")
            for _ in range(variables):
                name = _string(file)
                (rank,) = _unpack(file, "<B")
                shapes[name] = _unpack(file, f"<{rank}I")
                _dtype, length = _unpack(file, "<BI")
                if file.seek(length, 1) > size:
                    raise EOFError
            (aliases,) = _unpack(file, "<I")
            for _ in range(aliases):
                alias, name = _string(file), _string(file)
                shapes[alias] = shapes.get(name, ())
        except (EOFError, UnicodeDecodeError) as error:
            raise ModelCorrupt(
                f"{path} is cut short or damaged; copy or fetch it again."
            ) from error
        if file.tell() != size:
            raise ModelCorrupt(f"{path} has more bytes than its model; copy or fetch it again.")
    try:
        return WhisperFacts(
            vocabulary_size=shapes["decoder/embeddings/weight"][0],
            window_seconds=shapes["encoder/position_encodings/encodings"][0]
            * SECONDS_PER_ENCODER_POSITION,
        )
    except (KeyError, IndexError) as error:
        raise ModelCorrupt(f"{path} lacks weights of a Whisper model.") from error


def _unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    wanted = struct.calcsize(layout)
    data = file.read(wanted)
    if len(data) != wanted:
        raise EOFError
    return struct.unpack(layout, data)


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<H")
    data = file.read(length)
    if len(data) != length or not data.endswith(b"\0"):
        raise EOFError
    return data[:-1].decode("utf-8")
