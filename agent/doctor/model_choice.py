"""Which recognition models of the catalogue are fast enough for this machine."""

from __future__ import annotations

IN_TIME_SECONDS = 0.5
"""About the silence after which a turn ends: a request that is heard by then keeps nobody waiting.
"""

_RELATIVE_SECONDS = {"tiny": 0.5, "base": 1.0, "small": 5.0}
"""What a call takes with the context that each size needs, in ascending order. Tiny and base were
measured, small is taken from its number of weights."""


def other_sizes(name: str, seconds: float) -> dict[str, float]:
    """Estimate the seconds that other sizes of a model would take, from one that was measured.

    Empty for a model that is none of the catalogue's sizes. English models stay English.
    """
    size, dot, language = name.partition(".")
    if size not in _RELATIVE_SECONDS:
        return {}
    base_seconds = seconds / _RELATIVE_SECONDS[size]
    return {
        f"{other}{dot}{language}": base_seconds * relative
        for other, relative in _RELATIVE_SECONDS.items()
        if other != size
    }


def better_in_time(name: str, seconds: float) -> str:
    """Name the largest model that would be fast enough; empty if none is larger."""
    larger = {
        other: about
        for other, about in other_sizes(name, seconds).items()
        if seconds < about <= IN_TIME_SECONDS
    }
    if not larger:
        return ""
    other, about = list(larger.items())[-1]
    return f"ASR_MODEL={other}, which makes fewer errors, would take about {about:.2f} s"


def quicker(name: str, seconds: float) -> str:
    """Return advice for a model that is too slow."""
    smaller = {o: about for o, about in other_sizes(name, seconds).items() if about < seconds}
    in_time = {o: about for o, about in smaller.items() if about <= IN_TIME_SECONDS}
    if in_time:
        other, about = list(in_time.items())[-1]
        return f"choose ASR_MODEL={other}: it would take about {about:.2f} s"
    if smaller:
        other, about = next(iter(smaller.items()))
        return f"give it more or faster cores or a GPU; ASR_MODEL={other} would take {about:.2f} s"
    if other_sizes(name, seconds):
        return "give it more or faster cores or a GPU: it is the smallest model"
    return "choose a smaller model, such as ASR_MODEL=base, or give it faster cores or a GPU"
