"""The sources in use, in order; each is opened on first use and skipped once unreachable."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import get_args

from .entries import ModelEntry
from .errors import SourceError, SourceUnreachable
from .hub import Hub
from .index import PackageIndex
from .offers import Offer, Source, SourceName
from .transfer import ANSWER_TIMEOUT_SECONDS

ALL_SOURCES: tuple[SourceName, ...] = get_args(SourceName)


class Sources:
    """The sources to fetch models from; a context manager, for use by one thread."""

    def __init__(
        self,
        names: Sequence[SourceName] = ALL_SOURCES,
        *,
        endpoint: str | None = None,
        answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
    ) -> None:
        """`endpoint` is the hub's URL (default: `HF_ENDPOINT`, else the public hub)."""
        self.names = tuple(names)
        self._endpoint = endpoint
        self._answer_timeout_seconds = answer_timeout_seconds
        self._opened: dict[SourceName, Source] = {}
        self._silent: dict[SourceName, SourceUnreachable] = {}
        self._exits = ExitStack()

    def __enter__(self) -> "Sources":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exits.close()

    def offers(self, entry: ModelEntry) -> Iterator[tuple[SourceName, Offer]]:
        """Yield the offers for a model, in the order to try them."""
        for name in self.names:
            offer = self._open(name).offer(entry)
            if offer is not None:
                yield name, offer

    def problem(self, name: SourceName) -> SourceUnreachable | None:
        """Return why a source is skipped, or None if it is not."""
        return self._silent.get(name)

    def note(self, name: SourceName, problem: SourceError) -> None:
        """Record the failure of a source; an unreachable one is skipped from now on."""
        if isinstance(problem, SourceUnreachable):
            self._silent[name] = problem

    def _open(self, name: SourceName) -> Source:
        if name not in self._opened:
            seconds = self._answer_timeout_seconds
            if name == "hub":
                hub = Hub(self._endpoint, answer_timeout_seconds=seconds)
                self._opened[name] = self._exits.enter_context(hub)
            else:
                index = PackageIndex(answer_timeout_seconds=seconds)
                self._opened[name] = self._exits.enter_context(index)
        return self._opened[name]
