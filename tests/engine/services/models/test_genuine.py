"""The genuine models: fetched as on a stranger's machine, bit for bit, and serving as a pair."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest

from services.audio.files import resample
from services.audio.samples import SAMPLE_RATE
from services.inference import Priority
from services.models import (
    ASR_CATALOGUE,
    DEFAULT_ASR,
    DEFAULT_TURN,
    DEFAULT_VOICES,
    TURN_CATALOGUE,
    VOICE_CATALOGUE,
    resolve_asr,
    resolve_turn,
    resolve_voice,
)
from services.models.files import has_content
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from tests.support.genuine import RECOGNISERS, VOICE

SENTENCE = "What is the weather like in Berlin on Friday?"


def test_every_fetched_file_is_the_one_of_the_catalogue(genuine_cache: Path) -> None:
    for name in RECOGNISERS:
        model = resolve_asr(name, cache=genuine_cache)
        assert all(has_content(model.folder / f.name, f) for f in ASR_CATALOGUE[name].files)
        assert model.source.endswith(("Python package index", "Hugging Face hub"))
    voice = resolve_voice(VOICE, cache=genuine_cache)
    files = VOICE_CATALOGUE[VOICE].files
    assert all(has_content(voice.model.parent / f.name, f) for f in files)
    turn = resolve_turn(DEFAULT_TURN, cache=genuine_cache)
    (file,) = TURN_CATALOGUE[DEFAULT_TURN].files
    assert has_content(turn.file, file)


@pytest.mark.own_copy
def test_the_default_pair_serves_with_the_first_voice_that_is_here_and_says_so_once(
    genuine_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = EngineConfig(asr=DEFAULT_ASR, voice=DEFAULT_VOICES, cache=genuine_cache)
    speech = SharedEngines(config)

    async def speak_and_hear() -> str:
        voice, asr = await speech.tts.get(), await speech.asr.get()
        pieces = voice.synthesize(SENTENCE, owner="test", deadline_seconds=60)
        said = [piece.samples async for piece in pieces]
        heard = await asr.transcribe(
            resample(np.concatenate(said), voice.sample_rate, SAMPLE_RATE),
            owner="test",
            priority=Priority.FINAL,
            deadline_seconds=60,
        )
        return heard.text

    try:
        with caplog.at_level("INFO", "services.shared"):
            asyncio.run(speech.prewarm())
            asyncio.run(speech.prewarm())
        (line,) = [vars(r) for r in caplog.records if r.message == "speech models serve"]
        assert (line["recogniser"], line["voice"]) == (DEFAULT_ASR, VOICE)
        assert line["recogniser_source"] == resolve_asr(DEFAULT_ASR, cache=genuine_cache).source
        assert line["voice_source"] == resolve_voice(VOICE, cache=genuine_cache).source
        assert "licensed for research" in line["voice_note"]
        assert speech.notices == []
        # A voice never says a sentence twice in the same way, so a word may be misheard.
        heard = set(re.findall(r"\w+", asyncio.run(speak_and_hear()).lower()))
        words = re.findall(r"\w+", SENTENCE.lower())
        assert sum(word in heard for word in words) >= 0.75 * len(words)
    finally:
        speech.close()


@pytest.mark.own_copy
def test_without_any_of_them_the_demo_pair_serves_and_says_how_to_get_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    speech = SharedEngines(EngineConfig(asr=DEFAULT_ASR, voice=DEFAULT_VOICES, cache=tmp_path))
    try:
        with caplog.at_level("INFO", "services.shared"):
            asyncio.run(speech.prewarm())
        (line,) = [vars(r) for r in caplog.records if r.message == "speech models serve"]
        assert (line["recogniser"], line["voice"]) == ("demo", "demo")
        asr, voice = speech.notices
        assert f"download-files --asr {DEFAULT_ASR}" in asr
        assert f"download-files --voice {DEFAULT_VOICES[0]}" in voice
        assert speech.voice_sample_rate() == speech.tts.get_blocking().sample_rate
    finally:
        speech.close()
