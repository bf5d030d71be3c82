"""Find the files of a model by catalogue name or path, and check them; needs no network."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .catalogue import ASR_CATALOGUE, VOICE_CATALOGUE, turn_entry, unknown_name
from .entries import DEMO_NAME, STOCK_CONTEXT_SECONDS, ASREntry, VoiceEntry
from .errors import ModelCorrupt, ModelError, ModelMissing, download_command
from .manifest import verify_manifest
from .structure import check_voice, check_whisper, read_json
from .voice_parts import VoiceParts, WholeVoice, voice_parts

logger = logging.getLogger("services.models")

OWN_ASR_FILE = "agent-model.json"
"""Optional file beside an owner's model; see `describe_own` for its content."""
FULL_CONTEXT = "full"
"""Value in that file: the encoder always gets the whole window."""
LONGEST_DURATION_SECONDS = 3600.0
"""Upper bound for durations in that file; no encoder takes as much."""

MADE_HERE = "made for this project"
DEMO_FOLDER = Path(__file__).parent / "demo"
DEMO_ASR_FOLDER = DEMO_FOLDER / "whisper-demo-en"
DEMO_VOICE_MODEL = DEMO_FOLDER / "demo-en.onnx"
DEMO_VOICE_PARTS = WholeVoice(DEMO_VOICE_MODEL, "it has no vocoder")


@dataclass(frozen=True)
class ASRModel:
    """A Whisper model whose files are on this machine, ready for faster-whisper."""

    name: str
    """Catalogue name, or the folder's name for an owner's model."""
    folder: Path
    context_seconds: float | None
    """The shortest input of the encoder; None for always the whole window."""
    window_seconds: float
    """The longest audio that the encoder takes at once."""
    english_only: bool
    prompts: bool
    """Whether it was trained to continue earlier text, so that prompts and hotwords help."""
    timestamps: bool
    """Whether it was trained to write when each segment begins and ends."""
    demo: bool
    licence: str
    source: str
    """Description of where it came from."""
    note: str = ""


@dataclass(frozen=True)
class Voice:
    """A Piper voice whose files are on this machine."""

    name: str
    model: Path
    """The `.onnx` file."""
    config: Path
    """The `.onnx.json` file."""
    parts: VoiceParts
    """The files that the network is loaded from."""
    sample_rate: int
    """Hz."""
    speakers: int
    language: str
    demo: bool
    licence: str
    source: str
    """Description of where it came from."""
    note: str = ""


@dataclass(frozen=True)
class TurnModel:
    """An acoustic end-of-turn model whose file is on this machine."""

    name: str
    file: Path
    """The `.onnx` file."""
    source: str
    """Description of where it came from."""


def resolve_asr(name_or_path: str, *, cache: Path) -> ASRModel:
    """Find and check an ASR model: a catalogue name, else a folder.

    A catalogue model is checked byte for byte against its manifest, which reads about 1 GB a
    second, an owner's folder by its structure. A folder that has the name of a catalogue model
    is given as `./NAME`. Blocks on the disk; safe in any thread. Raises ModelMissing or
    ModelCorrupt with the cure.
    """
    entry = ASR_CATALOGUE.get(name_or_path)
    if entry is None:
        return _own_asr(_existing(name_or_path, "ASR model", ASR_CATALOGUE))
    folder, source = DEMO_ASR_FOLDER, MADE_HERE
    if not entry.demo:
        folder = asr_folder(entry.name, cache)
        cure = download_command("asr", entry.name)
        source = verify_manifest(folder, what=f"The ASR model {entry.name}", cure=cure)
    facts = check_whisper(folder)
    return replace(
        asr_model(entry, folder, source),
        window_seconds=facts.window_seconds,
        english_only=facts.english_only,
    )


def resolve_voice(name_or_path: str, *, cache: Path) -> Voice:
    """Find and check a voice: a catalogue name, else an `.onnx` file or its folder.

    As `resolve_asr`; an owner's voice needs its `.onnx.json` beside the `.onnx`. A voice that
    was not used before is cut into its parts.
    """
    entry = VOICE_CATALOGUE.get(name_or_path)
    if entry is None:
        return _own_voice(_existing(name_or_path, "voice", VOICE_CATALOGUE), cache)
    if entry.demo:
        return _demo_voice(entry)
    folder = voice_folder(entry.name, cache)
    cure = download_command("voice", entry.name)
    source = verify_manifest(folder, what=f"The voice {entry.name}", cure=cure)
    model = folder / f"{entry.name}.onnx"
    return _voice(entry, model, voice_parts(model, cache), source)


def resolve_first_voice(names_or_paths: Sequence[str], *, cache: Path) -> Voice:
    """Find and check the first available of several voices; see `resolve_voice`.

    If none is available, raises the error of the first, which is the preferred one.
    """
    problems: list[ModelError] = []
    for name_or_path in names_or_paths:
        try:
            return resolve_voice(name_or_path, cache=cache)
        except ModelError as problem:
            problems.append(problem)
            if isinstance(problem, ModelCorrupt):
                logger.warning("voice skipped", extra={"reason": str(problem)})
    raise problems[0] if problems else ModelMissing("No voice is configured; set TTS_VOICE.")


