"""Log lines of libraries that are dropped or shortened."""

import logging

from agent.observability.masking import debugging

_NOISY = (
    "aiohttp.access",
    "asyncio",
    "faster_whisper",
    "filelock",
    "httpcore2",
    "httpx2",
    "huggingface_hub",
    "livekit",
    "matplotlib",
    "mcp",
    "openai",
    "opentelemetry",
    "piper",
    "py.warnings",
    "urllib3",
    "watchfiles",
)
"""Loggers whose lines below a warning are of no use to an operator."""

_OURS = ("livekit.agents", "livekit.plugins")
"""Children of noisy loggers that keep the configured level."""

CHATTER = (
    "HTTP server listening",
    "initializing job runner",
    "job runner initialized",
    "plugin registered",
    "preloading plugins",
)
"""The framework's lines about its internals at each start; shown at debug only."""

FREED_ALREADY = "Attempted to drop unknown FFI handle"
"""Logged by the native library for each caller who leaves: it frees the track before Python."""

UNUSED_STREAM = ("ignoring text stream with topic", "ignoring byte stream with topic")
"""Logged by the client library for each stream with a topic that the agent does not use."""

MCP_FAILED = "MCP client connection failed with unexpected error"
"""The framework's line about a lost MCP server, whose trace may quote the server's answers."""

QUOTING = ("failed to generate LLM completion", "failed to synthesize speech")
"""Beginnings of framework lines that go on with a service's answer."""


def quiet_libraries(least: int) -> None:
    """Set the levels of libraries' loggers, where the process logs from `least` on."""
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
    for name in _OURS:
        logging.getLogger(name).setLevel(least)


def tame(record: logging.LogRecord) -> bool:
    """A filter that drops or shortens lines of libraries; at debug most are kept as they are."""
    _drop_trace_of_senders(record)
    if record.name.startswith("livekit."):
        message = record.getMessage()
        if message.startswith(QUOTING) and not debugging():
            record.msg, record.args = message.partition(":")[0], None
        if message == MCP_FAILED and not debugging():
            error = record.exc_info[1] if record.exc_info else None
            record.exc_info = None
            vars(record).setdefault("kind", type(error).__name__)
        chatter = record.levelno == logging.INFO and message.startswith(CHATTER)
        return "deprecated" not in message and (not chatter or debugging())
    if record.name.startswith("mcp."):
        # It quotes what servers answer; whoever uses it says what went wrong.
        return debugging()
    if record.name == "livekit":
        return debugging() or FREED_ALREADY not in record.getMessage()
    if record.name == "root" and record.getMessage().startswith(UNUSED_STREAM):
        return debugging()
    if record.name == "py.warnings":
        return "DeprecationWarning" not in record.getMessage()
    return True


def _drop_trace_of_senders(record: logging.LogRecord) -> None:
    """A stream that its sender aborted or made too large is no fault of the code."""
    error = record.exc_info[1] if record.exc_info else None
    if type(error).__qualname__ == "StreamError" and not debugging():
        record.exc_info = None
        vars(record).setdefault("error", str(error))
