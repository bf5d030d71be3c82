"""Genuine speech models for tests, fetched once by the product's own code and kept elsewhere."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

RECOGNISERS = ("base", "tiny.en")
VOICE = "en_US-joe-medium"


def cache_folder() -> Path:
    """Where they are kept between runs: `AGENT_TEST_MODELS`, else in the user's cache."""
    named = os.environ.get("AGENT_TEST_MODELS")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "local-voice-agent-tests" / "models"


@cache
def genuine_models() -> Path:
    """A cache folder, for `WHISPER_MODEL_PATH`, with the recognisers and the voice above, and
    the end-of-turn model.

    The first call on a machine fetches 300 MB from whichever source answers; other processes wait
    for it. Each first call of a process checks every file. Raises ModelError where none answers.
    """
    from services.models import DEFAULT_TURN, fetch_asr, fetch_turn, fetch_voice
    from services.models.sources import Sources

    folder = cache_folder()
    with Sources() as sources:
        for name in RECOGNISERS:
            fetch_asr(name, cache=folder, sources=sources)
        fetch_voice(VOICE, cache=folder, sources=sources)
        fetch_turn(DEFAULT_TURN, cache=folder, sources=sources)
    return folder


@pytest.fixture(scope="session")
def genuine_cache() -> Path:
    """The folder of `genuine_models`."""
    return genuine_models()
