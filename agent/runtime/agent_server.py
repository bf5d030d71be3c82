"""A worker that LiveKit's own tools can start: nothing is read or loaded before it runs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from livekit.agents import AgentServer, JobExecutorType

from agent.runtime.application import Application, Role, set_up_logging
from agent.settings import SettingsError, read_settings, require_livekit
from services.host.allocator import keep_native_memory_small

if TYPE_CHECKING:
    from agent.runtime.worker import Converse

_EXIT_USAGE = 2
_OF_THE_TOOL = {
    "ws_url": "LIVEKIT_URL",
    "api_key": "LIVEKIT_API_KEY",
    "api_secret": "LIVEKIT_API_SECRET",
}
"""Options that the tools' command line sets, by the variables that they override."""


class LocalAgentServer(AgentServer):
    """Runs what `python -m agent start` runs, in a process of LiveKit's tools.

    Settings come from the environment and `.env`, and the log is the product's own. With a tool's
    `--dev`, agents' files may be edited, rooms are not waited for at the end, and health is not
    served. Unregistered, for the tools' console, `in_console` converses.
    """

    def __init__(self, in_console: Callable[[], Converse] | None = None) -> None:
        """`in_console` returns what converses without a room; it is called where that is wanted."""
        super().__init__(job_executor_type=JobExecutorType.THREAD, host="127.0.0.1", port=0)
        self._in_console = in_console
        self._application: Application | None = None
        self._ended = asyncio.Event()

    def update_options(self, **options: Any) -> None:
        """Change options of the framework; those of the LiveKit server override the settings."""
        for name, variable in _OF_THE_TOOL.items():
            if options.get(name):
                os.environ[variable] = options[name]
        super().update_options(**options)

    async def run(self, *, devmode: bool = False, unregistered: bool = False) -> None:
        """Serve until a signal or `aclose`.

        Raises:
            SystemExit: the settings are wrong or the process cannot go on; the reason was said.
        """
        if self._application is not None:
            # The worker of the application begins to serve.
            await super().run(devmode=devmode, unregistered=unregistered)
            return
        keep_native_memory_small()
        try:
            settings = read_settings()
            if not unregistered:
                require_livekit(settings.livekit)
        except SettingsError as error:
            print(error, file=sys.stderr)
            _leave(_EXIT_USAGE)
        # The tool's lines would hold secrets and words of callers.
        logging.getLogger().handlers.clear()
        set_up_logging(settings, Role.START)
        self._application = Application(
            settings,
            Role.START,
            server=self,
            edited=devmode,
            converse=self._in_console() if unregistered and self._in_console else None,
            alone=unregistered,
        )
        try:
            status = await self._application.run()
        finally:
            self._ended.set()
        if status:
            _leave(status)

    async def drain(self, timeout: Any = None) -> None:
        """Let the rooms in progress finish; once the application has ended there are none."""
        if self._application is not None and not self._ended.is_set():
            await super().drain(timeout=timeout)

    async def aclose(self) -> None:
        """End the application, or as part of that the registration."""
        application = self._application
        if application is not None and not application.ending:
            application.stop()
            await self._ended.wait()
        await super().aclose()


def _leave(status: int) -> NoReturn:
    """End the tool's process with a status; its event loop would report the exit as a fault."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), SystemExit):
            return
        if before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
    raise SystemExit(status) from None
