"""Logging of the whole process: readable or JSON lines with room and job, without secrets."""

import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Collection
from types import TracebackType
from typing import Literal, TextIO

from agent.observability.formatting import JSONFormatter, ReadableFormatter
from agent.observability.library_noise import quiet_libraries, tame
from agent.observability.masking import Mask, debugging
from services.web.http.ratelimit import RateLimit

logger = logging.getLogger("agent.observability.logging")

_EVENT_CHARACTERS = 60
_LINES_AT_ONCE = 200
_LINES_PER_MINUTE = 120.0
"""Of one event; callers may repeat what causes a line as often as they like."""
_PLACE_TIMES = 5
"""How many times as many lines one place in the code may log, of all its events together."""


def setup_logging(
    level: str,
    form: Literal["readable", "json"],
    *,
    secrets: Collection[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send every log line of the process to `stream` (default: standard error).

    May be called again. `level` is the lowest severity shown: debug, info, warning or error. Values
    in `secrets` and all tokens are masked. Words of callers are shown at debug only. Warnings and
    uncaught exceptions of all threads become log lines too.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    stream = stream or sys.stderr
    handler = _Handler(stream)
    handler.addFilter(_add_job)
    handler.addFilter(tame)
    handler.addFilter(_RepeatLimit())
    mask = Mask(secrets)
    if form == "json":
        handler.setFormatter(JSONFormatter(mask))
    else:
        handler.setFormatter(ReadableFormatter(mask, color=_has_color(stream)))
    root = logging.getLogger()
    for old in [item for item in root.handlers if isinstance(item, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(least)
    quiet_libraries(least)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class _Handler(logging.StreamHandler[TextIO]):
    """The one handler that `setup_logging` installs."""


class _RepeatLimit:
    """A filter that drops lines which one place in the code logs too often.

    The next line of that place says how many. At debug nothing is dropped. Safe from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_event = RateLimit(_LINES_PER_MINUTE, burst=_LINES_AT_ONCE)
        self._of_place = RateLimit(
            _PLACE_TIMES * _LINES_PER_MINUTE, burst=_PLACE_TIMES * _LINES_AT_ONCE
        )
        self._left_out: Counter[str] = Counter()

    def __call__(self, record: logging.LogRecord) -> bool:
        if debugging():
            return True
        place = f"{record.pathname}:{record.lineno}"
        # One place of asyncio logs the failures of all callbacks and tasks.
        event = f"{place}:{str(record.msg)[:_EVENT_CHARACTERS]}"
        with self._lock:
            if self._of_event.take(event) > 0 or self._of_place.take(place) > 0:
                self._left_out[place] += 1
                return False
            if place in self._left_out:
                vars(record)["left_out"] = self._left_out.pop(place)
            return True


def _add_job(record: logging.LogRecord) -> bool:
    # Most commands have no rooms and must not wait for the framework's import.
    framework = sys.modules.get("livekit.agents")
    get_job_context = getattr(framework, "get_job_context", None)
    job = get_job_context(required=False) if get_job_context is not None else None
    if job is not None:
        vars(record).setdefault("room", job.job.room.name)
        vars(record).setdefault("job_id", job.job.id)
    return True


def _has_color(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    logger.critical(
        "uncaught exception in a thread",
        exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
        extra={"thread_name": args.thread.name if args.thread else "unknown"},
    )
