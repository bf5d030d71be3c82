"""Every metric of the product: its name, unit, labels and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "voice_agent_"

Kind = Literal["counter", "gauge", "histogram"]

_RESPONSE_BUCKETS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Dense where people notice: below 0.5 s feels immediate, above 1.5 s they speak again."""
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
    """As it is asked for in PromQL; a histogram's series end in `_bucket`, `_sum`, `_count`."""
    kind: Kind
    unit: str
    """Of a value (of what is observed, for a histogram)."""
    meaning: str
    """One sentence."""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in its unit."""

    @property
    def sample_names(self) -> tuple[str, ...]:
        """The names that its series have."""
        if self.kind != "histogram":
            return (self.name,)
        return tuple(f"{self.name}{suffix}" for suffix in ("_bucket", "_sum", "_count"))


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
    "From the caller's last voice to the agent's first sound leaving, by whether the reply had "
    "been begun before the turn was over.",
    _RESPONSE_BUCKETS,
    "prepared",
)
END_OF_TURN = _histogram(
    "end_of_turn_seconds",
    "seconds",
    "From the caller's last voice to the decision that the turn is over.",
    _END_OF_TURN_BUCKETS,
)
TRANSCRIPT = _histogram(
    "transcript_seconds",
    "seconds",
    "From the caller's last voice to the final transcript.",
    _TRANSCRIPT_BUCKETS,
)
FIRST_TOKEN = _histogram(
    "first_token_seconds",
    "seconds",
    "From asking the language model to its first token.",
    _FIRST_TOKEN_BUCKETS,
)
FIRST_SOUND = _histogram(
    "first_sound_seconds",
    "seconds",
    "From the reply's first words to its first sound.",
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
    "Replies that were made, by whether they were used, or why they were thrown away.",
    "outcome",
)
CALLER_NOTICES = _counter(
    "caller_notices",
    "notices",
    "Problems that a caller was told of, by kind.",
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
    "Cost of one sentence.",
    _REAL_TIME_BUCKETS,
)
TTS_SPEECH = _counter("tts_speech_seconds", "seconds", "Speech that was computed.")

INFERENCE_QUEUED = _gauge(
    "inference_queued", "calls", "Model calls that wait, by class.", "priority"
)
INFERENCE_RUNNING = _gauge("inference_running", "calls", "Model calls that run.")
INFERENCE_SLOTS = _gauge("inference_slots", "calls", "Model calls that may run at once.")
INFERENCE_WAIT = _histogram(
    "inference_wait_seconds",
    "seconds",
    "Wait of a model call before it ran, by engine and class.",
    _WAIT_BUCKETS,
    "engine",
    "priority",
)
INFERENCE_RUN = _histogram(
    "inference_run_seconds",
    "seconds",
    "Time that a model call held its thread, by engine and class.",
    _RUN_BUCKETS,
    "engine",
    "priority",
)
INFERENCE_CALLS = _counter(
    "inference_calls",
    "calls",
    "Model calls that ended, by engine, class and how; `timeout` and `wedged` are those past their "
    "deadline.",
    "engine",
    "priority",
    "outcome",
)
INFERENCE_WRITTEN_OFF = _gauge(
    "inference_written_off_threads",
    "threads",
    "Threads that did not come back from a model call and were given up.",
)
INFERENCE_EXHAUSTED = _gauge(
    "inference_exhausted",
    "0 or 1",
    "1 when no more threads may be given up, and the worker must be replaced.",
)
CIRCUIT_STATE = _gauge(
    "circuit_state",
    "0 or 1",
    "1 for the state that an engine's circuit breaker is in.",
    "engine",
    "state",
)
CIRCUIT_OPENED = _counter(
    "circuit_opened", "openings", "How often an engine was taken out of use.", "engine"
)

READY = _gauge("ready", "0 or 1", "1 when a room would be served at once.")
ACCEPTING = _gauge("accepting_rooms", "0 or 1", "1 when one more room would be taken.")
ROOMS = _gauge("rooms", "rooms", "Rooms in progress.")
ROOMS_CAPACITY = _gauge("rooms_capacity", "rooms", "Rooms that are possible at once.")
ROOMS_WAITING = _gauge("rooms_waiting", "rooms", "Refused rooms that wait for a place.")
LOAD = _gauge("load_ratio", "share, 0 to 1", "Load that LiveKit's dispatcher is told.")
ROOMS_ADMITTED = _counter("rooms_admitted", "rooms", "Rooms that were taken when offered.")
ROOMS_REJECTED = _counter(
    "rooms_rejected", "rooms", "Rooms that were refused when offered, by reason.", "reason"
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
    "How often a model was loaded, by role; more than once after a reload or a wedged call.",
    "role",
)
MODEL_RELOADS = _counter(
    "model_reloads", "reloads", "Reloads of the models because memory was fragmented."
)
MODEL_LAST_RELOAD = _gauge(
    "model_last_reload_timestamp_seconds",
    "seconds since 1970",
    "When the models were last reloaded; absent before.",
)

MEMORY_PROCESS = _gauge("memory_process_bytes", "bytes", "Resident set of the process.")
MEMORY_UNIQUE = _gauge(
    "memory_unique_bytes", "bytes", "What would be free if the process ended, as last measured."
)
MEMORY_COUNTED = _gauge("memory_counted_bytes", "bytes", "What counts against the limit in force.")
MEMORY_LIMIT = _gauge(
    "memory_limit_bytes", "bytes", "Limit in force: the container's or machine's."
)
MEMORY_THRESHOLD = _gauge(
    "memory_threshold_bytes", "bytes", "From where on a memory level holds.", "level"
)
MEMORY_LEVEL = _gauge(
    "memory_level",
    "0 to 3",
    "0 healthy, 1 warning, 2 high (cleaned up), 3 critical (no new rooms).",
)
MEMORY_PART = _gauge("memory_part_bytes", "bytes", "Where the process's memory is.", "part")
MEMORY_MACHINE = _gauge(
    "memory_machine_ratio", "share, 0 to 1", "Machine memory in use, by whomever."
)
GPU_MEMORY_PROCESS = _gauge(
    "gpu_memory_process_bytes", "bytes", "GPU memory of this process; absent without a GPU."
)
GPU_MEMORY_USED = _gauge(
    "gpu_memory_used_bytes", "bytes", "GPU memory of all processes on the GPUs in use."
)
GPU_MEMORY_SIZE = _gauge("gpu_memory_size_bytes", "bytes", "Memory of the GPUs in use.")
THREADS = _gauge("threads", "threads", "Threads of the process.")
TEMP_FILES = _gauge("temp_files", "files", "Temporary files of the process.")
TEMP_FILE_BYTES = _gauge("temp_file_bytes", "bytes", "Size of the temporary files.")

LOOP_LAG = _gauge(
    "loop_lag_p99_seconds",
    "seconds",
    "Lateness of the event loops' timers: 99th percentile of the last minute.",
)
LOOP_LAG_LONGEST = _gauge(
    "loop_lag_longest_seconds", "seconds", "The same: the longest of the last minute."
)
LOOPS_STUCK = _gauge("loops_stuck", "loops", "Event loops that have stood still for over a second.")

CATALOGUE: tuple[Definition, ...] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Definition)
)
"""All of them, in the order of the page in `docs/`."""
