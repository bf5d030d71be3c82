"""The worker for LiveKit's own tools: `python -m livekit.agents start agent/server.py`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from agent.runtime.agent_server import LocalAgentServer

if TYPE_CHECKING:
    from livekit.agents import JobContext

    from agent.runtime.agent_choice import Chosen
    from agent.runtime.worker import Converse
    from agent.session.pipeline import PipelineModels


def _in_console() -> Converse:
    """Return what converses where the session's sound is that of the tools' console."""
    from agent.session.conversation_agent import make_agent
    from agent.session.pipeline import Pipeline

    async def converse(ctx: JobContext, chosen: Chosen, models: PipelineModels) -> None:
        pipeline = Pipeline(chosen.settings, models, room="console", definition=chosen.definition)
        session = pipeline.session
        pipeline.language.on_unvoiced = pipeline.toolbox.state.announce
        made = await make_agent(
            chosen.definition,
            chosen.settings,
            pipeline.toolbox,
            session,
            pipeline.language,
            on_end_call=ctx.shutdown,
        )

        async def end() -> None:
            with contextlib.suppress(RuntimeError):
                await session.aclose()
            await asyncio.gather(made.aclose(), pipeline.aclose())

        ctx.add_shutdown_callback(end)
        # The framework connects it with the console.
        await session.start(made.agent, record=False)

    return converse


server = LocalAgentServer(_in_console)
"""Reads the settings and loads models once it runs."""
