"""The entries of the catalogue: what is known of a model before it is fetched."""

from dataclasses import dataclass

from .files import HubFolder, Member, ModelFile, Wheel, WheelMembers
from .piper_list import language_names

DEMO_NAME = "demo"
"""The name of both models inside the package."""

WHISPER_WINDOW_SECONDS = 30.0

STOCK_CONTEXT_SECONDS = 15.0
"""For stock Whisper models that were not measured; the measured ones need 12 s."""

SEE_MODEL_CARD = "see its model card"
"""The licence of a voice whose model card was not read here."""


@dataclass(frozen=True)
class ASREntry:
    """A Whisper model for faster-whisper."""

    name: str
    files: tuple[ModelFile, ...]
    """Empty for the model inside the package."""
    licence: str
    english_only: bool
    context_seconds: float | None = STOCK_CONTEXT_SECONDS
    """The shortest input, silence included, that the encoder hears as well as a whole window;
    None if it always needs the whole window. Figures: docs/recognition.md."""
    window_seconds: float = WHISPER_WINDOW_SECONDS
    """The longest audio that the encoder takes at once."""
    prompts: bool = True
    """Whether it was trained to continue earlier text, so that prompts and hotwords help."""
    timestamps: bool = True
    """Whether it was trained to write when each segment begins and ends."""
    hub: HubFolder | None = None
    packaged: WheelMembers | None = None
    note: str = ""

    @property
    def demo(self) -> bool:
        return not self.files


@dataclass(frozen=True)
class VoiceEntry:
    """A Piper voice."""

    name: str
    files: tuple[ModelFile, ...]
    """Empty for the voice inside the package."""
    licence: str
    """Licence of the recordings that it was trained on, as its model card states."""
    language: str
    """Language tag, such as `de-DE`."""
    sample_rate: int
    """Hz."""
    quality: str = ""
    """Piper's word for its size: `x_low`, `low`, `medium` or `high`; empty for the demo."""
    speakers: int = 1
    hub: HubFolder | None = None
    packaged: WheelMembers | None = None
    note: str = ""

    @property
    def demo(self) -> bool:
        return not self.files

    @property
    def licence_known(self) -> bool:
        """Whether its model card was read here."""
        return self.licence != SEE_MODEL_CARD

    @property
    def base_language(self) -> str:
        """The language without its country, such as `de`."""
        return self.language.partition("-")[0]

    def speaks(self, language: str) -> bool:
        """Whether this is a language of the voice: a tag, a part of it, or a name of it.

        `de`, `de-DE`, `de_de`, `german` and `Deutsch` are the same; `de-AT` is not.
        """
        wanted = language.replace("_", "-").casefold()
        names = (self.language, self.base_language, *language_names(self.base_language))
        return wanted in (name.casefold() for name in names)


@dataclass(frozen=True)
class TurnEntry:
    """An acoustic end-of-turn model, for `endpointing.acoustic`."""

    name: str
    files: tuple[ModelFile, ...]
    licence: str
    hub: HubFolder | None = None
    packaged: WheelMembers | None = None
    note: str = ""

    @property
    def demo(self) -> bool:
        """Never: there is none inside the package."""
        return False


ModelEntry = ASREntry | VoiceEntry | TurnEntry


def sha256_file(name: str, size: int, digits: str) -> ModelFile:
    """Return a file that is pinned by the digits of its SHA-256."""
    return ModelFile(name, size, f"sha256:{digits}")


def members(wheel: Wheel, folder: str, *names: str) -> dict[str, tuple[Member, ...]]:
    """Return the files of one folder of a wheel, by name."""
    return {name: (Member(wheel, f"{folder}/{name}"),) for name in names}
