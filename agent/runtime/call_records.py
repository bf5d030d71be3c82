"""From the settings to the records of a worker's calls: what keeps them, and what sends them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent.definitions.definition import BUILT_IN
from agent.definitions.folder import AgentFolder
from agent.records.keeper import RecordKeeper, bounds_of
from agent.records.webhook import WebhookDelivery
from agent.settings import Settings
from agent.settings.records import RecordSettings
from services.host.closing import close_in_order


class CallRecords:
    """Owns the keeper of records and their delivery; lives on the worker's loop."""

    def __init__(self, settings: Settings, folder: AgentFolder) -> None:
        """Start nothing yet; `folder` has the agents, whose settings say what is kept."""
        self._settings = settings
        self._folder = folder
        self._delivery = WebhookDelivery(Path(settings.records.spool), secret=self._secret)
        self.keeper = RecordKeeper(
            settings.records,
            folders=lambda: bounds_of(self._wanted().values()),
            on_posted=self._delivery.wake,
        )
        """Begins the record of each call."""

    async def start(self) -> None:
        """Make records of what a crash has left, and send what waits."""
        await asyncio.to_thread(self.keeper.start)
        self._delivery.start()

    async def aclose(self) -> None:
        """Write down what waits and send what is new, within seconds. Idempotent."""
        await close_in_order(
            lambda: asyncio.to_thread(self.keeper.close),
            self._delivery.aclose,
        )

    def _wanted(self) -> dict[str, RecordSettings]:
        """Return what is kept of calls by each agent; from any thread."""
        agents = (BUILT_IN, *self._folder.agents.by_name.values())
        return {agent.name: agent.settings(self._settings).records for agent in agents}

    def _secret(self, agent: str, webhook: str) -> str:
        """Return the secret of a webhook, as the settings are now; empty where they have none."""
        by_agent = self._wanted()
        asked = by_agent.pop(agent, None)
        for settings in (*([asked] if asked is not None else []), *by_agent.values()):
            if settings.webhook == webhook:
                return settings.webhook_secret.get_secret_value()
        return ""
