"""Settings of what is kept of calls; by default nothing is."""

from __future__ import annotations

from typing import Self

from pydantic import SecretStr, model_validator

from agent.settings.fields import HTTP_ADDRESS, Group, megabytes, variable


class RecordSettings(Group):
    """Records of calls: off unless there is a folder or a webhook to take them."""

    folder: str = variable(
        "RECORDS_FOLDER",
        "",
        "Folder that gets a transcript of each call; empty: none.",
        allowed="a path",
    )
    sound: bool = variable(
        "RECORDS_SOUND",
        False,
        "Whether the folder gets the sound of both sides too; callers are told before it begins.",
    )
    max_mb: int = megabytes(
        "RECORDS_MAX_MB", 1000, "Size of that folder above which the oldest records are removed."
    )
    max_days: int = variable(
        "RECORDS_MAX_DAYS",
        30,
        "Age above which records are removed from that folder.",
        unit="days",
        ge=1,
        le=36500,
    )
    webhook: str = variable(
        "RECORDS_WEBHOOK",
        "",
        "Address that gets a transcript of each call by POST; empty: none.",
        allowed="an address like https://example.org/calls",
        pattern=rf"^$|{HTTP_ADDRESS}",
    )
    webhook_secret: SecretStr = variable(
        "RECORDS_WEBHOOK_SECRET",
        SecretStr(""),
        "Secret with which those requests are signed, of at least 16 characters.",
        allowed="a text of at least 16 characters",
    )
    spool: str = variable(
        "RECORDS_SPOOL",
        ".records",
        "Folder for records of calls in progress and for what a webhook has not taken yet.",
        allowed="a path",
    )
    spool_mb: int = megabytes(
        "RECORDS_SPOOL_MB", 100, "Size of that folder above which the oldest in it is given up."
    )

    @property
    def wanted(self) -> bool:
        """Whether anything is kept of calls."""
        return bool(self.folder or self.webhook)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.sound and not self.folder:
            raise ValueError(
                "sound is kept in a folder: set RECORDS_FOLDER, or records.folder in the agent's "
                "file"
            )
        if self.webhook and len(self.webhook_secret.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(
                f"a webhook needs a secret of at least {_SHORTEST_SECRET} characters: set "
                "RECORDS_WEBHOOK_SECRET, or records.webhook_secret_env in the agent's file"
            )
        return self


_SHORTEST_SECRET = 16
