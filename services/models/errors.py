"""Errors about models; each message names the model and the cure."""

from collections.abc import Sequence

from ..program import program


class ModelError(Exception):
    """A model cannot be used or fetched; the message is one sentence for the owner."""


class ModelMissing(ModelError):
    """The model is unknown, or not on this machine, or only partly."""


class ModelCorrupt(ModelError):
    """The files exist but are not a model of this kind."""


class FetchError(ModelError):
    """A model could not be fetched."""


class SourceError(FetchError):
    """One source cannot provide a file; another may."""


class SourceUnreachable(SourceError):
    """The source did not answer in time or stopped answering; a later attempt may succeed."""


class SourceRefused(SourceError):
    """The source answered that it does not have the file or does not give access."""


class DownloadCorrupt(SourceError):
    """The received bytes differ from the catalogue's checksum and were discarded."""


class NoSource(FetchError):
    """No source in use has the model, or all of them failed."""

    def __init__(self, text: str, problems: Sequence[SourceError] = ()) -> None:
        super().__init__(text)
        self.problems = tuple(problems)
        """The error of each source."""


class DiskFull(FetchError):
    """The download would exceed the disk limit; nothing was fetched."""


def download_command(kind: str, name: str) -> str:
    """Return the command that fetches a model of `kind` (`asr`, `voice` or `turn`) again."""
    return f"{program()} download-files --{kind} {name}"
