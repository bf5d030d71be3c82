"""Defaults shared by a setting of the product and a part that also works alone.

Each is called as the environment variable is, and has its unit. Imports nothing, so that the
settings can be read without any model or framework.
"""

from typing import Final

ASR_LANGUAGE: Final = "en"
ASR_INTERIM_SHARE: Final = 0.25
"""Of one core."""
ASR_TIMEOUT_SECONDS: Final = 10.0

TTS_SPEED: Final = 1.0
SLOWEST_TTS_SPEED: Final = 0.5
FASTEST_TTS_SPEED: Final = 2.0
TTS_TIMEOUT_SECONDS: Final = 5.0
TTS_PHRASE_CACHE_MB: Final = 16

VAD_SILENCE_SECONDS: Final = 0.25
VAD_THRESHOLD: Final = 0.5
TURN_MIN_DELAY_SECONDS: Final = 0.25
TURN_MAX_DELAY_SECONDS: Final = 1.5

WHISPER_MODEL_PATH: Final = "models"

INFERENCE_QUEUE_LIMIT: Final = 64
WEDGED_THREAD_LIMIT: Final = 2
CIRCUIT_FAILURES: Final = 3
CIRCUIT_OPEN_SECONDS: Final = 30.0

MAX_ROOMS: Final = 5
LOOP_LAG_LIMIT_SECONDS: Final = 0.25

MEMORY_CHECK_SECONDS: Final = 60.0
MEMORY_STATISTICS_SECONDS: Final = 300.0
MEMORY_WARNING_MB: Final = 2000
MEMORY_HIGH_MB: Final = 3000
MEMORY_THRESHOLD_MB: Final = 4096
MEMORY_WARNING_PERCENT: Final = 50
MEMORY_HIGH_PERCENT: Final = 75
MEMORY_THRESHOLD_PERCENT: Final = 90
GPU_MEMORY_THRESHOLD_MB: Final = 0
MODEL_RELOAD_SECONDS: Final = 300.0
TEMP_FILE_SECONDS: Final = 300.0
TEMP_FILE_PRESSURE_SECONDS: Final = 60.0

TOKEN_MINUTES: Final = 10
TOKENS_PER_MINUTE: Final = 30
ROOMS_PER_ADDRESS: Final = 4

WYOMING_MAX_CONNECTIONS: Final = 8
WYOMING_MAX_SECONDS: Final = 120.0
