"""The private parts of livekit-agents that `agent/runtime/framework.py` uses."""

from __future__ import annotations

import inspect
import os
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from livekit.agents import AgentServer
from livekit.agents.telemetry import loop_monitor

from agent.runtime.framework import is_connected

pytestmark = pytest.mark.unit

WRITTEN_AGAINST = "1.8.9"


def source(module: str) -> str:
    """The text of a module, which is not imported: importing this one is what preloads."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text()


async def test_the_framework_has_the_private_parts_that_the_worker_uses() -> None:
    look = (
        f"livekit-agents is {version('livekit-agents')}, not {WRITTEN_AGAINST}: see in its "
        "worker.py how it keeps its connection and reports its load, and in ipc/_preload.py and "
        "telemetry/loop_monitor.py what switches them off"
    )
    server = AgentServer(ws_url="ws://127.0.0.1:9", api_key="key", api_secret="s" * 40)
    assert is_connected(server) in (True, False), look
    for name in ("_refresh_worker_load", "_update_worker_status"):
        method = getattr(server, name, None)
        assert inspect.iscoroutinefunction(method), look
        assert not inspect.signature(method).parameters, look
    assert '"LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE"' in source("livekit.agents.ipc._preload"), look
    assert os.environ[loop_monitor.ENV_WARN_THRESHOLD_MS] == "0", look
    assert loop_monitor.LoopMonitorThresholds.from_env() is None, look
