"""What every place that models come from can do."""

from pathlib import Path
from typing import Literal, Protocol

from .catalogue import ASREntry, VoiceEntry
from .files import ModelFile
from .transfer import Advance

SourceName = Literal["hub", "index"]


class Offer(Protocol):
    """One model at one source."""

    @property
    def place(self) -> str:
        """Where the files lie there, in words, for the owner and the manifest."""

    def downloads(self, missing: list[ModelFile]) -> list[ModelFile]:
        """What has to be sent for the files that are missing: these, or what holds them."""

    def bring(self, missing: list[ModelFile], staging: Path, advance: Advance) -> None:
        """Bring the missing files into `staging`, each under its part name, whole and checked.

        SourceUnreachable where the source is silent, SourceRefused where it has not the file,
        DownloadCorrupt where it sent something else.
        """


class Source(Protocol):
    """A place that has files of models; for one thread."""

    name: SourceName

    def offer(self, entry: ASREntry | VoiceEntry) -> Offer | None:
        """The model there; None where the catalogue knows of none. Asks nobody."""
