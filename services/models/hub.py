"""Models from a Hugging Face hub."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import httpx2

from services.models.catalogue import ASREntry, VoiceEntry
from services.models.errors import SourceUnreachable
from services.models.files import HubFolder, ModelFile
from services.models.offers import SourceName
from services.models.transfer import ANSWER_TIMEOUT_SECONDS, Advance, Server, Transfer

PUBLIC_HUB = "https://huggingface.co"
TRUE = ("1", "ON", "YES", "TRUE")


class Hub:
    """One hub: `endpoint`, else `HF_ENDPOINT`, else the public one. It gets no token."""

    name: SourceName = "hub"

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        retry_delays_seconds: Sequence[float] | None = None,
    ) -> None:
        """SourceUnreachable for an endpoint that is no address."""
        chosen = (endpoint or os.environ.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")
        try:
            written = httpx2.URL(chosen)
        except httpx2.InvalidURL as error:
            raise SourceUnreachable("HF_ENDPOINT is no address; correct or unset it.") from error
        self._endpoint = written.copy_with(username=None, password=None)
        self._transfer = Transfer(
            Server(
                name=f"The hub at {self._endpoint}",
                cure="check the network and HF_ENDPOINT",
                address=self._endpoint,
                credentials=(written.username, written.password) if written.userinfo else None,
            ),
            answer_timeout_seconds=answer_timeout_seconds,
            retry_delays_seconds=retry_delays_seconds,
        )

    def __enter__(self) -> "Hub":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._transfer.close()

    def offer(self, entry: ASREntry | VoiceEntry) -> "HubOffer | None":
        return HubOffer(entry.hub, self._endpoint, self._transfer) if entry.hub else None


class HubOffer:
    """A model in one repository of a hub."""

    def __init__(self, folder: HubFolder, endpoint: httpx2.URL, transfer: Transfer) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._transfer = transfer

    @property
    def place(self) -> str:
        return f"{self._folder.repository} on the Hugging Face hub"

    def downloads(self, missing: list[ModelFile]) -> list[ModelFile]:
        return missing

    def bring(self, missing: list[ModelFile], staging: Path, advance: Advance) -> None:
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in TRUE:
            raise SourceUnreachable("HF_HUB_OFFLINE is set, so the hub is not asked; unset it.")
        for file in missing:
            path = f"{self._folder.repository}/resolve/{self._folder.revision}"
            url = httpx2.URL(
                f"{self._endpoint}/{quote(path)}/{quote(self._folder.path(file.name))}"
            )
            self._transfer.download(url, file, staging / file.part_name, advance=advance)
