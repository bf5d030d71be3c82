"""Fetch a model of the catalogue into the cache: whole and checked, or not at all."""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from filelock import FileLock, Timeout

from services.models.catalogue import (
    ASREntry,
    HubSource,
    VoiceEntry,
    asr_entry,
    summary,
    voice_entry,
)
from services.models.errors import DiskFull, FetchError, ModelError
from services.models.manifest import write_manifest
from services.models.progress import Progress, SilentProgress
from services.models.resolve import (
    FULL_CONTEXT,
    OWN_ASR_FILE,
    ASRModel,
    Voice,
    asr_folder,
    resolve_asr,
    resolve_voice,
    voice_folder,
)
from services.models.structure import WhisperFacts, check_voice, check_whisper

if TYPE_CHECKING:
    from services.models.hub import Hub, RemoteFile

logger = logging.getLogger("services.models")

T = TypeVar("T")

CONNECT_TIMEOUT_SECONDS = 4.0
"""How long the hub may take to answer a question about a file."""

DISK_LIMIT_PERCENT = 95
"""No download may leave the disk fuller than this."""

CONVERTED_SHARE = 0.5
"""Room for the result of a conversion, as a share of the checkpoint's size."""


class DiskUsage(NamedTuple):
    """Bytes of a file system, as `shutil.disk_usage` counts them."""

    total: int
    used: int
    free: int


def fetch_asr(
    name: str,
    *,
    cache: Path,
    progress: Progress | None = None,
    endpoint: str | None = None,
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    disk_usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
) -> ASRModel:
    """The ASR model of that name, fetched (and converted) where it is not here yet.

    `endpoint` is the hub's address (default: `HF_ENDPOINT`, else the public hub). Blocks until
    done: minutes. Safe from several threads and processes at once. HubUnreachable within about
    `connect_timeout_seconds` where the hub is silent; the other FetchErrors and ConversionError
    say what to do. What came before a broken transfer is kept, apart from the models, for the
    next call.
    """
    entry = asr_entry(name)
    show = progress or SilentProgress()

    def build(sources: Path, model: Path) -> None:
        if entry.converted:
            # Kept out of the start of a worker that has its models.
            from services.models.convert import convert_whisper

            show.say(f"{name}: converting to CTranslate2, int8")
            convert_whisper(sources, model)
        else:
            _link_all(sources, model)
        _describe(entry, check_whisper(model), model)

    return _fetch(
        entry,
        key=f"asr-{name}",
        cache=cache,
        final=asr_folder(name, cache),
        resolve=lambda: resolve_asr(name, cache=cache),
        build=build,
        show=show,
        endpoint=endpoint,
        connect_timeout_seconds=connect_timeout_seconds,
        disk_usage=disk_usage,
    )


def fetch_voice(
    name: str,
    *,
    cache: Path,
    progress: Progress | None = None,
    endpoint: str | None = None,
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    disk_usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
) -> Voice:
    """The voice of that name, fetched where it is not here yet; otherwise as `fetch_asr`."""
    entry = voice_entry(name)

    def build(sources: Path, model: Path) -> None:
        _link_all(sources, model)
        check_voice(model / f"{name}.onnx", model / f"{name}.onnx.json")

    return _fetch(
        entry,
        key=f"voice-{name}",
        cache=cache,
        final=voice_folder(name, cache),
        resolve=lambda: resolve_voice(name, cache=cache),
        build=build,
        show=progress or SilentProgress(),
        endpoint=endpoint,
        connect_timeout_seconds=connect_timeout_seconds,
        disk_usage=disk_usage,
    )


