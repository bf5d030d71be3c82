"""A running process: the parts of its role, started in order and ended within bounds."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from agent.definitions.problems import DefinitionError
from agent.distribution import livekit_config
from agent.observability.logging import setup_logging
from agent.runtime.process import EXIT_RESTART, EXIT_STARTUP, Deadline, leave, say
from agent.runtime.web import health_server, model_routes, page_server
from agent.settings import Settings
from agent.settings.environment import read_variables
from services.asr.config import ASRLoadError
from services.host.closing import close_in_order
from services.host.loop_thread import StartError
from services.host.open_files import TooFewFilesError, raise_open_files_limit
from services.host.temp_files import TempFilesError
from services.host.threads import started_pool
from services.inference import EngineLost
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.program import LiveKitServerError
from services.livekit_server.server import LiveKitServer
from services.models import ModelError
from services.tts.types import TTSLoadError
from services.web.http.server import AddRoutes, WebServer
from services.web.routes.status import AgentStatus, Check, HealthRoutes, OfferedAgent

if TYPE_CHECKING:
    from livekit.agents import AgentServer

    from agent.definitions.folder import AgentFolder
    from agent.observability.otlp import Tracing
    from agent.runtime.supervised_engines import SupervisedEngines
    from agent.runtime.worker import Converse, Worker
    from services.shared.engines import SharedEngines
    from services.speech_process import SpeechServer
    from services.wyoming.server import WyomingServer

logger = logging.getLogger("agent.runtime.application")

_WEAR_CHECK_SECONDS = 1.0


class Role(Enum):
    """The purpose of a process."""

    DEV = "dev"
    START = "start"
    WEB = "web"
    SPEECH = "speech"


class CannotServeError(Exception):
    """The models cannot be served to other processes; the message says why."""


def serve(settings: Settings, role: Role) -> NoReturn:
    """Run `role` until a signal, then end the process."""
    set_up_logging(settings, role)
    leave(asyncio.run(Application(settings, role).run()))


def set_up_logging(settings: Settings, role: Role) -> None:
    """Set up logging; every secret of the settings is masked."""
    form = settings.log.format
    if form == "auto":
        form = "readable" if role is Role.DEV else "json"
    setup_logging(settings.log.level, form, secrets=settings.secrets)


class Application:
    """Owns the LiveKit server, the worker and the web server of one process."""

    def __init__(
        self,
        settings: Settings,
        role: Role,
        *,
        server: AgentServer | None = None,
        edited: bool = False,
        alone: bool = False,
        converse: Converse | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: of the process.
            role: its purpose.
            server: the framework's part of the worker, by default one of its own.
            edited: whether agents' files may change; rooms are then not waited for at the end, and
                a worker serves no health.
            alone: whether the worker registers nowhere, and takes the jobs that the framework
                makes up.
            converse: what converses in such a job.
        """
        self._settings = settings
        self._role = role
        self._server = server
        self._edited = edited or role is Role.DEV
        self._alone = alone
        self._converse = converse
        self.ending = False
        """Whether its parts are being ended, or have been."""
        self._stop = asyncio.Event()
        self._stop_now = asyncio.Event()
        self._deadline = Deadline(settings.lifecycle.shutdown_seconds)
        self._livekit: LiveKitServer | None = None
        self._engines: SupervisedEngines | None = None
        self._tracing: Tracing | None = None
        self._worker: Worker | None = None
        self._exit_status = 0
        self._web: WebServer | None = None
        self._wyoming: WyomingServer | None = None
        self._offered: tuple[OfferedAgent, ...] = ()
        self._speech_server: SpeechServer | None = None
        self._warm = False
        """Whether a speech process has loaded its models."""

    async def run(self) -> int:
        """Start all parts, wait for a signal or a failure, end them; return the exit status."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(started_pool())
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            raise_open_files_limit()
            await _first(self._start_and_serve(), self._stop.wait())
            if self._drains and self._worker is not None:
                await _first(self._drain(self._worker), self._stop_now.wait())
        except (
            ASRLoadError,
            CannotServeError,
            EngineLost,
            LiveKitServerError,
            ModelError,
            StartError,
            TempFilesError,
            TooFewFilesError,
            TTSLoadError,
        ) as error:
            say(str(error), sys.stderr)
            self._exit_status = EXIT_STARTUP
        except DefinitionError as error:
            for problem in error.problems:
                say(str(problem), sys.stderr)
            self._exit_status = EXIT_STARTUP
        except Exception:
            logger.exception("cannot go on")
            self._exit_status = EXIT_STARTUP
        finally:
            await self._end(self._exit_status)
        return self._exit_status

    def stop(self) -> None:
        """End at once, as a second signal does; on the event loop."""
        self._stop.set()
        self._stop_now.set()

    @property
    def _drains(self) -> bool:
        """Whether rooms may finish after a signal."""
        return self._role is Role.START and not self._edited and not self._alone

    def _end_for_restart(self) -> None:
        """Let the rooms finish, then end, for the service manager to start a fresh process."""
        self._exit_status = EXIT_RESTART
        self._stop.set()

    async def _until_worn_out(self, speech: SharedEngines) -> None:
        """Return once no more inference threads may be lost: the process must be replaced."""
        while True:
            await asyncio.sleep(_WEAR_CHECK_SECONDS)
            if speech.scheduler.stats().exhausted:
                break
        logger.error("too many wedged threads: the process must be started again")
        if self._role in (Role.START, Role.SPEECH):
            self._end_for_restart()
        await asyncio.Event().wait()

    def _on_signal(self, number: int) -> None:
        logger.info("stopping", extra={"signal": signal.Signals(number).name})
        if self._stop.is_set():
            self._stop_now.set()
        self._stop.set()
        if not self._drains or self._stop_now.is_set():
            self._deadline.begin()

    async def _start_and_serve(self) -> None:
        """Start the parts of the role, and serve until it fails or is worn out."""
        if self._role is Role.WEB:
            await self._serve_page()
        elif self._role is Role.SPEECH:
            await self._serve_speech()
        else:
            await self._serve_rooms()

    async def _serve_page(self) -> None:
        """Serve the page, and nothing else."""
        self._offered = await asyncio.to_thread(_offered, self._settings)
        await self._start_web(self._settings.livekit.credentials)
        self._announce()
        await asyncio.Event().wait()

    async def _serve_rooms(self) -> None:
        """Serve rooms over shared models, until the process is worn out."""
        # Imported here: the web role needs neither the framework's worker nor any model.
        from agent.observability.tracing import start_tracing
        from agent.runtime.supervised_engines import SupervisedEngines
        from agent.runtime.worker import Worker, prewarm_agents
        from agent.runtime.wyoming import wyoming_server

        settings = self._settings
        # Where nobody would start the process again it goes on, without new rooms.
        ends = self._end_for_restart if self._role is Role.START else None
        self._engines = engines = SupervisedEngines(settings, drain=ends)
        if engines.shared.elsewhere is not None:
            socket = engines.shared.elsewhere.where
            logger.info("models are those of a speech process", extra={"socket": socket})
        speech, supervisor = engines.shared, engines.supervisor
        supervisor.metrics.watch_ready(lambda: self._worker is not None and self._worker.ready)
        self._tracing = start_tracing(
            agent_name=settings.agent.name, words=settings.log.level == "debug"
        )
        folder = await asyncio.to_thread(self._read_agents)
        # Meanwhile health is answered, and a busy port is reported at once.
        loading = asyncio.create_task(prewarm_agents(folder, settings, speech), name="load-models")
        try:
            livekit = None if self._alone else await self._reach_livekit()
            if livekit is not None and (self._drains or self._role is not Role.START):
                await self._start_web(livekit)
                self._wyoming = wyoming_server(settings, engines)
                if self._wyoming is not None:
                    await asyncio.to_thread(self._wyoming.start)
            await loading
        finally:
            loading.cancel()
            # Read, since asyncio logs an error that nobody has read.
            await asyncio.gather(loading, return_exceptions=True)
        self._worker = Worker(
            settings,
            livekit,
            speech,
            supervisor,
            folder=folder,
            edited=self._edited,
            server=self._server,
            converse=self._converse,
        )
        await self._worker.start()
        self._announce()
        await _first(self._worker.wait(), self._until_worn_out(speech))

    async def _serve_speech(self) -> None:
        """Serve the models of this process to workers, until it is worn out."""
        from agent.runtime.supervised_engines import SupervisedEngines
        from services.shared.config import ProcessMemory
        from services.speech_process import SocketError, SpeechServer

        settings = self._settings
        path = settings.models.socket
        assert path is not None
        own = settings.models.model_copy(update={"socket": None})
        self._engines = engines = SupervisedEngines(
            settings.model_copy(update={"models": own}), drain=self._end_for_restart
        )
        speech, monitor = engines.shared, engines.supervisor.monitor
        engines.supervisor.metrics.watch_ready(lambda: self._warm)

        def memory() -> ProcessMemory:
            used_bytes = monitor.state().snapshot.reading.process_bytes
            return ProcessMemory(monitor.level, monitor.headroom_bytes(), used_bytes)

        self._speech_server = SpeechServer(speech, path, memory=memory)
        try:
            await self._speech_server.start()
        except SocketError as error:
            raise CannotServeError(str(error)) from error
        await self._start_web(settings.livekit.credentials)
        await speech.prewarm()
        await asyncio.to_thread(engines.supervisor.begin)
        self._warm = True
        self._announce()
        await _first(engines.supervisor.run(), self._until_worn_out(speech))

    def _read_agents(self) -> AgentFolder:
        """Read the owner's agents. Raises DefinitionError in production if one is unusable."""
        from agent.definitions.folder import AgentFolder

        folder = AgentFolder(self._settings, read_variables(Path(".env")))
        problems = folder.read().problems
        if problems and self._role is Role.START:
            raise DefinitionError(problems)
        return folder

    async def _reach_livekit(self) -> LiveKitCredentials:
        """Return the configured server, or start one."""
        livekit = self._settings.livekit
        if livekit.url:
            return livekit.credentials
        config = livekit_config(livekit.server_config)
        self._livekit = LiveKitServer(config, program=livekit.server)
        return await self._livekit.start()

    async def _start_web(self, livekit: LiveKitCredentials) -> None:
        """Start the web server of the role; raises StartError."""
        routes: list[AddRoutes] = [HealthRoutes(self._alive, self._ready)]
        if self._engines is not None:
            routes += model_routes(self._settings, self._engines)
        if self._role in (Role.START, Role.SPEECH):
            self._web = health_server(self._settings, routes, speech=self._role is Role.SPEECH)
        else:
            self._web = page_server(self._settings, livekit, self._status, routes)
        await asyncio.to_thread(self._web.start)

    def _status(self) -> AgentStatus:
        if self._role is Role.WEB:
            return AgentStatus(agents=self._offered)
        worker = self._worker
        if worker is None:
            return AgentStatus(ready=False)
        return AgentStatus(
            agents=tuple(OfferedAgent(a.name, a.title) for a in worker.agents.public),
            ready=worker.ready,
            rooms=worker.rooms,
            capacity=worker.capacity,
            notices=tuple(worker.notices()),
        )

    def _alive(self) -> dict[str, Check]:
        return {"process": Check(True)}

    def _ready(self) -> dict[str, Check]:
        if self._role is Role.WEB:
            return {"web": Check(True)}
        if self._role is Role.SPEECH:
            return self._speech_ready()
        worker = self._worker
        if worker is None:
            return {"worker": Check(False, "the models are loading")}
        refusal = worker.refusal
        speech = worker.speech
        models = ", ".join(f"{role} {m.name}" for role, m in speech.loaded.items())
        if speech.elsewhere is not None:
            models += f" (in the speech process at {speech.elsewhere.where})"
        return {
            "worker": Check(worker.ready, f"{worker.rooms} of {worker.capacity} rooms"),
            "admission": Check(not refusal, refusal),
            "models": Check(True, " ".join([models, *worker.model_notices()])),
        }

    def _speech_ready(self) -> dict[str, Check]:
        engines, server = self._engines, self._speech_server
        if engines is None or server is None or not self._warm:
            return {"speech": Check(False, "the models are loading")}
        models = ", ".join(f"{role} {m.name}" for role, m in engines.shared.loaded.items())
        return {
            "speech": Check(True, f"{server.clients} clients"),
            "models": Check(True, " ".join([models, *engines.shared.notices])),
        }

    def _announce(self) -> None:
        if self._role is Role.SPEECH:
            health = {"health": self._web.address} if self._web is not None else {}
            logger.info("speech process ready", extra=health)
            return
        if self._role is Role.START:
            health = {"health": self._web.address} if self._web is not None else {}
            logger.info("worker ready", extra=health)
            return
        assert self._web is not None
        for notice in self._worker.notices() if self._worker else ():
            say(notice)
        say(f"Ready: open {self._web.address} in a browser. Ctrl-C ends it.")

    async def _drain(self, worker: Worker) -> None:
        """Let the rooms in progress finish within the time that the settings allow."""
        seconds = self._settings.lifecycle.drain_seconds
        logger.info("draining", extra={"rooms": worker.rooms, "at_most_seconds": seconds})
        if not await worker.drain(seconds):
            logger.warning("rooms did not finish in time", extra={"rooms": worker.rooms})

    async def _end(self, status: int) -> None:
        """End all parts in order, within the bound of the whole process."""
        self.ending = True
        self._deadline.begin(status)
        web, wyoming, tracing = self._web, self._wyoming, self._tracing
        await close_in_order(
            *([lambda: asyncio.to_thread(web.stop)] if web is not None else []),
            *([lambda: asyncio.to_thread(wyoming.stop)] if wyoming is not None else []),
            *([self._worker.aclose] if self._worker is not None else []),
            *([self._speech_server.aclose] if self._speech_server is not None else []),
            *([lambda: asyncio.to_thread(tracing.close)] if tracing is not None else []),
            *([self._livekit.stop] if self._livekit is not None else []),
            *([self._engines.aclose] if self._engines is not None else []),
        )
        logger.info("stopped")


def _offered(settings: Settings) -> tuple[OfferedAgent, ...]:
    """Return the agents that the page offers, where no worker is in this process."""
    from agent.definitions.keys_file import public_agents

    return tuple(OfferedAgent(name, title) for name, title in public_agents(settings))


async def _first(*works: Coroutine[object, object, object]) -> None:
    """Wait until one has ended, then cancel the others; raise what the ended one raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
