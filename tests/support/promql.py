"""The metrics that a PromQL expression asks for."""

from __future__ import annotations

import re

from services.metrics import CATALOGUE, Definition

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABEL_LISTS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_MATCHERS = re.compile(r"\{[^}]*\}")
_DURATIONS = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_WORDS = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\()\b(?!\s*\()")
_OPERATORS = frozenset({"and", "or", "unless", "bool", "by", "without", "on", "ignoring"})

_PROCESS = frozenset(
    {
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    }
)
"""Of Prometheus' own client, which every worker's answer has besides the product's."""


def names_in(expression: str) -> set[str]:
    """The metric names in a valid expression."""
    for other in (_STRINGS, _MATCHERS, _LABEL_LISTS, _DURATIONS):
        expression = other.sub(" ", expression)
    return set(_WORDS.findall(expression)) - _OPERATORS


def sample_names(definition: Definition) -> tuple[str, ...]:
    """The names that the series of a metric have."""
    if definition.kind != "histogram":
        return (definition.name,)
    return tuple(f"{definition.name}{suffix}" for suffix in ("_bucket", "_sum", "_count"))


def product_names() -> set[str]:
    """Every series that a worker answers with."""
    return {name for definition in CATALOGUE for name in sample_names(definition)} | _PROCESS
