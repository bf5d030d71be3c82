"""Reads what the loop probe wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_RECORD = np.dtype([("thread", "f8"), ("monotonic", "f8"), ("late", "f8")])
_LEAST_LOOKS = 50


def lag_seconds(file: Path, start: float, end: float) -> NDArray[np.float64]:
    """How late the latest loop of a process was between two monotonic times, one figure a look.

    The latest is the one with the greatest 99th percentile: loops of rooms that nobody is in must
    not make the others look better.
    """
    if not file.exists():
        return np.empty(0)
    whole = file.stat().st_size // _RECORD.itemsize
    data = np.fromfile(file, dtype=_RECORD, count=whole)
    data = data[(data["monotonic"] >= start) & (data["monotonic"] <= end)]
    loops = [data["late"][data["thread"] == thread] for thread in np.unique(data["thread"])]
    busy = [late for late in loops if len(late) >= _LEAST_LOOKS]
    if not busy:
        return np.empty(0)
    return max(busy, key=lambda late: float(np.percentile(late, 99)))
