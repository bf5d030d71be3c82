"""Traces of the framework's work, sent where OpenTelemetry's standard variables say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.observability.otlp import Tracing

__all__ = ["start_tracing"]


def start_tracing(*, agent_name: str, words: bool = False) -> Tracing | None:
    """Send the framework's spans to the OTLP collector named in the environment.

    Call it before the first room. None, and nothing is imported, where the environment names no
    collector; None too, with an error in the log, where what it says cannot be used. The caller
    closes what it gets.

    Args:
        agent_name: stamped on every span.
        words: whether spans may carry what was said in the rooms; for `LOG_LEVEL=debug` only.
    """
    if not _wanted():
        return None
    from agent.observability.otlp import start

    return start(agent_name=agent_name, words=words)


def _wanted() -> bool:
    endpoints = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    if not any(_variable(name) for name in endpoints):
        return False
    if _variable("OTEL_SDK_DISABLED").lower() == "true":
        return False
    exporters = _variable("OTEL_TRACES_EXPORTER") or "otlp"
    return "otlp" in (name.strip() for name in exporters.split(","))


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()
