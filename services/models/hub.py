"""Fetch models from a Hugging Face hub."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import httpx2

from .entries import ModelEntry
from .errors import SourceUnreachable
from .files import HubFolder, ModelFile
from .offers import SourceName
from .transfer import ANSWER_TIMEOUT_SECONDS, Advance, Server, Transfer

PUBLIC_HUB = "https://huggingface.co"
TRUE = ("1", "ON", "YES", "TRUE")


class Hub:
    """The hub at `endpoint`, else `HF_ENDPOINT`, else the public one; no token is sent."""

    name: SourceName = "hub"

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        retry_delays_seconds: Sequence[float] | None = None,
    ) -> None:
        chosen = endpoint or os.environ.get("HF_ENDPOINT") or PUBLIC_HUB
        self._endpoint = chosen.rstrip("/")
        self._answer_timeout_seconds = answer_timeout_seconds
        self._retry_delays_seconds = retry_delays_seconds
        self._exits = ExitStack()

    def __enter__(self) -> "Hub":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exits.close()

    def offer(self, entry: ModelEntry) -> "HubOffer | None":
        return HubOffer(entry.hub, self) if entry.hub else None

    def bring(self, folder: HubFolder, file: ModelFile, target: Path, advance: Advance) -> None:
        """Download a file of a repository to `target`."""
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in TRUE:
            raise SourceUnreachable("HF_HUB_OFFLINE is set, so the hub is not used; unset it.")
        path = quote(f"{folder.repository}/resolve/{folder.revision}/{folder.path(file.name)}")
        url = httpx2.URL(f"{self._transfer.server.address}/{path}")
        self._transfer.download(url, file, target, advance=advance)

    @cached_property
    def _transfer(self) -> Transfer:
        try:
            written = httpx2.URL(self._endpoint)
        except httpx2.InvalidURL as error:
            raise SourceUnreachable("HF_ENDPOINT is not a URL; correct or unset it.") from error
        address = written.copy_with(username=None, password=None)
        transfer = Transfer(
            Server(
                name=f"The hub at {address}",
                cure="check the network and HF_ENDPOINT",
                address=address,
                credentials=(written.username, written.password) if written.userinfo else None,
            ),
            answer_timeout_seconds=self._answer_timeout_seconds,
            retry_delays_seconds=self._retry_delays_seconds,
        )
        self._exits.callback(transfer.close)
        return transfer


class HubOffer:
    """A model in one repository of the hub."""

    def __init__(self, folder: HubFolder, hub: Hub) -> None:
        self._folder = folder
        self._hub = hub

    @property
    def place(self) -> str:
        return f"{self._folder.repository} on the Hugging Face hub"

    def downloads(self, missing: list[ModelFile]) -> list[ModelFile]:
        return missing

    def bring(self, missing: list[ModelFile], staging: Path, advance: Advance) -> None:
        for file in missing:
            self._hub.bring(self._folder, file, staging / file.part_name, advance)
