"""The worker: one process that serves many rooms, each in a thread, over shared models."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable

from livekit.agents import NOT_GIVEN, AgentServer, JobContext, JobExecutorType, JobRequest

from agent.definitions.folder import AgentFolder, Agents
from agent.runtime.agent_choice import AgentChoice, Chosen
from agent.runtime.call_records import CallRecords
from agent.runtime.framework import is_connected, report_load
from agent.runtime.language_models import AgentLanguageModels
from agent.runtime.phrases_ahead import PhrasesAhead
from agent.runtime.supervisor import Supervisor
from agent.runtime.waiting_rooms import WaitingRooms
from agent.session.pipeline import PipelineModels, prewarm
from agent.session.room import RoomServices, converse
from agent.settings import Settings
from services.admission import PASSING
from services.dispatch_metadata import DispatchMetadata
from services.host.closing import close_in_order
from services.livekit_local.eou_model import EndOfTurnModel
from services.livekit_local.ffi_routing import install_ffi_routing
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.rooms import LiveKitRooms
from services.shared.engines import SharedEngines
from services.shared.load_once import LoadOnce

logger = logging.getLogger("agent.runtime.worker")

Converse = Callable[[JobContext, Chosen, PipelineModels], Awaitable[None]]
"""Begins the conversation of a job."""

_NEVER_GIVE_UP = 2**31
_JOB_START_SECONDS = 30.0


class Worker:
    """Owns the registration with LiveKit and its rooms; lives on one event loop."""

    def __init__(
        self,
        settings: Settings,
        livekit: LiveKitCredentials | None,
        speech: SharedEngines,
        supervisor: Supervisor,
        *,
        folder: AgentFolder | None = None,
        edited: bool = False,
        server: AgentServer | None = None,
        converse: Converse | None = None,
    ) -> None:
        """Without credentials the worker registers nowhere and only takes simulated jobs.

        `folder` has the agents, by default that of the settings; `edited`: its files may change.
        `server` is the framework's part, by default one of its own. `converse` is for jobs that
        have no room.
        """
        self._converse_elsewhere = converse
        self._settings = settings
        self._livekit = livekit
        self.speech = speech
        self._supervisor = supervisor
        self._admission = supervisor.admission
        self._loop = asyncio.get_running_loop()
        self._folder = folder or AgentFolder(settings)
        self._choice = AgentChoice(
            settings,
            self._folder,
            speech,
            edited=edited,
            rooms=(lambda: LiveKitRooms(livekit)) if livekit is not None else None,
        )
        self._records = CallRecords(settings, self._folder)
        self.language_models = AgentLanguageModels()
        self._phrases = PhrasesAhead(speech)
        self._end_of_turn = LoadOnce("end-of-turn", EndOfTurnModel.load)
        self._registered = asyncio.Event()
        self._started = asyncio.Event()
        self._warm = False
        self._running: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._waiting: WaitingRooms | None = None
        if livekit is not None:
            self._waiting = WaitingRooms(
                LiveKitRooms(livekit),
                self._admission,
                settings.agent.dispatch_name,
            )
        supervisor.metrics.watch_waiting(lambda: len(self.waiting))
        self._serving_waiting: asyncio.Task[None] | None = None
        self._reporting: set[asyncio.Task[None]] = set()
        self.server = server or AgentServer(host="127.0.0.1", port=0)
        self.server.load_fnc = self._load
        self.server.update_options(
            job_executor_type=JobExecutorType.THREAD,
            # Admission decides. The framework counts a room that is just beginning twice, and
            # refuses the last place.
            load_threshold=math.inf,
            num_idle_processes=self.capacity,
            initialize_process_timeout=_JOB_START_SECONDS,
            shutdown_process_timeout=settings.lifecycle.shutdown_seconds,
            max_retry=_NEVER_GIVE_UP,
            ws_url=livekit.url if livekit else NOT_GIVEN,
            api_key=livekit.api_key if livekit else NOT_GIVEN,
            api_secret=livekit.api_secret if livekit else NOT_GIVEN,
        )
        self.server.rtc_session(
            self._converse,
            agent_name=settings.agent.dispatch_name,
            on_request=self._on_request,
        )
        self.server.on("worker_registered", lambda *_: self._registered.set())
        self.server.on("worker_started", lambda *_: self._started.set())

    @property
    def ready(self) -> bool:
        """Whether a room would be served at once."""
        return self._warm and self._is_registered and not self.server.draining

    @property
    def _is_registered(self) -> bool:
        return self._registered.is_set() and is_connected(self.server)

    @property
    def rooms(self) -> int:
        """Rooms in progress."""
        return self._admission.rooms

    @property
    def capacity(self) -> int:
        """Rooms that are possible at once under the present conditions."""
        return self._admission.capacity

    @property
    def waiting(self) -> list[str]:
        """Names of the rooms that wait for a place, in the order of their turn."""
        return self._waiting.names if self._waiting is not None else []

    @property
    def refusal(self) -> str:
        """Why the next room would be refused; empty if it would be served."""
        decision = self._admission.refusal()
        if decision.accepted:
            return ""
        reason = decision.refusal.value if decision.refusal else "refused"
        return f"{reason}: {decision.detail}" if decision.detail else reason

    def notices(self) -> list[str]:
        """Return the sentences that callers should read about the agent that answers by default."""
        return self._choice.default().notices()

    def model_notices(self) -> list[str]:
        """Return what operators should know about the models of all agents."""
        left_alone = self._supervisor.engines_out_of_service
        pause = [f"Out of service for a while: {', '.join(left_alone)}."] if left_alone else []
        return [*self.speech.notices, *pause]

    @property
    def agents(self) -> Agents:
        """The agents of the folder."""
        return self._folder.agents

    async def prepare(self) -> None:
        """Load and warm everything a room needs, so that none waits. Raises what a load raises."""
        await asyncio.to_thread(self._folder.read)
        await self._records.start()
        await prewarm_agents(self._folder, self._settings, self.speech)
        # Before any room, since the first two at once would create two clients and lose events.
        install_ffi_routing()
        for chosen in self._choice.prewarmed():
            await self._end_of_turn_model(chosen.settings)
            self.language_models.wake(chosen.settings)
            self._phrases.begin(chosen)
        await asyncio.to_thread(self._supervisor.begin)
        self._warm = True
        self._watching = asyncio.create_task(self._supervisor.run(), name="supervisor")

    async def start(self) -> None:
        """Prepare, then register; return once LiveKit has registered the worker."""
        await self.prepare()
        if self._waiting is not None:
            self._serving_waiting = asyncio.create_task(self._waiting.run(), name="waiting-rooms")
        self._running = asyncio.create_task(
            self.server.run(devmode=False, unregistered=self._livekit is None), name="worker"
        )
        waiting = asyncio.create_task(
            (self._registered if self._livekit else self._started).wait(), name="worker-wait"
        )
        try:
            await asyncio.wait([waiting, self._running], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._running.done():
            await self._running

    async def wait(self) -> None:
        """Wait until the worker ends; raise the error that ended it, if any."""
        assert self._running is not None
        await asyncio.shield(self._running)

    async def drain(self, timeout_seconds: float) -> bool:
        """Take no new room and let those in progress finish; return whether they did in time."""
        if not self._started.is_set():
            return True
        try:
            # Without a bound of its own: the framework holds a lock until its bound has passed.
            await asyncio.wait_for(self.server.drain(timeout=None), timeout_seconds)
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """End all rooms and the registration; the models stay loaded."""
        await close_in_order(
            self._phrases.aclose,
            lambda: _cancelled(self._watching, self._serving_waiting),
            *([self._waiting.aclose] if self._waiting is not None else []),
            self._end_rooms,
            lambda: _cancelled(*self._reporting),
            self._records.aclose,
            self.language_models.aclose,
        )

    async def _end_rooms(self) -> None:
        if self._running is not None:
            await self.server.aclose()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _end_of_turn_model(self, settings: Settings) -> EndOfTurnModel | None:
        """Return the acoustic end-of-turn model where a conversation wants it; loaded once."""
        return await self._end_of_turn.get() if settings.turn.detection == "model" else None

    async def _converse(self, ctx: JobContext) -> None:
        job, room = ctx.job.id, ctx.job.room.name
        watched = self._supervisor.enter_room(job, room)

        async def leave() -> None:
            watched.close()
            # A room that hangs may outlive the worker's event loop.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._place_is_free)

        ctx.add_shutdown_callback(leave)
        chosen = await self._choice.begin(ctx)
        models = PipelineModels(
            engines=self.speech,
            voice_activity=await self.speech.voice_activity.get(),
            end_of_turn_model=await self._end_of_turn_model(chosen.settings),
            build_llm=self.language_models.of(chosen.settings).build,
        )
        if self._converse_elsewhere is not None:
            await self._converse_elsewhere(ctx, chosen, models)
            return
        await converse(
            ctx,
            RoomServices(
                settings=chosen.settings,
                definition=chosen.definition,
                models=models,
                llm_name=chosen.settings.llm.model or "builtin",
                loaded=chosen.loaded,
                notices=chosen.notices,
                refusal=chosen.refusal,
                records=self._records.keeper,
                metrics=self._supervisor.metrics,
                voice_in_service=self._supervisor.voice_in_service,
                vacant=lambda leave: self._admission.vacant(job, leave),
                account=watched.account,
                left_empty=lambda: self._left(room, chosen),
                delete_room=self._delete_room,
            ),
        )

    def _left(self, room: str, chosen: Chosen) -> None:
        """Watch an empty room, to which the same agent comes back."""
        if self._waiting is not None:
            self._waiting.left(room, DispatchMetadata(agent=chosen.definition.name).encode())

    async def _delete_room(self, room: str) -> None:
        """End a room for everybody in it, from any event loop. Raises what the request raises."""
        if self._livekit is None:
            return
        rooms = LiveKitRooms(self._livekit)
        try:
            await rooms.delete(room)
        finally:
            await rooms.aclose()

    async def _on_request(self, request: JobRequest) -> None:
        chosen = await self._choice.choose(request.job)
        decision = self._admission.offer(
            request.id,
            request.room.name,
            load_bytes=await asyncio.to_thread(lambda: chosen.bytes_to_load),
            asr_unavailable=self._supervisor.out_of_service(chosen.recogniser),
        )
        if not decision.accepted:
            if self._waiting is not None and decision.refusal in PASSING:
                self._waiting.refused(request.room.name, request.job.metadata)
            logger.info(
                "room refused",
                extra={
                    "room": request.room.name,
                    "reason": decision.refusal.value if decision.refusal else "",
                    "detail": decision.detail,
                },
            )
            await request.reject(terminate=False)
            return
        self.language_models.wake(chosen.settings)
        self._choice.hold(request.id, chosen)
        self._phrases.begin(chosen)
        try:
            await request.accept(name=self._settings.agent.name)
        except BaseException:
            self._admission.release(request.id)
            self._choice.drop(request.id)
            raise
        finally:
            self._report_load()
        if self._waiting is not None:
            self._waiting.served(request.room.name)

    def _place_is_free(self) -> None:
        self._report_load()
        if self._waiting is not None:
            self._waiting.place_free()

    def _report_load(self) -> None:
        """Report at once that a place was taken or came free.

        LiveKit offers no room to a worker that it believes to be full.
        """
        if self._livekit is not None:
            task = asyncio.create_task(report_load(self.server), name="report-load")
            self._reporting.add(task)
            task.add_done_callback(self._reporting.discard)

    def _load(self, _: AgentServer) -> float:
        return self._admission.load()


async def prewarm_agents(folder: AgentFolder, settings: Settings, speech: SharedEngines) -> None:
    """Load the models of the default agent and of those that ask for it; raises as a load does."""
    agents = folder.agents
    for agent in (agents.default, *(a for a in agents.by_name.values() if a.prewarm)):
        await prewarm(agent.settings(settings), speech, agent)


async def _cancelled(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks and wait for their end."""
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
