"""From the settings to the Wyoming server of a worker."""

from __future__ import annotations

from agent.runtime.supervised_engines import SupervisedEngines
from agent.settings import Settings
from services.web.http.addresses import read_network
from services.wyoming.limits import WyomingLimits
from services.wyoming.server import WyomingServer


def wyoming_server(settings: Settings, engines: SupervisedEngines) -> WyomingServer | None:
    """Return the server where the settings ask for one; not started.

    Once started it answers as soon as the models are loaded.
    """
    wanted = settings.wyoming
    if not wanted.port:
        return None
    metrics = engines.supervisor.metrics
    server = WyomingServer(
        engines.shared,
        wanted.host,
        wanted.port,
        name=settings.agent.name,
        allowed=[read_network(network) for network in wanted.allowed],
        announced=wanted.zeroconf,
        limits=WyomingLimits(
            connections=wanted.max_connections,
            utterance_seconds=wanted.max_seconds,
            decode_seconds=settings.asr.timeout_seconds,
            sentence_seconds=settings.voice.timeout_seconds,
        ),
        on_request=metrics.count_wyoming,
    )
    metrics.watch_wyoming(lambda: server.connections)
    return server
