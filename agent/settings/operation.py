"""Settings of one worker: its capacity, memory, shutdown and log."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from agent.settings.fields import Group, megabytes, percent, require_order, seconds, variable
from services import defaults


class LimitSettings(Group):
    """Capacity of one worker."""

    max_rooms: int = variable(
        "MAX_ROOMS",
        defaults.MAX_ROOMS,
        "Maximum number of rooms at once; 0: as many as the resources allow.",
        unit="rooms",
        ge=0,
        le=10000,
    )
    inference_slots: int = variable(
        "INFERENCE_SLOTS",
        0,
        "Model calls that run at once; 0: derived from the number of cores.",
        unit="calls",
        ge=0,
        le=256,
    )
    inference_queue_limit: int = variable(
        "INFERENCE_QUEUE_LIMIT",
        defaults.INFERENCE_QUEUE_LIMIT,
        "Maximum number of model calls waiting.",
        unit="calls",
        ge=1,
        le=100000,
    )
    wedged_threads: int = variable(
        "WEDGED_THREAD_LIMIT",
        defaults.WEDGED_THREAD_LIMIT,
        "Number of hung engine threads tolerated before the worker restarts.",
        unit="threads",
        ge=0,
        le=1000,
    )
    circuit_failures: int = variable(
        "CIRCUIT_FAILURES",
        defaults.CIRCUIT_FAILURES,
        "Consecutive failures that take an engine out of use.",
        unit="failures",
        ge=1,
        le=1000,
    )
    circuit_open_seconds: float = seconds(
        "CIRCUIT_OPEN_SECONDS",
        defaults.CIRCUIT_OPEN_SECONDS,
        "Time until an engine that was taken out of use is tried again.",
    )
    loop_lag_seconds: float = seconds(
        "LOOP_LAG_LIMIT_SECONDS",
        defaults.LOOP_LAG_LIMIT_SECONDS,
        "Event-loop lag above which no new room is accepted.",
    )
    chat_history_items: int = variable(
        "CHAT_HISTORY_ITEMS",
        80,
        "Number of messages of a conversation that are kept.",
        unit="messages",
        ge=2,
        le=100000,
    )
    turn_records: int = variable(
        "TURN_RECORDS",
        100,
        "Number of turns whose timing is kept for each room.",
        unit="turns",
        ge=1,
        le=100000,
    )
    room_empty_seconds: float = seconds(
        "ROOM_EMPTY_SECONDS",
        5.0,
        "Time that a room is kept after its last caller has left.",
        zero=True,
    )
    first_word_seconds: float = seconds(
        "FIRST_WORD_SECONDS",
        30.0,
        "Silence at the start of a call after which the agent asks whether anyone is there; "
        "0: never.",
        zero=True,
    )
    silence_seconds: float = seconds(
        "SILENCE_SECONDS",
        300.0,
        "Silence during a conversation after which the agent asks whether anyone is there; "
        "0: never.",
        zero=True,
    )
    silence_answer_seconds: float = seconds(
        "SILENCE_ANSWER_SECONDS", 20.0, "Time to answer that question before the call ends."
    )
    transcribe_mb: int = megabytes(
        "TRANSCRIBE_MAX_MB", 25, "Largest file accepted by POST /v1/audio/transcriptions."
    )
    transcribe_seconds: float = seconds(
        "TRANSCRIBE_MAX_SECONDS",
        600.0,
        "Longest audio accepted by POST /v1/audio/transcriptions.",
    )


class LifecycleSettings(Group):
    """Shutdown."""

    drain_seconds: float = seconds(
        "DRAIN_SECONDS", 300.0, "Time that rooms have to finish after SIGTERM.", zero=True
    )
    shutdown_seconds: float = seconds(
        "SHUTDOWN_SECONDS", 4.0, "Time for an orderly shutdown before the process is killed."
    )


class MemorySettings(Group):
    """Memory: when the worker cleans up, refuses rooms and drains."""

    check_seconds: float = seconds(
        "MEMORY_CHECK_SECONDS", defaults.MEMORY_CHECK_SECONDS, "Time between two memory readings."
    )
    statistics_seconds: float = seconds(
        "MEMORY_STATISTICS_SECONDS",
        defaults.MEMORY_STATISTICS_SECONDS,
        "Time between two log lines with memory statistics.",
    )
    warning_mb: int = megabytes(
        "MEMORY_WARNING_MB",
        defaults.MEMORY_WARNING_MB,
        "Process memory at which a warning is logged.",
    )
    high_mb: int = megabytes(
        "MEMORY_HIGH_MB", defaults.MEMORY_HIGH_MB, "Process memory at which memory is cleaned up."
    )
    critical_mb: int = megabytes(
        "MEMORY_THRESHOLD_MB",
        defaults.MEMORY_THRESHOLD_MB,
        "Process memory at which no new rooms are accepted.",
    )
    warning_percent: int = percent(
        "MEMORY_WARNING_PERCENT",
        defaults.MEMORY_WARNING_PERCENT,
        "Warning level, as a percentage of the memory limit.",
    )
    high_percent: int = percent(
        "MEMORY_HIGH_PERCENT",
        defaults.MEMORY_HIGH_PERCENT,
        "Clean-up level, as a percentage of the memory limit.",
    )
    critical_percent: int = percent(
        "MEMORY_THRESHOLD_PERCENT",
        defaults.MEMORY_THRESHOLD_PERCENT,
        "Level at which no new rooms are accepted, as a percentage of the memory limit.",
    )
    gpu_mb: int = megabytes(
        "GPU_MEMORY_THRESHOLD_MB",
        defaults.GPU_MEMORY_THRESHOLD_MB,
        "GPU memory at which no new rooms are accepted; 0: MEMORY_THRESHOLD_PERCENT of the GPU.",
        zero=True,
    )
    reload_seconds: float = seconds(
        "MODEL_RELOAD_SECONDS",
        defaults.MODEL_RELOAD_SECONDS,
        "Minimum time between two reloads of the models.",
    )
    fragmentation_mb: int = megabytes(
        "MEMORY_FRAGMENTATION_MB",
        1024,
        "Growth since start-up, after cleaning, that triggers a model reload.",
    )
    temp_file_seconds: float = seconds(
        "TEMP_FILE_SECONDS",
        defaults.TEMP_FILE_SECONDS,
        "Age at which an unused temporary file is removed.",
    )
    temp_file_pressure_seconds: float = seconds(
        "TEMP_FILE_PRESSURE_SECONDS",
        defaults.TEMP_FILE_PRESSURE_SECONDS,
        "Age at which an unused temporary file is removed while memory is high.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(
            ("MEMORY_WARNING_MB", self.warning_mb),
            ("MEMORY_HIGH_MB", self.high_mb),
            ("MEMORY_THRESHOLD_MB", self.critical_mb),
        )
        require_order(
            ("MEMORY_WARNING_PERCENT", self.warning_percent),
            ("MEMORY_HIGH_PERCENT", self.high_percent),
            ("MEMORY_THRESHOLD_PERCENT", self.critical_percent),
        )
        require_order(
            ("TEMP_FILE_PRESSURE_SECONDS", self.temp_file_pressure_seconds),
            ("TEMP_FILE_SECONDS", self.temp_file_seconds),
        )
        return self


class LogSettings(Group):
    """Logging."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    ] = variable(
        "LOG_LEVEL",
        "info",
        "Lowest severity that is logged; debug includes what is said in the rooms.",
    )
    format: Literal["auto", "readable", "json"] = variable(
        "LOG_FORMAT", "auto", "Format of log lines; auto: readable in `dev`, JSON in production."
    )
