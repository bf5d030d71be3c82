"""A small HTTP client for tests of the web server."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from services.web.http.server import WebServer

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def fetch(
    server: WebServer,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def post(
    server: WebServer, path: str, body: object, *, headers: dict[str, str] | None = None
) -> Answer:
    """Send JSON as the page does."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    return fetch(server, path, method="POST", headers=sent, body=json.dumps(body).encode())
