"""Every metric of the product: its name, unit, labels and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "voice_agent_"

Kind = Literal["counter", "gauge", "histogram"]

_RESPONSE_BUCKETS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Dense where callers notice: under 0.5 s feels immediate, after 1.5 s they speak again."""
_END_OF_TURN_BUCKETS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)
_TRANSCRIPT_BUCKETS = (0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)
_FIRST_TOKEN_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_FIRST_SOUND_BUCKETS = (0.01, 0.025, 0.05, 0.08, 0.12, 0.16, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)
_WAIT_BUCKETS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_RUN_BUCKETS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0)
_REAL_TIME_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric."""

    name: str
    """As in PromQL; the series of a histogram end in `_bucket`, `_sum`, `_count`."""
    kind: Kind
    unit: str
    """Of a value; for a histogram, of an observation."""
    meaning: str
    """The help text, one sentence."""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in its unit."""


def _counter(name: str, unit: str, meaning: str, *labels: str) -> Definition:
    return Definition(f"{PREFIX}{name}_total", "counter", unit, meaning, labels)


def _gauge(name: str, unit: str, meaning: str, *labels: str) -> Definition:
    return Definition(f"{PREFIX}{name}", "gauge", unit, meaning, labels)


def _histogram(
    name: str, unit: str, meaning: str, buckets: tuple[float, ...], *labels: str
) -> Definition:
    return Definition(f"{PREFIX}{name}", "histogram", unit, meaning, labels, buckets)


RESPONSE = _histogram(
    "response_seconds",
    "seconds",
    "Time from the end of the caller's speech to the first audio of the reply, by whether the "
    "reply had been prepared before the turn ended.",
    _RESPONSE_BUCKETS,
    "prepared",
)
END_OF_TURN = _histogram(
    "end_of_turn_seconds",
    "seconds",
    "Time from the end of the caller's speech to the decision that the turn is over, by why it was "
    "waited for.",
    _END_OF_TURN_BUCKETS,
    "wait",
)
TRANSCRIPT = _histogram(
    "transcript_seconds",
    "seconds",
    "Time from the end of the caller's speech to the final transcript.",
    _TRANSCRIPT_BUCKETS,
)
FIRST_TOKEN = _histogram(
    "first_token_seconds",
    "seconds",
    "Time from the request to the language model to its first token.",
    _FIRST_TOKEN_BUCKETS,
)
FIRST_SOUND = _histogram(
    "first_sound_seconds",
    "seconds",
    "Time from the first words of the reply to its first audio.",
    _FIRST_SOUND_BUCKETS,
)
TURNS = _counter(
    "turns",
    "turns",
    "Spoken turns that were answered, by whether the caller interrupted the answer.",
    "interrupted",
)
REPLIES = _counter(
    "replies",
    "replies",
    "Generated replies, by whether they were used or why they were discarded.",
    "outcome",
)
CALLER_NOTICES = _counter(
    "caller_notices",
    "notices",
    "Problems reported to callers, by kind.",
    "kind",
)

ASR_REAL_TIME_FACTOR = _histogram(
    "asr_real_time_factor",
    "seconds of computing per second of audio",
    "Cost of one recognition.",
    _REAL_TIME_BUCKETS,
)
ASR_AUDIO = _counter("asr_audio_seconds", "seconds", "Audio that was recognised.")
TTS_REAL_TIME_FACTOR = _histogram(
    "tts_real_time_factor",
    "seconds of computing per second of speech",
    "Cost of the synthesis of one sentence.",
    _REAL_TIME_BUCKETS,
)
TTS_SPEECH = _counter("tts_speech_seconds", "seconds", "Speech that was synthesised.")

API_REQUESTS = _counter(
    "api_requests",
    "requests",
    "Requests to the audio API, by route and HTTP status; `cancelled` where the client left.",
    "route",
    "status",
)

INFERENCE_QUEUED = _gauge("inference_queued", "calls", "Model calls waiting, by class.", "priority")
INFERENCE_RUNNING = _gauge("inference_running", "calls", "Model calls running.")
INFERENCE_SLOTS = _gauge("inference_slots", "calls", "Model calls that can run at once.")
INFERENCE_WAIT = _histogram(
    "inference_wait_seconds",
    "seconds",
    "Waiting time of a model call, by engine and class.",
    _WAIT_BUCKETS,
    "engine",
    "priority",
)
INFERENCE_RUN = _histogram(
    "inference_run_seconds",
    "seconds",
    "Run time of a model call, by engine and class.",
    _RUN_BUCKETS,
    "engine",
    "priority",
)
INFERENCE_CALLS = _counter(
    "inference_calls",
    "calls",
    "Finished model calls, by engine, class and outcome; `timeout` and `wedged` passed their "
    "deadline.",
    "engine",
    "priority",
    "outcome",
)
INFERENCE_WRITTEN_OFF = _gauge(
    "inference_written_off_threads",
    "threads",
    "Threads given up because they did not return from a model call.",
)
INFERENCE_EXHAUSTED = _gauge(
    "inference_exhausted",
    "0 or 1",
    "1 when no more threads can be given up and the worker must be replaced.",
)
CIRCUIT_STATE = _gauge(
    "circuit_state",
    "0 or 1",
    "1 for the current state of an engine's circuit breaker.",
    "engine",
    "state",
)
CIRCUIT_OPENED = _counter(
    "circuit_opened", "openings", "Number of times an engine was taken out of use.", "engine"
)

