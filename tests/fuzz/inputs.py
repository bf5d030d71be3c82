"""What strangers may send: any JSON, and files that are nearly right."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

T = TypeVar("T")

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**30]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "\x00", "../../etc/passwd", "a" * 10_000, "\ud800", "‮", "1e999"]),
)

JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)

DEEP_JSON = st.integers(1, 200_000).map(lambda depth: "[" * depth + "]" * depth)


def made_up(strategy: st.SearchStrategy[T]) -> list[T]:
    """As many examples as the profile says, to be sent one after the other."""
    examples: list[T] = []

    @given(example=strategy)
    def collect(example: T) -> None:
        examples.append(example)

    collect()
    return examples


@contextlib.contextmanager
def or_a_reason(kind: type[Exception]) -> Iterator[None]:
    """The block may fail with this error, in words."""
    try:
        yield
    except kind as error:
        if not str(error).strip():
            raise AssertionError(f"{error!r} says nothing") from error


def changed(content: Any) -> st.SearchStrategy[Any]:
    """A JSON value like `content`, with some of its places replaced or left out."""

    @st.composite
    def build(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
        result = copy.deepcopy(content)
        for _ in range(draw(st.integers(1, 3))):
            result = _change(draw, result)
        return result

    return build()


def _change(draw: Callable[[st.SearchStrategy[Any]], Any], value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 4)) == 0:
            del value[key]
        else:
            value[key] = _change(draw, value[key])
        return value
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        place = draw(st.integers(0, len(value) - 1))
        value[place] = _change(draw, value[place])
        return value
    return draw(JSON)


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """`data` with some bytes replaced, put in, left out, or all from a place on."""
    places = st.integers(0, len(data))
    edit = st.tuples(places, st.integers(0, 8), st.binary(max_size=8))

    def apply(edits: list[tuple[int, int, bytes]]) -> bytes:
        result = data
        for place, length, piece in edits:
            result = result[:place] + piece + result[place + length :]
        return result

    whole = st.lists(edit, min_size=1, max_size=6).map(apply)
    return st.one_of(whole, whole.flatmap(lambda d: st.integers(0, len(d)).map(lambda n: d[:n])))
