"""The log of a LiveKit server, relayed to that of this process."""

import asyncio
import json
import logging
from collections import deque

logger = logging.getLogger("services.livekit_server")

LONGEST_LINE_BYTES = 1 << 20

_LEVELS = {"debug": logging.DEBUG, "info": logging.DEBUG, "warn": logging.DEBUG}
"""The server warns each time a caller leaves."""

_DROPPED_FIELDS = ("level", "ts", "logger", "caller", "msg", "stacktrace")


class LogRelay:
    """Logs each line of a server, and keeps the last ones that explain why it ended."""

    def __init__(self) -> None:
        self._last_lines: deque[str] = deque(maxlen=3)

    @property
    def last_lines(self) -> str:
        """The last warnings, errors and lines that are not JSON."""
        return "; ".join(self._last_lines)

    async def relay(self, stream: asyncio.StreamReader) -> None:
        """Log every line until the stream ends."""
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                # Too long a line; the stream has dropped it.
                continue
            if not line:
                return
            self._log(line.decode(errors="replace").strip())

    def _log(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            entry = None
        if not isinstance(entry, dict):
            if line:
                self._last_lines.append(line)
                logger.debug("livekit-server wrote", extra={"line": line})
            return
        level = _LEVELS.get(str(entry.get("level")), logging.WARNING)
        fields = {name: value for name, value in entry.items() if name not in _DROPPED_FIELDS}
        if entry.get("level") not in ("debug", "info"):
            self._last_lines.append(" ".join([str(entry.get("msg")), *map(str, fields.values())]))
        logger.log(
            level,
            "livekit-server: %s",
            entry.get("msg"),
            extra={"fields": fields} if fields else {},
        )
