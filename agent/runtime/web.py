"""From the settings to the web server of a process: the page's, or that of health and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from agent.settings import Settings
from services.livekit_server.credentials import LiveKitCredentials
from services.web.app import web_server
from services.web.http.connections import Connections
from services.web.http.guard import Guard
from services.web.http.server import AddRoutes, WebServer
from services.web.routes.status import AgentStatus

if TYPE_CHECKING:
    from agent.runtime.supervised_engines import SupervisedEngines


def page_server(
    settings: Settings,
    livekit: LiveKitCredentials,
    status: Callable[[], AgentStatus],
    routes: Sequence[AddRoutes],
) -> WebServer:
    """Return the server of the page, which joins rooms of that LiveKit server; not started."""
    web = settings.web
    return web_server(
        livekit,
        status,
        agent_name=settings.agent.dispatch_name,
        public_url=settings.livekit.public_url or None,
        host=web.host,
        port=web.port,
        access_key=web.access_key.get_secret_value() or None,
        allowed_origins=web.allowed_origins,
        trusted_proxies=web.trusted_proxies,
        tokens=web.tokens,
        tokens_per_minute=web.tokens_per_minute,
        token_ttl_seconds=60.0 * web.token_minutes,
        rooms_per_address=web.rooms_per_address,
        more_routes=routes,
    )


def health_server(settings: Settings, routes: Sequence[AddRoutes], *, speech: bool) -> WebServer:
    """Return the server of a worker, or of a `speech` process; not started."""
    web, guard = settings.web, _guard(settings)
    return WebServer(
        web.worker_host,
        web.speech_port if speech else web.worker_port,
        [guard, *routes],
        connections=Connections(is_proxy=guard.is_trusted),
        host_setting="WORKER_HOST",
        port_setting="SPEECH_PORT" if speech else "WORKER_PORT",
    )


def model_routes(settings: Settings, engines: SupervisedEngines) -> list[AddRoutes]:
    """Return the routes of a process with models: admin, metrics, the audio API."""
    # Imported here: the web role needs none of them.
    from services.web.audio_api.access import ApiAccess, ApiLimits
    from services.web.audio_api.routes import AudioApiRoutes
    from services.web.routes.admin import AdminAccess, MemoryRoutes
    from services.web.routes.metrics import MetricsRoute

    supervisor, guard = engines.supervisor, _guard(settings)
    token = settings.web.admin_token.get_secret_value() or None
    limits = ApiLimits(
        max_bytes=settings.limits.transcribe_mb * 10**6,
        max_seconds=settings.limits.transcribe_seconds,
        max_characters=settings.api.max_characters,
        requests_per_minute=settings.api.requests_per_minute,
        requests_at_once=settings.api.requests_at_once,
    )
    return [
        MemoryRoutes(AdminAccess(token, guard), supervisor.view.look, supervisor.view.clean),
        MetricsRoute(supervisor.metrics.render),
        AudioApiRoutes(
            ApiAccess(settings.api.keys_file, guard, limits),
            engines.shared,
            supervisor.temp_files.file,
            on_request=supervisor.metrics.count_api_request,
        ),
    ]


def _guard(settings: Settings) -> Guard:
    """Return the guard of a worker's health, metrics and admin routes."""
    web = settings.web
    return Guard(
        bound_host=web.worker_host,
        allowed_origins=web.allowed_origins,
        trusted_proxies=web.trusted_proxies,
    )
