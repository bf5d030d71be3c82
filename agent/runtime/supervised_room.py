"""A room as its worker counts and watches it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from services.memory import ROOMS, Components


class SupervisedRoom:
    """One room, counted and watched from its begin to its end."""

    def __init__(self, name: str, components: Components, stack: ExitStack) -> None:
        """`stack` undoes what was done for the room."""
        self._name = name
        self._components = components
        self._stack = stack

    def account(self, read: Callable[[], int]) -> None:
        """Add the room to the memory breakdown; `read` returns its bytes quickly, on any thread."""
        self._stack.callback(self._components.add(ROOMS, read, member=self._name))

    def close(self) -> None:
        """End the count and the watch. Idempotent; from any thread."""
        self._stack.close()
