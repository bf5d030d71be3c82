"""`GET /metrics`, served by the real web server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from services.metrics import Metrics
from services.web.http.server import WebServer
from services.web.routes.metrics import MetricsRoute
from services.web.routes.status import HealthRoutes
from tests.support.web_client import fetch


@contextmanager
def serving(render: Callable[[], bytes], timeout_seconds: float = 5.0) -> Iterator[WebServer]:
    route = MetricsRoute(render, timeout_seconds=timeout_seconds)
    server = WebServer("127.0.0.1", 0, [route, HealthRoutes(dict, dict)])
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_prometheus_is_answered_in_its_own_format() -> None:
    metrics = Metrics()
    metrics.count_reply("used")
    with serving(metrics.render) as server:
        answer = fetch(server, "/metrics", headers={"Accept-Encoding": "identity"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"voice_agent_replies", "process_cpu_seconds"} <= names


def test_what_hangs_holds_up_neither_health_nor_is_it_begun_twice() -> None:
    go_on, begun = threading.Event(), []

    def hang() -> bytes:
        begun.append(threading.current_thread())
        go_on.wait()
        return b"late 1\n"

    with serving(hang, timeout_seconds=0.05) as server:
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda _: fetch(server, "/metrics"), range(5)))
        assert [answer.status for answer in answers] == [503] * 5
        assert fetch(server, "/healthz").status == 200
        assert len(begun) == 1
        go_on.set()
        begun[0].join()
    assert not begun[0].is_alive()


def test_a_failure_is_not_kept() -> None:
    answers: Iterator[bytes | ValueError] = iter([ValueError("once"), b"x 1\n"])

    def render() -> bytes:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    with serving(render) as server:
        assert fetch(server, "/metrics").status == 500
        assert fetch(server, "/metrics").body == b"x 1\n"
