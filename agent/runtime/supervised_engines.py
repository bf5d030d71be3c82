"""The models of a process that serves rooms, with their supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.runtime.engines import shared_engines
from agent.runtime.supervisor import Supervisor
from agent.settings import Settings
from services.host.temp_files import TempFilesError
from services.metrics import Metrics
from services.shared.process_engines import configure_shared


class SupervisedEngines:
    """Owns the models of a process that serves rooms; each is loaded on first use."""

    def __init__(self, settings: Settings, *, drain: Callable[[], object] | None = None) -> None:
        """Make the models and the folder of temporary files the process's own.

        `drain` lets the rooms finish and ends the process; None where nobody restarts it.

        Raises:
            TempFilesError: there is no folder for temporary files.
        """
        metrics = Metrics()
        self.shared = shared_engines(
            settings,
            on_recognition=lambda audio, compute: metrics.observe_recognition(
                audio_seconds=audio, compute_seconds=compute
            ),
            on_synthesis=lambda speech, compute: metrics.observe_synthesis(
                speech_seconds=speech, compute_seconds=compute
            ),
        )
        try:
            self.supervisor = Supervisor(settings, self.shared, metrics, drain=drain)
        except TempFilesError:
            self.shared.close()
            raise
        self.supervisor.temp_files.adopt_default()
        # For plugins that an owner's agent makes itself.
        self._before = configure_shared(self.shared)

    async def aclose(self) -> None:
        """Release the models and remove the temporary files."""
        configure_shared(self._before)
        await asyncio.to_thread(self.shared.close)
        self.supervisor.close()
