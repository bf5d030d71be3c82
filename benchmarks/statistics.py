"""Figures drawn from many measurements of one thing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """How measurements lie; all in the unit of the measurements."""

    count: int
    p50: float
    p95: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """Of the values that are there; None when there is none."""
        found = np.array([v for v in values if v is not None and np.isfinite(v)], dtype=float)
        if not len(found):
            return None
        p50, p95 = np.percentile(found, [50, 95])
        return cls(len(found), float(p50), float(p95), float(found.min()), float(found.max()))


def share(values: Iterable[float | None], at_most: float) -> float | None:
    """The share of the values there are that are at most so much; None when there is none."""
    found = [v for v in values if v is not None]
    return sum(v <= at_most for v in found) / len(found) if found else None


def slope(points: Iterable[tuple[float, float]]) -> float | None:
    """By how much y grows with x, by least squares; None for fewer than two points."""
    found = list(points)
    if len(found) < 2:
        return None
    x, y = np.array(found, dtype=float).T
    return float(np.polyfit(x, y, 1)[0])
