"""Status and health: what is told, and when it is bad."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from services.web.http.server import WebServer
from services.web.routes.status import AgentStatus, Check, HealthRoutes, StatusRoute
from tests.support.web_client import Answer, fetch

pytestmark = pytest.mark.unit

Checks = Callable[[], Mapping[str, Check]]


def ask(path: str, *, alive: Checks = dict, ready: Checks = dict) -> Answer:
    server = WebServer("127.0.0.1", 0, [HealthRoutes(alive, ready)])
    server.start()
    try:
        return fetch(server, path)
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("rooms", "capacity", "busy"),
    [(0, 5, False), (4, 5, False), (5, 5, True), (6, 5, True), (None, 5, None), (1, None, None)],
)
def test_all_agents_are_busy_when_every_room_is_taken(
    rooms: int | None, capacity: int | None, busy: bool | None
) -> None:
    status = AgentStatus(ready=True, rooms=rooms, capacity=capacity, notices=("Demo voice.",))
    server = WebServer("127.0.0.1", 0, [StatusRoute(lambda: status)])
    server.start()
    try:
        answer = fetch(server, "/api/status")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json() == {
            "ready": True,
            "busy": busy,
            "rooms": rooms,
            "capacity": capacity,
            "notices": ["Demo voice."],
            "agents": [],
        }
    finally:
        server.stop()


def test_health_is_good_when_every_check_is() -> None:
    answer = ask("/healthz", alive=lambda: {"loops": Check(True, "3 of 3 turn")})
    assert answer.status == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {"loops": {"ok": True, "detail": "3 of 3 turn"}},
    }


def test_one_bad_check_is_enough_and_is_named() -> None:
    answer = ask("/readyz", ready=lambda: {"models": Check(True), "livekit": Check(False, "away")})
    assert answer.status == 503
    assert answer.json()["checks"]["livekit"] == {"ok": False, "detail": "away"}


def test_a_check_that_fails_itself_is_bad_health() -> None:
    def broken() -> Mapping[str, Check]:
        raise ValueError("secret detail")

    answer = ask("/healthz", alive=broken)
    assert answer.status == 503
    assert "ValueError" in answer.text
    assert "secret" not in answer.text


def test_ready_and_alive_are_two_things() -> None:
    bad: Checks = lambda: {"any": Check(False)}  # noqa: E731
    assert ask("/healthz", ready=bad).status == 200
    assert ask("/readyz", ready=bad).status == 503
