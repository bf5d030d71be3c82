"""Which speech models exist: where they come from, what they cost, what they can do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.models.errors import ModelMissing

DEFAULT_ASR = "acft-base.en"
DEFAULT_VOICE = "en_US-ljspeech-medium"
DEMO_NAME = "demo"
"""The name of both models that ship inside the package."""

WHISPER_WINDOW_SECONDS = 30.0

STOCK_CONTEXT_SECONDS = 15.0
"""For stock Whisper models that were not measured here; those that were need 12 s."""

ACFT_NOTE = "not yet tried with FUTO's own files"
PIPER_VOICES = "rhasspy/piper-voices"
PIPER_VOICES_REVISION = "b15880f5cbc33fcfc97938b1f72411dc770e5bc4"


@dataclass(frozen=True)
class HubSource:
    """Files of one repository of the Hugging Face hub."""

    repository: str
    """`owner/name`."""
    revision: str
    """A commit, or `main` where no commit is known to be good."""
    files: tuple[str, ...]
    """Paths inside the repository; on this machine each keeps its last part as its name."""


@dataclass(frozen=True)
class ASREntry:
    """A Whisper model for faster-whisper."""

    name: str
    source: HubSource | None
    """None for the model inside the package."""
    download_megabytes: int
    licence: str
    english_only: bool
    context_seconds: float | None = STOCK_CONTEXT_SECONDS
    """The least sound, silence included, with which its encoder hears as well as with the whole
    window; None where only the whole window will do. Figures: docs/recognition.md."""
    window_seconds: float = WHISPER_WINDOW_SECONDS
    """The longest audio that the encoder hears at once."""
    prompts: bool = True
    """Trained to continue earlier text, so that prompts and hotwords help it."""
    timestamps: bool = True
    """Trained to write when each segment begins and ends."""
    converted: bool = False
    """The hub has a Hugging Face checkpoint that is converted to CTranslate2 after download."""
    note: str = ""

    @property
    def demo(self) -> bool:
        return self.source is None


@dataclass(frozen=True)
class VoiceEntry:
    """A Piper voice."""

    name: str
    source: HubSource | None
    """None for the voice inside the package."""
    download_megabytes: int
    licence: str
    """Of the recordings that the voice was trained on, as its model card states it."""
    language: str
    speakers: int = 1
    note: str = ""

    @property
    def demo(self) -> bool:
        return self.source is None


def _faster_whisper(
    name: str,
    revision: str,
    download_megabytes: int,
    *,
    context_seconds: float = STOCK_CONTEXT_SECONDS,
) -> ASREntry:
    return ASREntry(
        name=name,
        source=HubSource(
            repository=f"Systran/faster-whisper-{name}",
            revision=revision,
            files=("config.json", "vocabulary.txt", "tokenizer.json", "model.bin"),
        ),
        download_megabytes=download_megabytes,
        licence="MIT",
        english_only=name.endswith(".en"),
        context_seconds=context_seconds,
    )


def _acft(size: str, revision: str, download_megabytes: int) -> ASREntry:
    return ASREntry(
        name=f"acft-{size}",
        source=HubSource(
            repository=f"futo-org/acft-whisper-{size}",
            revision=revision,
            files=(
                "config.json",
                "generation_config.json",
                "vocab.json",
                "added_tokens.json",
                "model.safetensors",
            ),
        ),
        download_megabytes=download_megabytes,
        licence="Apache-2.0",
        english_only=size.endswith(".en"),
        context_seconds=2.0,
        converted=True,
        note=ACFT_NOTE,
    )


def _piper(
    name: str,
    download_megabytes: int,
    licence: str,
    *,
    speakers: int = 1,
    note: str = "",
) -> VoiceEntry:
    locale, dataset, quality = name.split("-")
    folder = f"{locale.split('_')[0]}/{locale}/{dataset}/{quality}"
    return VoiceEntry(
        name=name,
        source=HubSource(
            repository=PIPER_VOICES,
            revision=PIPER_VOICES_REVISION,
            files=(
                f"{folder}/MODEL_CARD",
                f"{folder}/{name}.onnx.json",
                f"{folder}/{name}.onnx",
            ),
        ),
        download_megabytes=download_megabytes,
        licence=licence,
        language=locale.replace("_", "-"),
        speakers=speakers,
        note=note,
    )


_ASR_ENTRIES = (
    _acft("base.en", "cf5dc919c1511a194dbdd3577e770dbaaf07e470", 398),
    _acft("tiny.en", "d8245aa343ada5f849d7955773f5663d65f9f13f", 232),
    _acft("small.en", "main", 1131),
    _acft("base", "main", 398),
    _acft("tiny", "main", 232),
    _acft("small", "main", 1131),
    _faster_whisper("base.en", "3d3d5dee26484f91867d81cb899cfcf72b96be6c", 148),
    _faster_whisper(
        "tiny.en", "0d3d19a32d3338f10357c0889762bd8d64bbdeba", 78, context_seconds=12.0
    ),
    _faster_whisper("small.en", "d1d751a5f8271d482d14ca55d9e2deeebbae577f", 486),
    _faster_whisper("base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66", 148, context_seconds=12.0),
    _faster_whisper("tiny", "d90ca5fe260221311c53c58e660288d3deb8d356", 78),
    _faster_whisper("small", "536b0662742c02347bc0e980a01041f333bce120", 486),
    ASREntry(
        name="distil-small.en",
        source=HubSource(
            repository="Systran/faster-distil-whisper-small.en",
            revision="main",
            files=(
                "config.json",
                "preprocessor_config.json",
                "vocabulary.json",
                "tokenizer.json",
                "model.bin",
            ),
        ),
        download_megabytes=336,
        licence="MIT",
        english_only=True,
        prompts=False,
    ),
    ASREntry(
        name=DEMO_NAME,
        source=None,
        download_megabytes=0,
        licence="same as this project",
        english_only=True,
        context_seconds=2.0,
        window_seconds=10.0,
        prompts=False,
        timestamps=False,
        note="about 330 words, made from synthetic speech; poor on a person's voice",
    ),
)

_VOICE_ENTRIES = (
    _piper("en_US-ljspeech-medium", 64, "public domain (LJ Speech)"),
    _piper("en_US-ljspeech-high", 114, "public domain (LJ Speech)"),
    _piper("en_US-kristin-medium", 64, "public domain (LibriVox)"),
    _piper("en_US-norman-medium", 64, "public domain (LibriVox)"),
    _piper("en_US-john-medium", 64, "public domain (LibriVox)"),
    _piper("en_GB-cori-medium", 64, "public domain (LibriVox)"),
    _piper("en_GB-cori-high", 114, "public domain (LibriVox)"),
    _piper("en_US-libritts-high", 137, "CC BY 4.0 (LibriTTS)", speakers=904),
    _piper(
        "en_US-libritts_r-medium",
        79,
        "CC BY 4.0 (LibriTTS-R)",
        speakers=904,
        note="fine-tuned from lessac, whose recordings are licensed for research",
    ),
    _piper(
        "en_US-lessac-medium",
        63,
        "Blizzard Challenge 2013 licence, for research",
        note="not free for every use",
    ),
    VoiceEntry(
        name=DEMO_NAME,
        source=None,
        download_megabytes=0,
        licence="same as this project",
        language="en-US",
        note="small and robotic, made from synthetic speech",
    ),
)

ASR_CATALOGUE: Mapping[str, ASREntry] = MappingProxyType({e.name: e for e in _ASR_ENTRIES})
VOICE_CATALOGUE: Mapping[str, VoiceEntry] = MappingProxyType({e.name: e for e in _VOICE_ENTRIES})


def asr_entry(name: str) -> ASREntry:
    """The catalogue's entry of an ASR model; ModelMissing with the known names otherwise."""
    entry = ASR_CATALOGUE.get(name)
    if entry is None:
        raise ModelMissing(unknown_name("ASR model", name, ASR_CATALOGUE))
    return entry


def voice_entry(name: str) -> VoiceEntry:
    """The catalogue's entry of a voice; ModelMissing with the known names otherwise."""
    entry = VOICE_CATALOGUE.get(name)
    if entry is None:
        raise ModelMissing(unknown_name("voice", name, VOICE_CATALOGUE))
    return entry


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that no catalogue has."""
    return f"There is no {what} called {name!r}; known are {', '.join(known)}."


def summary(entry: ASREntry | VoiceEntry) -> str:
    """One line for the owner: name, size of the download, where from, licence, warning."""
    if entry.source is None:
        return f"{entry.name}: part of this package, {entry.licence} ({entry.note})"
    line = (
        f"{entry.name}: {entry.download_megabytes} MB from {entry.source.repository} "
        f"on the Hugging Face hub, licence: {entry.licence}"
    )
    return f"{line} ({entry.note})" if entry.note else line
