"""People are understood: the recordings of about a hundred voices, by the product's recogniser."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.asr.interface import ASREngine
from services.inference import Priority
from services.shared.engines import SharedEngines
from tests.support.people import Kind, PersonRecording, all_people
from tests.support.word_errors import normal_words, word_error_rate

_DEADLINE_SECONDS = 60.0

WRONG_WORDS: dict[Kind, float] = {
    "request": 0.06,
    "pause": 0.06,
    "hesitation": 0.45,
    "spontaneous": 0.80,
    "digits": 0.20,
    "word": 0.10,
    "read": 0.10,
    "accent": 0.20,
    "child": 0.26,
    "noisy": 0.24,
    "telephone": 0.03,
    "long": 0.07,
}
"""The most words that may be wrong, as a share of those said: a few more than were found, since
processors round differently."""
WRONG_WORDS_OF_ALL = 0.10

Heard = dict[PersonRecording, str]


@pytest.fixture(scope="module")
def heard(genuine: SharedEngines) -> Heard:
    """What the recogniser writes down of everybody, as many at once as it has workers."""
    asr = genuine.asr.get_blocking()
    spoken = [recording for recording in all_people() if recording.text]
    return dict(zip(spoken, asyncio.run(_transcribe(asr, spoken)), strict=True))


async def _transcribe(asr: ASREngine, spoken: Sequence[PersonRecording]) -> list[str]:
    places = asyncio.Semaphore(asr.facts.workers)

    async def one(recording: PersonRecording) -> str:
        async with places:
            found = await asr.transcribe(
                recording.samples,
                owner=str(recording),
                priority=Priority.FINAL,
                deadline_seconds=_DEADLINE_SECONDS,
            )
            return found.text

    return await asyncio.gather(*map(one, spoken))


def _rate(heard: Heard, kind: Kind | None = None) -> float:
    return word_error_rate((text, r.text) for r, text in heard.items() if kind in (None, r.kind))


@pytest.mark.parametrize("kind", WRONG_WORDS)
def test_people_are_understood(heard: Heard, kind: Kind) -> None:
    assert _rate(heard, kind) <= WRONG_WORDS[kind], _worst(heard, kind)


def test_every_kind_of_recording_is_judged(heard: Heard) -> None:
    assert {recording.kind for recording in heard} == set(WRONG_WORDS)
    assert len(heard) == 189
    assert _rate(heard) <= WRONG_WORDS_OF_ALL


def test_nobody_is_written_down_at_twice_the_length(heard: Heard) -> None:
    """A decoder that repeats itself, or goes on after the end, writes more than was said."""
    too_long = {
        str(recording): text
        for recording, text in heard.items()
        if len(normal_words(text)) > 2 * len(normal_words(recording.text)) + 2
    }
    assert too_long == {}


def _worst(heard: Heard, kind: Kind) -> str:
    pairs = [(word_error_rate([(text, r.text)]), r, text) for r, text in heard.items()]
    wrong = sorted((p for p in pairs if p[0] and p[1].kind == kind), key=lambda p: -p[0])
    return "\n".join(f"{r}: {r.text!r} heard as {text!r}" for _, r, text in wrong)
