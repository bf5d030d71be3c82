"""Traces: a real session's spans on their way to a collector."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from livekit.agents import AgentSession
from livekit.agents.telemetry import tracer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent.llm.builtin import BuiltinLLM
from agent.observability.tracing import start_tracing
from agent.session.assistant import Assistant
from agent.tools import RoomState, Toolbox

QUESTION = "What is seventeen times twelve?"
ANSWER = "two hundred and four"


class Collector(ThreadingHTTPServer):
    """Takes spans over HTTP as a collector does; may be made to hang."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spans(self) -> dict[str, Span]:
        """What came, by name."""
        found = {}
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found.update({span.name: span for span in scope.spans})
        return found

    @property
    def service_names(self) -> set[str]:
        return {
            attribute.value.string_value
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.set()
        self.server.may_answer.wait()
        self.server.bodies.append(body)
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SDK_DISABLED",
        "OTEL_SERVICE_NAME",
        "OTEL_TRACES_EXPORTER",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector, to which the environment points."""
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.01,), name="collector")
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        yield collector
        collector.may_answer.set()
        collector.shutdown()
        thread.join()


@pytest.fixture
async def session() -> AsyncIterator[AgentSession[None]]:
    """A conversation by text with the assistant."""
    toolbox = Toolbox(RoomState())
    session = AgentSession[None](
        llm=BuiltinLLM(toolbox), vad=None, turn_handling={"turn_detection": "manual"}
    )
    yield session
    await session.aclose()


async def converse(session: AgentSession[None]) -> None:
    await session.start(Assistant(toolbox=Toolbox(RoomState()), max_history_items=80))
    await session.run(user_input=QUESTION)
    await session.aclose()


async def test_a_conversation_is_traced_without_its_words(
    collector: Collector, session: AgentSession[None]
) -> None:
    tracing = start_tracing(agent_name="ada")
    assert tracing is not None
    await converse(session)
    with pytest.raises(ValueError), tracer.start_as_current_span("failing"):  # noqa: PT011
        raise ValueError(QUESTION)
    assert tracing.close(timeout_seconds=20.0)
    assert {"agent_session", "agent_turn", "llm_node", "failing"} <= set(collector.spans)
    names = {attribute.key for attribute in collector.spans["llm_node"].attributes}
    assert "lk.agent_name" in names
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.service_names == {"voice-agent"}
    sent = b"".join(collector.bodies)
    assert QUESTION.encode() not in sent
    assert ANSWER.encode() not in sent


async def test_words_are_sent_where_they_are_asked_for(
    collector: Collector, session: AgentSession[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "front desk")
    tracing = start_tracing(agent_name="ada", words=True)
    assert tracing is not None
    await converse(session)
    assert tracing.close(timeout_seconds=20.0)
    sent = b"".join(collector.bodies)
    assert QUESTION.encode() in sent
    assert ANSWER.encode() in sent
    assert collector.service_names == {"front desk"}


def test_without_a_collector_nothing_is_imported() -> None:
    check = (
        "import sys; from agent.observability.tracing import start_tracing; "
        "assert start_tracing(agent_name='ada') is None; "
        "assert not [name for name in sys.modules if name.split('.')[0] in "
        "('opentelemetry', 'livekit')]"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", " "),
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ],
)
def test_the_standard_variables_can_switch_it_off(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert start_tracing(agent_name="ada") is None


def test_a_variable_that_cannot_be_used_costs_the_traces_and_nothing_else(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier pigeon")
    assert start_tracing(agent_name="ada") is None
    [record] = caplog.records
    assert "carrier pigeon" in str(vars(record)["error"])
    assert "http/protobuf" in str(vars(record)["error"])


def test_a_collector_that_hangs_holds_up_the_end_for_no_longer_than_asked(
    collector: Collector,
) -> None:
    collector.may_answer.clear()
    tracing = start_tracing(agent_name="ada")
    assert tracing is not None
    tracer.start_span("before").end()
    assert not tracing.close(timeout_seconds=0.05)
    assert tracing.close()
    assert collector.asked.wait(10.0)
    tracer.start_span("after").end()
    collector.may_answer.set()


def test_a_collector_that_refuses_is_complained_of_once(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400
    tracing = start_tracing(agent_name="ada")
    assert tracing is not None
    for number in range(1200):
        tracer.start_span(f"span {number}").end()
    assert tracing.close(timeout_seconds=20.0)
    complaints = [r for r in caplog.records if r.name.startswith("opentelemetry.exporter")]
    assert len(collector.bodies) > 1
    assert len(complaints) == 1
    assert complaints[0].levelno == logging.ERROR


def test_the_other_protocol_is_spoken_too(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
    tracing = start_tracing(agent_name="ada")
    assert tracing is not None
    assert tracing.close(timeout_seconds=20.0)
