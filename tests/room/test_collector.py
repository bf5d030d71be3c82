"""A collector of traces that takes connections and never answers."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.workers import call_the_worker, start


async def test_a_collector_that_hangs_costs_no_call_and_holds_up_no_end(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        port = silent.getsockname()[1]
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        async with start(livekit, tmp_path, variables) as agent:
            await agent.wait_for_log("worker ready")
            async with call_the_worker(livekit, "traced") as caller:
                await caller.send_text("what is two plus three")
                assert "five" in (await caller.wait_for_transcript(2, of_agent=True))[1].lower()
            await agent.wait_for_log("conversation ended")
            await agent.end(signal.SIGTERM)
