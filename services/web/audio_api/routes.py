"""The routes of the audio API: each checks the key, and is counted and logged."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from aiohttp import web

from ...shared.engines import SharedEngines
from ..http.errors import OPENAI_PATHS, ApiError
from .access import ApiAccess
from .answers import STALL_SECONDS, BrokenOff
from .api_keys import ApiKey
from .form import FormReader
from .models import OPENAI_VOICES, ApiModels
from .speech import Speech
from .transcriptions import Transcriptions

logger = logging.getLogger("services.web")

ROUTES: Final = ("transcriptions", "translations", "speech", "models", "voices")
"""The values of the label `route`."""
CANCELLED: Final = "cancelled"
"""In place of a status, where the client has left."""

_REQUEST_ID: Final = web.RequestKey("request_id", str)
_REQUEST_ID_HEADER = "x-request-id"
"""Where OpenAI's clients look for the name of a request, to tell it with an error."""

Answer = Callable[[web.Request, ApiKey], Awaitable[web.StreamResponse]]


class AudioApiRoutes:
    """`/v1/audio/transcriptions`, `/v1/audio/speech`, `/v1/audio/voices` and `/v1/models`."""

    def __init__(
        self,
        access: ApiAccess,
        speech: SharedEngines,
        new_file: Callable[[], AbstractContextManager[Path]],
        *,
        on_request: Callable[[str, str], object] | None = None,
        reader: FormReader | None = None,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        """Configure the routes.

        Args:
            access: keys and limits.
            speech: the models.
            new_file: makes a temporary file that is removed at the end of its block.
            on_request: called with one of `ROUTES` and the status, or `CANCELLED`, of each request.
            reader: of uploads; the usual limits of time by default.
            stall_seconds: how long a client may read nothing.
        """
        self._access = access
        self._models = ApiModels(speech)
        self._on_request = on_request
        self._transcriptions = Transcriptions(
            access, self._models, speech, new_file, reader or FormReader()
        )
        self._speech = Speech(access, self._models, speech, stall_seconds=stall_seconds)

    def __call__(self, app: web.Application) -> None:
        router = app.router
        router.add_post(
            "/v1/audio/transcriptions", self._guarded("transcriptions", self._transcriptions.answer)
        )
        router.add_post("/v1/audio/translations", self._guarded("translations", _no_translations))
        router.add_post("/v1/audio/speech", self._guarded("speech", self._speech.answer))
        router.add_get("/v1/audio/voices", self._guarded("voices", self._list_voices))
        router.add_get("/v1/models", self._guarded("models", self._list_models))
        router.add_get("/v1/models/{name:.+}", self._guarded("models", self._describe_model))
        app.on_response_prepare.append(_add_request_id)

    def _guarded(
        self, route: str, answer: Answer
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            started = time.monotonic()
            request[_REQUEST_ID] = f"req_{secrets.token_hex(12)}"
            status, key = CANCELLED, None
            try:
                key = await self._access.check(request)
                response = await answer(request, key)
            except ApiError as error:
                status = str(error.status)
                raise
            except asyncio.CancelledError:
                raise
            except ConnectionError:
                # Whoever has left can be told nothing; the connection is closed.
                raise asyncio.CancelledError from None
            except BrokenOff as error:
                status = "503"
                logger.warning("audio API answer broken off", extra={"error": str(error)})
                raise asyncio.CancelledError from None
            except Exception:
                status = "500"
                raise
            else:
                status = str(response.status)
                return response
            finally:
                if self._on_request is not None:
                    self._on_request(route, status)
                if key is not None:
                    logger.info(
                        "audio API answered",
                        extra={
                            "route": route,
                            "status": status,
                            "key": key.name,
                            "request": request[_REQUEST_ID],
                            "seconds": round(time.monotonic() - started, 3),
                        },
                    )

        return handle

    async def _list_models(self, request: web.Request, key: ApiKey) -> web.Response:
        return web.json_response({"object": "list", "data": await self._models.listed()})

    async def _describe_model(self, request: web.Request, key: ApiKey) -> web.Response:
        return web.json_response(await self._models.described(request.match_info["name"]))

    async def _list_voices(self, request: web.Request, key: ApiKey) -> web.Response:
        names = [*await self._models.voices(), *OPENAI_VOICES]
        return web.json_response({"voices": [{"id": name, "name": name} for name in names]})


async def _no_translations(request: web.Request, key: ApiKey) -> web.StreamResponse:
    raise ApiError(
        404,
        "no_translations",
        "Speech is written down in its own language here, and not translated: use "
        "/v1/audio/transcriptions.",
    )


async def _add_request_id(request: web.Request, response: web.StreamResponse) -> None:
    if request.path.startswith(OPENAI_PATHS) and _REQUEST_ID in request:
        response.headers[_REQUEST_ID_HEADER] = request[_REQUEST_ID]