READY = _gauge("ready", "0 or 1", "1 when a new room would be served immediately.")
ACCEPTING = _gauge("accepting_rooms", "0 or 1", "1 when one more room would be accepted.")
ROOMS = _gauge("rooms", "rooms", "Rooms in progress.")
ROOMS_CAPACITY = _gauge("rooms_capacity", "rooms", "Maximum number of rooms at once.")
ROOMS_WAITING = _gauge("rooms_waiting", "rooms", "Refused rooms waiting for a place.")
LOAD = _gauge("load_ratio", "share, 0 to 1", "Load reported to LiveKit's dispatcher.")
ROOMS_ADMITTED = _counter("rooms_admitted", "rooms", "Offered rooms that were accepted.")
ROOMS_REJECTED = _counter(
    "rooms_rejected", "rooms", "Offered rooms that were refused, by reason.", "reason"
)

MODEL_INFO = _gauge(
    "model_info",
    "always 1",
    "A model in use, by role and name, and whether it is a demo model.",
    "role",
    "name",
    "demo",
)
MODEL_LOADS = _counter(
    "model_loads",
    "loads",
    "Number of loads of a model, by role; more than one after a reload or a hung call.",
    "role",
)
MODEL_RELOADS = _counter(
    "model_reloads", "reloads", "Reloads of the models because memory was fragmented."
)
MODEL_LAST_RELOAD = _gauge(
    "model_last_reload_timestamp_seconds",
    "seconds since 1970",
    "Time of the last reload of the models; absent before the first.",
)

MEMORY_PROCESS = _gauge("memory_process_bytes", "bytes", "Resident set size of the process.")
MEMORY_UNIQUE = _gauge(
    "memory_unique_bytes", "bytes", "Memory that ending the process would free, as last measured."
)
MEMORY_COUNTED = _gauge(
    "memory_counted_bytes", "bytes", "Memory that counts against the limit in force."
)
MEMORY_LIMIT = _gauge(
    "memory_limit_bytes", "bytes", "Memory limit in force: the container's or the machine's."
)
MEMORY_THRESHOLD = _gauge(
    "memory_threshold_bytes", "bytes", "Memory at which each level begins.", "level"
)
MEMORY_LEVEL = _gauge(
    "memory_level",
    "0 to 3",
    "0 healthy, 1 warning, 2 high (cleaned up), 3 critical (no new rooms).",
)
MEMORY_PART = _gauge("memory_part_bytes", "bytes", "Memory of the process, by part.", "part")
MEMORY_MACHINE = _gauge(
    "memory_machine_ratio",
    "share, 0 to 1",
    "Share of the machine's memory in use by all processes.",
)
GPU_MEMORY_PROCESS = _gauge(
    "gpu_memory_process_bytes", "bytes", "GPU memory of this process; absent without a GPU."
)
GPU_MEMORY_USED = _gauge(
    "gpu_memory_used_bytes", "bytes", "GPU memory used by all processes on the GPUs in use."
)
GPU_MEMORY_SIZE = _gauge("gpu_memory_size_bytes", "bytes", "Total memory of the GPUs in use.")
THREADS = _gauge("threads", "threads", "Threads of the process.")
TEMP_FILES = _gauge("temp_files", "files", "Number of temporary files of the process.")
TEMP_FILE_BYTES = _gauge("temp_file_bytes", "bytes", "Total size of the temporary files.")

LOOP_LAG = _gauge(
    "loop_lag_p99_seconds",
    "seconds",
    "Event-loop lag: 99th percentile over the last minute.",
)
LOOP_LAG_LONGEST = _gauge(
    "loop_lag_longest_seconds", "seconds", "Longest event-loop lag in the last minute."
)
LOOPS_STUCK = _gauge("loops_stuck", "loops", "Event loops blocked for more than a second.")

WYOMING_CLIENTS = _gauge(
    "wyoming_clients", "clients", "Clients connected to the Wyoming server; absent while it is off."
)
WYOMING_REQUESTS = _counter(
    "wyoming_requests",
    "requests",
    "Requests to the Wyoming server that have ended, by kind and outcome.",
    "kind",
    "outcome",
)

CATALOGUE: tuple[Definition, ...] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Definition)
)
"""All of them, in the order of the page in `docs/`."""
