"""What can go wrong with a model, each error naming the model and the cure."""

from collections.abc import Sequence


class ModelError(Exception):
    """A model cannot be used or fetched; the text is one sentence for the owner."""


class ModelMissing(ModelError):
    """The model is not on this machine, only partly on it, or unknown."""


class ModelCorrupt(ModelError):
    """The files are there, but they are not what a model of this kind consists of."""


class FetchError(ModelError):
    """A model could not be fetched."""


class SourceError(FetchError):
    """One source cannot give a file; another source may."""


class SourceUnreachable(SourceError):
    """The source did not answer in time, or stopped answering; trying again later may help."""


class SourceRefused(SourceError):
    """The source answered that it does not have the file or does not hand it out."""


class DownloadCorrupt(SourceError):
    """The bytes that came are not the ones of the catalogue; they were thrown away."""


class NoSource(FetchError):
    """None of the sources in use has the model, or every one of them failed."""

    def __init__(self, text: str, problems: Sequence[SourceError] = ()) -> None:
        super().__init__(text)
        self.problems = tuple(problems)
        """What each source said."""


class DiskFull(FetchError):
    """The download would fill the disk beyond what is allowed; nothing was fetched."""


def download_command(kind: str, name: str) -> str:
    """The command that fetches a model of `kind` (`asr` or `voice`) anew."""
    return f"python -m agent download-files --{kind} {name}"
