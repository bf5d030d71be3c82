"""Delivery of the framework's spans to an OTLP collector."""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import TimeoutError as FutureTimeout

from livekit.agents.telemetry import pii, set_tracer_provider
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import NoOpTracerProvider

from services.host.threads import run_in_daemon

logger = logging.getLogger("agent.observability.tracing")

DEFAULT_SERVICE_NAME = "voice-agent"
FLUSH_SECONDS = 1.0
"""How long the end of the process waits for the delivery of the last spans."""

_REPEAT_SECONDS = 300.0
"""Interval between log lines about an unreachable collector."""

_EXPORTER_LOGGERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
)


class Tracing:
    """Owns the queued spans and the thread that delivers them."""

    def __init__(self, provider: TracerProvider) -> None:
        """Take ownership of `provider`, which delivers the spans."""
        self._provider = provider
        self._closed = False
        self._seldom = [(logging.getLogger(name), _Seldom()) for name in _EXPORTER_LOGGERS]
        for exporter_logger, seldom in self._seldom:
            exporter_logger.addFilter(seldom)

    def close(self, *, timeout_seconds: float = FLUSH_SECONDS) -> bool:
        """Deliver the queued spans and end; False when that took too long. Blocks; idempotent.

        Spans that are still open are lost, so end the rooms first.
        """
        if self._closed:
            return True
        self._closed = True
        set_tracer_provider(NoOpTracerProvider())
        ending = run_in_daemon("telemetry-flush", self._provider.shutdown)
        try:
            ending.result(timeout=timeout_seconds)
        except FutureTimeout:
            logger.warning("last traces not delivered in time", extra={"seconds": timeout_seconds})
            return False
        finally:
            for exporter_logger, seldom in self._seldom:
                exporter_logger.removeFilter(seldom)
        return True


def start(*, agent_name: str, words: bool) -> Tracing | None:
    """See `agent.observability.tracing.start_tracing`."""
    try:
        exporter = _exporter()
        deliver = BatchSpanProcessor(exporter)
    except Exception as error:
        logger.error("no traces: OTEL_EXPORTER_OTLP_… cannot be used", extra={"error": str(error)})
        return None
    resource = Resource.create()
    if not os.environ.get("OTEL_SERVICE_NAME") and _is_unnamed(resource):
        resource = resource.merge(Resource({SERVICE_NAME: DEFAULT_SERVICE_NAME}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(deliver if words else _Wordless(deliver))
    set_tracer_provider(provider, metadata={"lk.agent_name": agent_name})
    logger.info("traces on", extra={"service": str(resource.attributes[SERVICE_NAME])})
    return Tracing(provider)


class _Wordless(SpanProcessor):
    """Removes callers' words from each span before it is queued.

    That is what the framework marks as personal: transcripts, chat history, the arguments and
    results of tools, names of people and rooms, and the texts of exceptions.
    """

    def __init__(self, inner: SpanProcessor) -> None:
        self._inner = inner

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._inner.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self._inner.on_end(pii.redact(span))

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._inner.force_flush(timeout_millis)


class _Seldom(logging.Filter):
    """Passes one line per interval, as the exporters log each failed delivery."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _REPEAT_SECONDS
        return True


def _exporter() -> SpanExporter:
    """Return the exporter of the configured protocol; it reads its own variables."""
    protocol = (
        os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or "http/protobuf"
    ).strip()
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
            OTLPSpanExporter as GRPCSpanExporter,
        )

        return GRPCSpanExporter()
    raise ValueError(
        f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not known: set it to http/protobuf or grpc"
    )


def _is_unnamed(resource: Resource) -> bool:
    return str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service")
