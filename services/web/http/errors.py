"""Errors of the web API: a code for programs, a sentence for people, an HTTP status."""

from __future__ import annotations

import logging
import math
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

logger = logging.getLogger("services.web")

OPENAI_PATHS: Final = "/v1/"
"""Below this, failures have the form of OpenAI's."""
API_PATHS: Final = ("/api/", "/admin/", OPENAI_PATHS)
"""Below these, failures are answered as JSON, and nothing is cached."""


class ApiError(Exception):
    """A request that is refused; `api_errors` turns it into JSON.

    Attributes:
        status: HTTP status of the response.
        code: stable word for programs, such as `rate_limited`.
        message: one sentence for the caller, with the next step.
        retry_after_seconds: when a retry makes sense, None if never.
        field: of the request, which is to blame; empty if none is.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.field = field

    def response(self, path: str) -> web.Response:
        """The error as an answer to a request for `path`.

        It is `{"error": {"code", "message", "retry_after_seconds"}}`, and below `OPENAI_PATHS` as
        `as_openai` has it.
        """
        headers = {}
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_seconds)))
        body = {
            "error": {
                "code": self.code,
                "message": self.message,
                "retry_after_seconds": self.retry_after_seconds,
            }
        }
        if path.startswith(OPENAI_PATHS):
            body = self.as_openai()
        return web.json_response(body, status=self.status, headers=headers)

    def as_openai(self) -> dict[str, dict[str, Any]]:
        """The error as OpenAI's clients read it: `{"error": {"message", "type", …}}`."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        if self.status == 429:
            kind = "rate_limit_error"
        return {
            "error": {
                "message": self.message,
                "type": kind,
                "param": self.field or None,
                "code": self.code,
            }
        }


@web.middleware
async def api_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer failures below `API_PATHS` as JSON, unexpected ones without their details."""
    if not request.path.startswith(API_PATHS):
        return await handler(request)
    try:
        return await handler(request)
    except ApiError as error:
        return error.response(request.path)
    except web.HTTPException as error:
        code = (error.reason or "error").lower().replace(" ", "_")
        message = f"The server refused {request.method} {request.path}: {error.reason}."
        response = ApiError(error.status, code, message).response(request.path)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        logger.exception("request failed", extra={"route": request.path})
        message = "The server failed on this request; its log has the reason. Try again."
        return ApiError(500, "internal", message).response(request.path)


@web.middleware
async def plain_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse compressed bodies: no client of ours sends one.

    aiohttp leaves the reader of one that is damaged waiting, until its time is over, where the
    damage shows only at the end.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return await handler(request)
    raise ApiError(
        415, "compressed", "Compressed requests are not accepted; send the body as it is."
    )
