"""What the worker needs of the framework beyond its public interface; nothing else may use that.

The contract test of this file names the version of livekit-agents that this was written against.
"""

from __future__ import annotations

import contextlib
import os

from livekit.agents import AgentServer
from livekit.agents.utils.aio import ChanClosed

__all__ = ["is_connected", "report_load"]

# The framework preloads its end-of-turn weights (255 MB) with the first job thread, used or not.
os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")
# Its watch on each event loop costs 0.7 % of a core per room and yields no figures.
os.environ.setdefault("LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS", "0")


def is_connected(server: AgentServer) -> bool:
    """Whether a server that has registered is connected to LiveKit.

    The framework emits an event for each registration, and none for a lost connection.
    """
    return not server._connecting


async def report_load(server: AgentServer) -> None:
    """Report the load to LiveKit now; by itself the framework does so every 2.5 s."""
    with contextlib.suppress(ChanClosed):
        await server._refresh_worker_load()
        await server._update_worker_status()
