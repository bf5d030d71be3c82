"""The two forms of a log line: JSON, and readable for people."""

import json
import logging
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent.observability.masking import Mask, debugging, without_bodies

_SPOKEN = "lk.pii."
"""Prefix of the framework's fields that hold a caller's words."""

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_COLORS = {"DEBUG": "36", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
_PLAIN_VALUE = re.compile(r"[\w.:/@%+,\-]+")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


class JSONFormatter(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, message, and the fields of the event."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one event."""
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
        return self._mask(json.dumps(line, ensure_ascii=False))


class ReadableFormatter(logging.Formatter):
    """Lines for people: time, level, logger, message, and the fields of the event as name=value."""

    def __init__(self, mask: Mask, *, color: bool = False) -> None:
        super().__init__()
        self._mask = mask
        self._color = color

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one event; an exception follows on further lines."""
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
        return self._mask(f"{line}\n{problem}" if problem else line)


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _STANDARD_FIELDS
        and not name.startswith("_")
        and (record.levelno <= logging.DEBUG or not name.startswith(_SPOKEN))
    }


def _problem(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info:
        trace = formatter.formatException(record.exc_info)
        parts.append(trace if debugging() else without_bodies(trace, record.exc_info[1]))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)


def _plain(value: Any) -> Any:
    """Convert a value to what JSON can hold."""
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
