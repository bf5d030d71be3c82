"""What can go wrong with a model, each error naming the model and the cure."""


class ModelError(Exception):
    """A model cannot be used, fetched or converted; the text is one sentence for the owner."""


class ModelMissing(ModelError):
    """The model is not on this machine, only partly on it, or unknown."""


class ModelCorrupt(ModelError):
    """The files are there, but they are not what a model of this kind consists of."""


class ConversionError(ModelError):
    """A Hugging Face checkpoint cannot be turned into a CTranslate2 model."""


class FetchError(ModelError):
    """A model could not be fetched."""


class HubUnreachable(FetchError):
    """The hub did not answer in time, or stopped answering; trying again later may help."""


class HubRefused(FetchError):
    """The hub answered that it does not have the file or does not hand it out."""


class DownloadCorrupt(FetchError):
    """The bytes that came are not the ones that the hub announced; they were thrown away."""


class DiskFull(FetchError):
    """The download would fill the disk beyond what is allowed; nothing was fetched."""


def download_command(kind: str, name: str) -> str:
    """The command that fetches a model of `kind` (`asr` or `voice`) anew."""
    return f"python -m agent download-files --{kind} {name}"
