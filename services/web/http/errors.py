"""Errors of the web API: a code for programs, a sentence for people, an HTTP status."""

from __future__ import annotations

import logging
import math

from aiohttp import web
from aiohttp.typedefs import Handler

logger = logging.getLogger("services.web")


class ApiError(Exception):
    """A request that is refused; `api_errors` turns it into JSON.

    Attributes:
        status: HTTP status of the answer.
        code: stable word for programs, such as `rate_limited`.
        message: one sentence for the person in front of the page, with the next step.
        retry_after_seconds: when it makes sense to ask again, None if it does not.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds

    def response(self) -> web.Response:
        """The error as `{"error": {"code", "message", "retry_after_seconds"}}`."""
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
        return web.json_response(body, status=self.status, headers=headers)


@web.middleware
async def api_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every failure below `/api/` as JSON, an unexpected one without its details."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    try:
        return await handler(request)
    except ApiError as error:
        return error.response()
    except web.HTTPException as error:
        code = (error.reason or "error").lower().replace(" ", "_")
        message = f"The server refused {request.method} {request.path}: {error.reason}."
        response = ApiError(error.status, code, message).response()
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        logger.exception("request failed", extra={"route": request.path})
        message = "The server failed on this request; its log has the reason. Try again."
        return ApiError(500, "internal", message).response()
