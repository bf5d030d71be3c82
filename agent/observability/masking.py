"""Keeping secrets, and words of callers, out of the log."""

import json
import logging
import re
import threading
from collections.abc import Collection, Iterable

_SHORTEST_SECRET = 8
"""A shorter one would mask ordinary words; LiveKit's own development secret is "secret"."""

_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")
_MASK = "***"


class Mask:
    """Replaces secrets and tokens in text, those of `mask_also` too. Safe from any thread."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._secrets = _spellings(secrets)

    def __call__(self, text: str) -> str:
        """Return the text with every secret and token replaced."""
        # The longest first, as one may be the beginning of another.
        for secret in sorted(self._secrets | _more, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        return _TOKEN.sub(_MASK, text)


def mask_also(secrets: Iterable[str]) -> None:
    """Mask these too in every line of the process from now on. Safe from any thread.

    For secrets that become known later than the settings, such as those that agents name.
    """
    global _more
    with _lock:
        _more |= _spellings(secrets)


def _spellings(secrets: Iterable[str]) -> frozenset[str]:
    """Return the secrets worth masking, also as they are written within JSON."""
    long_enough = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    escaped = [json.dumps(secret, ensure_ascii=False)[1:-1] for secret in long_enough]
    return frozenset((*long_enough, *escaped))


_lock = threading.Lock()
_more: frozenset[str] = frozenset()


def debugging() -> bool:
    """Whether the level is debug, at which words of callers are logged."""
    return logging.getLogger().isEnabledFor(logging.DEBUG)


def error_text(error: object) -> str:
    """Return what may be logged about an error above `debug`.

    A service may quote the request in its answer, so the text of an error with a body is left out.
    """
    if getattr(error, "body", None) is None:
        return str(error) or type(error).__name__
    status = getattr(error, "status_code", -1)
    return f"{type(error).__name__} {status}" if status > 0 else type(error).__name__


def without_bodies(text: str, error: BaseException | None) -> str:
    """Mask the texts of errors in a traceback that may quote a request."""
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