def _fetch(
    entry: ASREntry | VoiceEntry,
    *,
    key: str,
    cache: Path,
    final: Path,
    resolve: Callable[[], T],
    build: Callable[[Path, Path], None],
    show: Progress,
    endpoint: str | None,
    connect_timeout_seconds: float,
    disk_usage: Callable[[Path], tuple[int, int, int]],
) -> T:
    """What both kinds share; `build` makes the model's folder from the folder of its sources."""
    try:
        return resolve()
    except ModelError as error:
        if entry.source is None:
            raise
        reason = str(error)
    # Its libraries take a quarter of a second to import, which a start without a download saves.
    from services.models.hub import Hub

    try:
        with _alone(cache, key, show) as staging:
            # Someone else may have fetched it while this caller waited for its turn.
            with suppress(ModelError):
                return resolve()
            logger.info("fetching model", extra={"model": entry.name, "reason": reason})
            show.say(summary(entry))
            with Hub(endpoint, connect_timeout_seconds=connect_timeout_seconds) as hub:
                remote = _describe_all(hub, entry.source)
                converted = isinstance(entry, ASREntry) and entry.converted
                _download_all(hub, entry.name, remote, staging, show, disk_usage, converted)
            _install(entry.name, entry.source, remote, staging, final, build)
        return resolve()
    except OSError as error:
        raise FetchError(
            f"{entry.name} could not be stored ({error}); check the cache folder and its disk."
        ) from error


@contextmanager
def _alone(cache: Path, key: str, show: Progress) -> Iterator[Path]:
    """The staging folder of one model, for this caller only, among threads and processes."""
    staging = cache / ".partial" / key
    staging.mkdir(parents=True, exist_ok=True)
    lock = FileLock(staging.with_name(f"{key}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        show.say(f"{key}: someone else is fetching it; waiting for them")
        lock.acquire(poll_interval=0.1)
    try:
        staging.mkdir(exist_ok=True)
        yield staging
    finally:
        lock.release()


def _describe_all(hub: "Hub", source: HubSource) -> "list[RemoteFile]":
    """The hub's description of every file, all at the commit of the first."""
    described: list[RemoteFile] = []
    for path in source.files:
        revision = described[0].commit if described else source.revision
        described.append(hub.describe(source.repository, revision, path))
    return described


def _download_all(
    hub: "Hub",
    name: str,
    remote: "list[RemoteFile]",
    staging: Path,
    show: Progress,
    disk_usage: Callable[[Path], tuple[int, int, int]],
    converted: bool,
) -> None:
    # Named by checksum, so that bytes of another revision are never taken for these.
    targets = {file: staging / f"{file.checksum}.part" for file in remote}
    total = sum(file.size for file in remote)
    here = sum(t.stat().st_size for t in targets.values() if t.exists())
    result = int(total * CONVERTED_SHARE) if converted else 0
    _check_disk(name, total - here + result, DiskUsage(*disk_usage(staging)))
    started = time.monotonic()
    show.start(name, total, here)
    try:
        for file, target in targets.items():
            hub.download(file, target, advance=show.advance)
    finally:
        show.finish()
    logger.info(
        "model fetched",
        extra={
            "model": name,
            "bytes": total - here,
            "resumed_bytes": here,
            "seconds": round(time.monotonic() - started, 1),
        },
    )


def _check_disk(name: str, needed: int, usage: DiskUsage) -> None:
    room = usage.free - (usage.used + usage.free) * (100 - DISK_LIMIT_PERCENT) // 100
    if needed > room:
        raise DiskFull(
            f"{name} needs {needed / 1e6:.0f} MB, but the disk has only "
            f"{max(0, room) / 1e6:.0f} MB until it is {DISK_LIMIT_PERCENT} % full; "
            "free some, or set another cache folder."
        )


def _install(
    name: str,
    source: HubSource,
    remote: "list[RemoteFile]",
    staging: Path,
    final: Path,
    build: Callable[[Path, Path], None],
) -> None:
    """Build the model beside its final place, write the manifest last, then move it there."""
    sources, model = staging / "sources", staging / "model"
    for folder in (sources, model):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    for file in remote:
        _link(staging / f"{file.checksum}.part", sources / file.name)
    build(sources, model)
    write_manifest(model, name=name, repository=source.repository, revision=remote[0].commit)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        final.rename(staging / f"replaced-{time.time_ns()}")
    model.rename(final)
    shutil.rmtree(staging, ignore_errors=True)


def _describe(entry: ASREntry, facts: WhisperFacts, model: Path) -> None:
    """Leave the model's properties beside it, so that it can be moved and used by its path."""
    content = {
        "context_seconds": entry.context_seconds or FULL_CONTEXT,
        "window_seconds": facts.window_seconds,
        "prompts": entry.prompts,
        "timestamps": entry.timestamps,
        "licence": entry.licence,
    }
    (model / OWN_ASR_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _link_all(sources: Path, model: Path) -> None:
    for path in sources.iterdir():
        _link(path, model / path.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