def resolve_turn(name: str, *, cache: Path) -> TurnModel:
    """Find and check an end-of-turn model of the catalogue, byte for byte.

    Raises ModelMissing or ModelCorrupt, with the cure.
    """
    entry = turn_entry(name)
    folder = turn_folder(name, cache)
    cure = download_command("turn", name)
    source = verify_manifest(folder, what=f"The end-of-turn model {name}", cure=cure)
    return TurnModel(name, folder / entry.files[0].name, source)


def asr_folder(name: str, cache: Path) -> Path:
    """Return the folder of a fetched ASR model."""
    return cache / "asr" / name


def voice_folder(name: str, cache: Path) -> Path:
    """Return the folder of a fetched voice."""
    return cache / "voices" / name


def turn_folder(name: str, cache: Path) -> Path:
    """Return the folder of a fetched end-of-turn model."""
    return cache / "turn" / name


def asr_model(entry: ASREntry, folder: Path, source: str) -> ASRModel:
    """Describe a catalogue model whose files are in `folder`, without checking them."""
    return ASRModel(
        name=entry.name,
        folder=folder,
        context_seconds=entry.context_seconds,
        window_seconds=entry.window_seconds,
        english_only=entry.english_only,
        prompts=entry.prompts,
        timestamps=entry.timestamps,
        demo=entry.demo,
        licence=entry.licence,
        source=source,
        note=entry.note,
    )


def describe_own(content: Any, where: Path) -> dict[str, Any]:
    """Check the content of an `agent-model.json`; raises ModelCorrupt, which lists what is allowed.

    All keys are optional: `context_seconds` (the shortest input of the encoder, or "full" for
    always the whole window), `window_seconds` (at most the encoder's own), `prompts` and
    `timestamps` (whether it was trained with them), `licence`.
    """
    allowed = (
        'context_seconds (a number or "full"), window_seconds (a number), prompts and '
        "timestamps (true or false), licence (text)"
    )
    fits = isinstance(content, dict) and all(
        (key == "context_seconds" and (value == FULL_CONTEXT or _is_duration(value)))
        or (key == "window_seconds" and _is_duration(value))
        or (key in ("prompts", "timestamps") and isinstance(value, bool))
        or (key == "licence" and isinstance(value, str))
        for key, value in content.items()
    )
    if not fits:
        raise ModelCorrupt(f"{where} may contain only {allowed}.")
    return dict(content)


def _is_duration(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value <= LONGEST_DURATION_SECONDS


def _existing(name_or_path: str, what: str, known: Any) -> Path:
    path = Path(name_or_path).expanduser()
    if not name_or_path or not path.exists():
        sentence = unknown_name(what, name_or_path, known).removesuffix(".")
        raise ModelMissing(f"{sentence}, and no file or folder has that path.")
    return path.resolve()


def _own_asr(folder: Path) -> ASRModel:
    if folder == DEMO_ASR_FOLDER:
        return asr_model(ASR_CATALOGUE[DEMO_NAME], folder, MADE_HERE)
    facts = check_whisper(folder)
    description = folder / OWN_ASR_FILE
    own: dict[str, Any] = {}
    if description.is_file():
        own = describe_own(read_json(description), description)
    context = own.get("context_seconds", STOCK_CONTEXT_SECONDS)
    window_seconds = float(own.get("window_seconds", facts.window_seconds))
    if window_seconds > facts.window_seconds:
        raise ModelCorrupt(
            f"{description} sets window_seconds to {window_seconds:g}, but the encoder of that "
            f"model takes at most {facts.window_seconds:g}."
        )
    return ASRModel(
        name=folder.name,
        folder=folder,
        context_seconds=None if context == FULL_CONTEXT else float(context),
        window_seconds=window_seconds,
        english_only=facts.english_only,
        prompts=own.get("prompts", True),
        timestamps=own.get("timestamps", True),
        demo=False,
        licence=own.get("licence", "its owner's"),
        source="the owner's own folder",
    )


def _own_voice(path: Path, cache: Path) -> Voice:
    if path.is_dir():
        models = sorted(path.glob("*.onnx"))
        if len(models) != 1:
            raise ModelMissing(
                f"{path} holds {len(models)} .onnx files; give the path of one of them."
            )
        path = models[0]
    if path == DEMO_VOICE_MODEL:
        return _demo_voice(VOICE_CATALOGUE[DEMO_NAME])
    config = path.with_name(f"{path.name}.json")
    facts = check_voice(path, config)
    return Voice(
        name=path.stem,
        model=path,
        config=config,
        parts=voice_parts(path, cache),
        sample_rate=facts.sample_rate,
        speakers=facts.speakers,
        language=facts.language,
        demo=False,
        licence="its owner's",
        source="the owner's own file",
    )


def _demo_voice(entry: VoiceEntry) -> Voice:
    return _voice(entry, DEMO_VOICE_MODEL, DEMO_VOICE_PARTS, MADE_HERE)


def _voice(entry: VoiceEntry, model: Path, parts: VoiceParts, source: str) -> Voice:
    config = model.with_name(f"{model.name}.json")
    facts = check_voice(model, config)
    return Voice(
        name=entry.name,
        model=model,
        config=config,
        parts=parts,
        sample_rate=facts.sample_rate,
        speakers=facts.speakers,
        language=entry.language,
        demo=entry.demo,
        licence=entry.licence,
        source=source,
        note=entry.note,
    )
