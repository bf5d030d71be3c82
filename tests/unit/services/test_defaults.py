"""Each default exists once: a part that works alone has the one of the product's settings."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.llm.stream import LLMLimits
from agent.session.assistant import Assistant
from agent.session.silence import SilenceLimits
from agent.session.turn_records import TurnRecords
from agent.settings import Settings
from agent.settings.environment import variables_of
from services import defaults
from services.admission import AdmissionLimits
from services.asr.config import ASRConfig
from services.asr.recognizer import RecognizerTiming
from services.endpointing.policy import TurnTiming
from services.host.temp_files import TempFiles
from services.inference import InferenceScheduler
from services.inference.circuit_breaker import CircuitBreaker, Circuits
from services.livekit_local import LocalTTS
from services.memory import MemoryConfig, ModelReload
from services.shared.config import EngineConfig
from services.tts.engine import StreamingTTS, TTSConfig
from services.tts.piper.voice import PiperVoice
from services.vad.silero import VoiceActivityOptions
from services.web.app import web_server
from services.web.audio_api.access import ApiLimits
from services.web.routes.room_limit import RoomLimit
from services.web.routes.tokens import TokenIssuer, TokenRoutes
from services.wyoming.limits import WyomingLimits
from tests.support.deploy_files import REPOSITORY

MB = 2**20

NO_SETTINGS = {"SLOWEST_TTS_SPEED", "FASTEST_TTS_SPEED"}
"""Bounds of one."""

SETTINGS = {variable.name: variable for variable in variables_of(Settings)}

PARTS: list[tuple[str, Callable[..., Any], str, float]] = [
    ("ASR_LANGUAGE", EngineConfig, "language", 1),
    ("ASR_LANGUAGE", ASRConfig, "language", 1),
    ("ASR_DEVICE", EngineConfig, "device", 1),
    ("ASR_COMPUTE_TYPE", EngineConfig, "compute_type", 1),
    ("ASR_CONTEXT", EngineConfig, "context", 1),
    ("ASR_THREADS", EngineConfig, "asr_threads", 1),
    ("ASR_INTERIM_SHARE", RecognizerTiming, "interim_share", 1),
    ("ASR_TIMEOUT_SECONDS", RecognizerTiming, "deadline_seconds", 1),
    ("TTS_SPEED", EngineConfig, "speed", 1),
    ("TTS_SPEED", TTSConfig, "speed", 1),
    ("TTS_SPEED", PiperVoice.load, "speed", 1),
    ("TTS_SPEAKER", EngineConfig, "speaker", 1),
    ("TTS_THREADS", EngineConfig, "voice_threads", 1),
    ("TTS_TIMEOUT_SECONDS", StreamingTTS.synthesize, "deadline_seconds", 1),
    ("TTS_TIMEOUT_SECONDS", LocalTTS, "timeout_seconds", 1),
    ("TTS_PHRASE_CACHE_MB", EngineConfig, "phrase_cache_bytes", MB),
    ("TTS_PHRASE_CACHE_MB", TTSConfig, "phrase_cache_bytes", MB),
    ("WHISPER_MODEL_PATH", EngineConfig, "cache", 1),
    ("VAD_SILENCE_SECONDS", VoiceActivityOptions, "min_silence_seconds", 1),
    ("VAD_THRESHOLD", VoiceActivityOptions, "activation_threshold", 1),
    ("TURN_MIN_DELAY_SECONDS", TurnTiming, "complete_seconds", 1),
    ("TURN_MAX_DELAY_SECONDS", TurnTiming, "incomplete_seconds", 1),
    ("INFERENCE_SLOTS", EngineConfig, "slots", 1),
    ("INFERENCE_QUEUE_LIMIT", EngineConfig, "queue_limit", 1),
    ("INFERENCE_QUEUE_LIMIT", InferenceScheduler, "queue_limit", 1),
    ("WEDGED_THREAD_LIMIT", EngineConfig, "wedge_budget", 1),
    ("WEDGED_THREAD_LIMIT", InferenceScheduler, "wedge_budget", 1),
    ("CIRCUIT_FAILURES", CircuitBreaker, "failures", 1),
    ("CIRCUIT_FAILURES", Circuits, "failures", 1),
    ("CIRCUIT_OPEN_SECONDS", CircuitBreaker, "open_seconds", 1),
    ("CIRCUIT_OPEN_SECONDS", Circuits, "open_seconds", 1),
    ("MAX_ROOMS", AdmissionLimits, "max_rooms", 1),
    ("LOOP_LAG_LIMIT_SECONDS", AdmissionLimits, "loop_lag_seconds", 1),
    ("MEMORY_CHECK_SECONDS", MemoryConfig, "check_seconds", 1),
    ("MEMORY_STATISTICS_SECONDS", MemoryConfig, "statistics_seconds", 1),
    ("MEMORY_WARNING_MB", MemoryConfig, "warning_mb", 1),
    ("MEMORY_HIGH_MB", MemoryConfig, "high_mb", 1),
    ("MEMORY_THRESHOLD_MB", MemoryConfig, "critical_mb", 1),
    ("MEMORY_WARNING_PERCENT", MemoryConfig, "warning_percent", 1),
    ("MEMORY_HIGH_PERCENT", MemoryConfig, "high_percent", 1),
    ("MEMORY_THRESHOLD_PERCENT", MemoryConfig, "critical_percent", 1),
    ("GPU_MEMORY_THRESHOLD_MB", MemoryConfig, "gpu_critical_mb", 1),
    ("MODEL_RELOAD_SECONDS", ModelReload, "interval_seconds", 1),
    ("TEMP_FILE_SECONDS", TempFiles, "max_age_seconds", 1),
    ("TEMP_FILE_PRESSURE_SECONDS", TempFiles, "pressure_age_seconds", 1),
    ("TOKEN_MINUTES", TokenIssuer, "ttl_seconds", 60),
    ("TOKEN_MINUTES", web_server, "token_ttl_seconds", 60),
    ("TOKENS_PER_MINUTE", TokenRoutes, "per_minute", 1),
    ("TOKENS_PER_MINUTE", web_server, "tokens_per_minute", 1),
    ("ROOMS_PER_ADDRESS", web_server, "rooms_per_address", 1),
    ("WYOMING_MAX_CONNECTIONS", WyomingLimits, "connections", 1),
    ("WYOMING_MAX_SECONDS", WyomingLimits, "utterance_seconds", 1),
    ("ASR_TIMEOUT_SECONDS", WyomingLimits, "decode_seconds", 1),
    ("TTS_TIMEOUT_SECONDS", WyomingLimits, "sentence_seconds", 1),
]
"""Setting, part, its parameter, and how many of the parameter's units are one of the setting's."""

GIVEN: list[tuple[Callable[..., Any], tuple[str, ...]]] = [
    (Assistant, ("max_history_items",)),
    (TurnRecords, ("limit",)),
    (SilenceLimits, ("first_word_seconds", "silence_seconds", "silence_answer_seconds")),
    (LLMLimits, ("idle_seconds", "load_seconds", "reply_seconds", "reply_characters")),
    (ModelReload, ("fragmentation_bytes",)),
    (RoomLimit, ("most",)),
    (ApiLimits, ("max_bytes", "max_seconds", "max_characters", "requests_per_minute")),
]
"""Parts that get what a setting says and have no default of their own."""


def default_of(part: Callable[..., Any], parameter: str) -> Any:
    """What a call without the parameter takes; MISSING where it cannot be left out."""
    if is_dataclass(part):
        (field,) = [field for field in fields(part) if field.name == parameter]
        return field.default
    default = inspect.signature(part).parameters[parameter].default
    return MISSING if default is inspect.Parameter.empty else default


@pytest.mark.parametrize(
    ("variable", "part", "parameter", "factor"),
    PARTS,
    ids=[f"{variable}-{part.__qualname__}" for variable, part, _, _ in PARTS],
)
def test_a_part_alone_has_the_default_of_the_setting(
    variable: str, part: Callable[..., Any], parameter: str, factor: float
) -> None:
    wanted = SETTINGS[variable].info.get_default(call_default_factory=True)
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        wanted *= factor
    assert default_of(part, parameter) == wanted


@pytest.mark.parametrize(("part", "parameters"), GIVEN, ids=lambda value: str(value)[:40])
def test_what_only_the_product_uses_has_no_default_of_its_own(
    part: Callable[..., Any], parameters: tuple[str, ...]
) -> None:
    assert {default_of(part, parameter) for parameter in parameters} == {MISSING}


def test_every_shared_default_is_that_of_the_setting_of_its_name() -> None:
    shared = {name: value for name, value in vars(defaults).items() if name.isupper()}
    assert shared.keys() - SETTINGS.keys() == NO_SETTINGS
    for name in shared.keys() - NO_SETTINGS:
        default = SETTINGS[name].info.get_default(call_default_factory=True)
        assert (str(default) if isinstance(default, Path) else default) == shared[name], name
    used = {variable for variable, *_ in PARTS}
    assert shared.keys() - NO_SETTINGS <= used


def test_the_settings_are_read_without_any_model_or_framework() -> None:
    code = (
        "import sys, agent.settings\n"
        "heavy = ('numpy', 'livekit', 'onnxruntime', 'ctranslate2', 'faster_whisper', 'av')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    out = subprocess.check_output([sys.executable, "-c", code], cwd=REPOSITORY, text=True)
    assert out.strip() == "[]"
