"""Which agent answers a job, and what of the worker its room uses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from livekit.agents import JobContext
from livekit.protocol.agent import Job

from agent.definitions.definition import BUILT_IN, AgentDefinition
from agent.definitions.folder import AgentFolder, NoSuchAgentError
from agent.settings import Settings
from services.admission import RESERVATION_SECONDS
from services.dispatch_metadata import AGENT_KEY, DispatchMetadata
from services.livekit_server.rooms import UNREACHABLE, LiveKitRooms
from services.models import describe_demo
from services.shared.config import LoadedModel
from services.shared.engines import SharedASR, SharedEngines, SharedVoice
from services.shared.shared_model import Lease

logger = logging.getLogger("agent.runtime.agent_choice")


@dataclass(frozen=True, slots=True)
class Chosen:
    """An agent for one job, with the models that its room uses."""

    definition: AgentDefinition
    settings: Settings
    """Of its conversation."""
    recogniser: SharedASR
    voice: SharedVoice
    refusal: str = ""
    """A sentence for the caller, where the agent that was asked for is not there."""

    @property
    def bytes_to_load(self) -> int:
        """What its room needs beyond what is loaded, or asked for by another room."""
        return self.recogniser.bytes_to_add + self.voice.bytes_to_add

    def loaded(self) -> dict[str, LoadedModel]:
        """Its models by role, as far as loaded."""
        slots = {"asr": self.recogniser.slot, "voice": self.voice.slot}
        return {role: slot.loaded for role, slot in slots.items() if slot and slot.loaded}

    def notices(self) -> list[str]:
        """Sentences that its callers should read about its models."""
        loaded = self.loaded()
        demo = {role: model.demo for role, model in loaded.items()}
        problems = [model.problem for model in (self.recogniser, self.voice) if model.problem]
        return [
            *problems,
            *describe_demo(asr=demo.get("asr", False), voice=demo.get("voice", False)),
        ]

    async def load(self) -> None:
        """Load its models; logs what a load raises, as the room then speaks of it."""
        for model in (self.recogniser, self.voice):
            try:
                await model.get()
            except Exception as error:
                logger.error("model of a room not loaded", extra={"error": str(error)})


class AgentChoice:
    """Chooses for each job, and holds the models of accepted jobs until their rooms begin.

    `choose` and `hold` belong to the worker's loop; the others are safe from any thread.
    """

    def __init__(
        self,
        settings: Settings,
        folder: AgentFolder,
        speech: SharedEngines,
        *,
        edited: bool,
        rooms: Callable[[], LiveKitRooms] | None,
    ) -> None:
        """`edited`: files may change at any time; `rooms` asks LiveKit, if there is a server."""
        self._settings = settings
        self._folder = folder
        self._speech = speech
        self._edited = edited
        self._rooms = rooms
        self._held: dict[str, tuple[Chosen, list[Lease]]] = {}
        """By job, from its acceptance to the begin of its room."""

    async def choose(self, job: Job) -> Chosen:
        """Return who answers a job, from its metadata, that of its room, or the room's name."""
        if self._edited:
            await asyncio.to_thread(self._folder.read)
        return self._choose(_asked(job), job.room.name)

    def hold(self, job: str, chosen: Chosen) -> None:
        """Begin to load the models of an accepted job, and keep them loaded for its room."""
        self._held[job] = chosen, [chosen.recogniser.use(), chosen.voice.use()]
        # The place of a room that never begins is free after that time too.
        asyncio.get_running_loop().call_later(RESERVATION_SECONDS, self.drop, job)
        chosen.recogniser.start()
        chosen.voice.start()

    def drop(self, job: str) -> None:
        """Let the models of a job go, unless its room has begun."""
        _, leases = self._held.pop(job, (None, []))
        for lease in leases:
            lease.close()

    async def begin(self, ctx: JobContext) -> Chosen:
        """Return who answers in a room that begins, with loaded models; ends with the job.

        Where the dispatch asks for nobody, the first caller with an attribute `agent` decides.
        """
        job = ctx.job
        chosen, leases = self._held.pop(job.id, (None, []))

        async def leave() -> None:
            for lease in leases:
                lease.close()

        ctx.add_shutdown_callback(leave)
        if chosen is None:
            chosen = await self.choose(job)
        asked = await self._asked_by_caller(job)
        if asked:
            chosen = self._choose(asked, job.room.name)
        before = list(leases)
        # The new ones first, so that no model that is needed still is unloaded in between.
        leases += [chosen.recogniser.use(), chosen.voice.use()]
        for lease in before:
            lease.close()
        await chosen.load()
        return chosen

    def default(self) -> Chosen:
        """Return who answers where nothing is asked for."""
        return self.of(self._folder.agents.default)

    def prewarmed(self) -> list[Chosen]:
        """Return those whose models are loaded when the worker starts, the default one first."""
        agents = self._folder.agents
        more = [agent for agent in agents.by_name.values() if agent.prewarm]
        return [self.of(agent) for agent in (agents.default, *more)]

    def of(self, definition: AgentDefinition, refusal: str = "") -> Chosen:
        """Return an agent with what its room uses."""
        settings = definition.settings(self._settings)
        return Chosen(
            definition,
            settings,
            self._speech.recogniser(definition.recogniser(settings)),
            self._speech.voice(definition.voices(settings)),
            refusal,
        )

    def _choose(self, asked: str, room: str) -> Chosen:
        try:
            return self.of(self._folder.agents.choose(asked, room))
        except NoSuchAgentError as error:
            logger.warning("a call asks for an agent that is not there", extra={"room": room})
            return self.of(BUILT_IN, refusal=str(error))

    async def _asked_by_caller(self, job: Job) -> str:
        if _asked(job) or self._rooms is None or not self._folder.agents.by_name:
            return ""
        rooms = self._rooms()
        try:
            people = await rooms.people(job.room.name)
        except UNREACHABLE:
            return ""
        finally:
            await rooms.aclose()
        named = (caller.attributes.get(AGENT_KEY, "") for caller in people.callers.values())
        return next((name for name in named if name), "")


def _asked(job: Job) -> str:
    """Return the agent that a dispatch or its room asks for; empty for none."""
    return (
        DispatchMetadata.decode(job.metadata).agent
        or DispatchMetadata.decode(job.room.metadata).agent
    )
