"""The interface of the sources of models."""

from pathlib import Path
from typing import Literal, Protocol

from .entries import ModelEntry
from .files import ModelFile
from .transfer import Advance

SourceName = Literal["hub", "index"]


class Offer(Protocol):
    """One model, as one source has it."""

    @property
    def place(self) -> str:
        """Description of the place, for the owner and the manifest."""

    def downloads(self, missing: list[ModelFile]) -> list[ModelFile]:
        """Return what must be downloaded for the missing files: themselves, or their archives."""

    def bring(self, missing: list[ModelFile], staging: Path, advance: Advance) -> None:
        """Fetch the missing files into `staging`, each under its part name, checked.

        Raises SourceUnreachable if the source does not answer, SourceRefused if it does not have
        the file, DownloadCorrupt if it sent other bytes.
        """


class Source(Protocol):
    """A source of models; for use by one thread."""

    name: SourceName

    def offer(self, entry: ModelEntry) -> Offer | None:
        """Return the model at this source, or None if the catalogue has none; sends nothing."""
