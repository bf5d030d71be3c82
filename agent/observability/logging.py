"""Logging of the whole process: readable or JSON lines with room and job, without secrets."""

import json
import logging
import math
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

from services.web.http.ratelimit import RateLimit

logger = logging.getLogger("agent.observability.logging")

_SHORTEST_SECRET = 8
"""Shorter ones would mask ordinary words; LiveKit's own development secret is "secret"."""

_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")
_MASK = "***"
_SPOKEN = "lk.pii."
"""What the framework's fields with something a person said begin with."""

_NOISY = (
    "aiohttp.access",
    "asyncio",
    "faster_whisper",
    "filelock",
    "httpcore2",
    "httpx2",
    "huggingface_hub",
    "livekit",
    "matplotlib",
    "openai",
    "opentelemetry",
    "piper",
    "py.warnings",
    "urllib3",
    "watchfiles",
)
"""Loggers whose lines below a warning tell an operator nothing."""

_OURS = ("livekit.agents", "livekit.plugins")
"""Children of noisy loggers that keep to the level asked for."""

_CHATTER = (
    "HTTP server listening",
    "initializing job runner",
    "job runner initialized",
    "plugin registered",
    "preloading plugins",
)
"""What the framework says of its own insides at each start; shown at debug only."""

_FREED_ALREADY = "Attempted to drop unknown FFI handle"
"""What the native library says of each caller who leaves: it frees their track before Python."""

_SENT_TO_NOBODY = ("ignoring text stream with topic", "ignoring byte stream with topic")
"""What the client library says of each stream that a participant sends for no purpose of ours."""

_QUOTING = ("failed to generate LLM completion", "failed to synthesize speech")
"""How lines of the framework begin that go on with what a service answered."""

_EVENT_CHARACTERS = 60
_LINES_AT_ONCE = 200
_LINES_PER_MINUTE = 120.0
"""Of one event; callers may repeat what causes a line as often as they like."""
_PLACE_TIMES = 5
"""So many times as many of one place in the code, whatever events it tells of."""

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_COLORS = {"DEBUG": "36", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
_PLAIN_VALUE = re.compile(r"[\w.:/@%+,\-]+")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def setup_logging(
    level: str,
    form: Literal["readable", "json"],
    *,
    secrets: Collection[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send every log line of the process to `stream` (standard error); may be called again.

    `level` is the least severity shown: debug, info, warning or error. Values in `secrets` are
    masked wherever they stand in a line, tokens always. What people said is shown at debug only.
    Warnings and uncaught exceptions of all threads become log lines too.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    stream = stream or sys.stderr
    handler = _Handler(stream)
    handler.addFilter(_add_job)
    handler.addFilter(_tame)
    handler.addFilter(_RepeatLimit())
    masked = frozenset(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)
    if form == "json":
        handler.setFormatter(JSONFormatter(masked))
    else:
        handler.setFormatter(ReadableFormatter(masked, color=_has_color(stream)))
    root = logging.getLogger()
    for old in [item for item in root.handlers if isinstance(item, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(least)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
    for name in _OURS:
        logging.getLogger(name).setLevel(least)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class JSONFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and the fields of the event."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """Mask the values in `secrets`."""
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The line of one event."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in _fields(record).items():
            line[f"{name}_" if name in line else name] = _plain(value)
        problem = _problem(self, record)
        if problem:
            line["exception"] = problem
        return _masked(json.dumps(line, ensure_ascii=False), self._secrets)


class ReadableFormatter(logging.Formatter):
    """Lines for people: time, level, logger, message, and the fields of the event as name=value."""

    def __init__(self, secrets: Collection[str] = (), *, color: bool = False) -> None:
        """Mask the values in `secrets`; `color` uses a terminal's colours."""
        super().__init__()
        self._secrets = secrets
        self._color = color

    def format(self, record: logging.LogRecord) -> str:
        """The line of one event; an exception follows on lines of its own."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = f"{record.levelname:<7}"
        fields = "  ".join(f"{name}={_shown(value)}" for name, value in _fields(record).items())
        message = record.getMessage().translate(_CONTROL)
        if self._color:
            level = f"\x1b[{_COLORS.get(record.levelname, '35')}m{level}\x1b[0m"
            fields = f"\x1b[2m{fields}\x1b[0m" if fields else ""
        line = f"{clock}.{int(record.msecs):03d} {level} {record.name}  {message}"
        line = f"{line}  {fields}" if fields else line
        problem = _problem(self, record)
        return _masked(f"{line}\n{problem}" if problem else line, self._secrets)


class _Handler(logging.StreamHandler[TextIO]):
    """The one handler that `setup_logging` installs."""


class _RepeatLimit:
    """Leaves out what one place in the code logs too often; its next line says how much.

    Any thread. At `debug` nothing is left out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_event = RateLimit(_LINES_PER_MINUTE, burst=_LINES_AT_ONCE)
        self._of_place = RateLimit(
            _PLACE_TIMES * _LINES_PER_MINUTE, burst=_PLACE_TIMES * _LINES_AT_ONCE
        )
        self._left_out: Counter[str] = Counter()

    def __call__(self, record: logging.LogRecord) -> bool:
        if _debugging():
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


def _tame(record: logging.LogRecord) -> bool:
    _without_trace_of_senders(record)
    if record.name.startswith("livekit."):
        message = record.getMessage()
        if message.startswith(_QUOTING) and not _debugging():
            record.msg, record.args = message.partition(":")[0], None
        chatter = record.levelno == logging.INFO and message.startswith(_CHATTER)
        return "deprecated" not in message and (not chatter or _debugging())
    if record.name == "livekit":
        return _debugging() or _FREED_ALREADY not in record.getMessage()
    if record.name == "root" and record.getMessage().startswith(_SENT_TO_NOBODY):
        return _debugging()
    if record.name == "py.warnings":
        return "DeprecationWarning" not in record.getMessage()
    return True


def _without_trace_of_senders(record: logging.LogRecord) -> None:
    """A stream that its sender broke off, or made too large, is no fault of the code."""
    error = record.exc_info[1] if record.exc_info else None
    if type(error).__qualname__ == "StreamError" and not _debugging():
        record.exc_info = None
        vars(record).setdefault("error", str(error))


def _debugging() -> bool:
    return logging.getLogger().isEnabledFor(logging.DEBUG)


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _STANDARD_FIELDS
        and not name.startswith("_")
        and (record.levelno <= logging.DEBUG or not name.startswith(_SPOKEN))
    }


def error_text(error: object) -> str:
    """What may be logged of an error above `debug`.

    Services answer an error with what they were sent, so the text of one with a body is left out.
    """
    if getattr(error, "body", None) is None:
        return str(error) or type(error).__name__
    status = getattr(error, "status_code", -1)
    return f"{type(error).__name__} {status}" if status > 0 else type(error).__name__


def _without_bodies(text: str, error: BaseException | None) -> str:
    """A traceback without the texts of those errors in its chain that quote what was sent."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        waiting += [found.__cause__, found.__context__]
        if isinstance(found, BaseExceptionGroup):
            waiting += found.exceptions
        if getattr(found, "body", None) is not None and str(found):
            text = text.replace(str(found), _MASK)
    return text


def _problem(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info:
        trace = formatter.formatException(record.exc_info)
        parts.append(trace if _debugging() else _without_bodies(trace, record.exc_info[1]))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)


def _shown(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, str) and _PLAIN_VALUE.fullmatch(plain):
        return plain
    return json.dumps(plain, ensure_ascii=False).translate(_CONTROL)


def _masked(line: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        line = line.replace(secret, _MASK)
    return _TOKEN.sub(_MASK, line)


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
