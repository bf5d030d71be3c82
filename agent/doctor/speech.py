"""Checks that the models load, work, and are fast enough for a conversation."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.doctor.findings import Finding, Status, fail, ok, warn
from agent.doctor.model_choice import IN_TIME_SECONDS, better_in_time, quicker
from agent.settings import Settings
from services.program import program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from services.asr.interface import ASRFacts
    from services.shared.config import LoadedModel
    from services.shared.engines import SharedEngines

_SENTENCE = "What is the weather in Berlin on Friday?"
"""Its words are in the vocabulary of the demo models."""
_ROOM = "doctor"
_DEADLINE_SECONDS = 60.0
_REACH_SECONDS = 5.0
_CALLS = 3
"""The fastest run counts, as other processes may slow the others down."""
_SLOW_SOUND_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Sample:
    """What the voice said."""

    samples: NDArray[np.float32]
    """Mono in [-1, 1] at 16 kHz."""


async def check_speech(settings: Settings) -> AsyncIterator[Finding]:
    """Load the models as a worker does, and have the recogniser transcribe the voice."""
    from agent.runtime.engines import shared_engines

    speech = shared_engines(settings)
    try:
        if settings.models.socket is not None:
            found = await _check_speech_process(speech, settings.models.socket)
            yield found
            if found.status is Status.FAIL:
                return
        sample: Sample | None = None
        async for item in _check_voice(speech):
            if isinstance(item, Finding):
                yield item
            else:
                sample = item
        yield await _check_voice_activity(speech, sample)
        yield await _check_recogniser(speech, sample)
        if speech.config.turn is not None:
            yield await _check_end_of_turn(speech, sample)
        if finding := _check_language(settings.asr.language, speech):
            yield finding
        loaded = speech.loaded
        if "asr" in loaded and "voice" in loaded:
            yield ok("models", f"{_origin(loaded['asr'])}; {_origin(loaded['voice'])}")
    finally:
        speech.close()


async def _check_speech_process(speech: SharedEngines, socket: Path) -> Finding:
    """Reach the process that has the models; the findings that follow are about them."""
    from services.speech_process import RemoteEngines

    assert isinstance(speech, RemoteEngines)
    status = await speech.reach(_REACH_SECONDS)
    if status is None:
        return fail("speech process", speech.link.problem, f"start it: {program()} speech")
    return ok(
        "speech process",
        f"process {status.pid} at {socket} has the models: it takes "
        f"{status.memory.process_bytes / 2**20:.0f} MB for {status.clients} clients, this one too",
    )


async def _check_voice(speech: SharedEngines) -> AsyncIterator[Finding | Sample]:
    """Return the finding, and the speech if there is any."""
    from services.audio.files import resample
    from services.audio.samples import SAMPLE_RATE
    from services.inference import InferenceError
    from services.models import ModelError
    from services.tts.engine import TTSError

    started = time.perf_counter()
    try:
        voice = await speech.tts.get()
        loaded_seconds = time.perf_counter() - started
        first_seconds = 0.0
        parts = []
        started = time.perf_counter()
        pieces = voice.synthesize(_SENTENCE, owner=_ROOM, deadline_seconds=_DEADLINE_SECONDS)
        async for piece in pieces:
            first_seconds = first_seconds or time.perf_counter() - started
            parts.append(piece.samples)
        spent_seconds = time.perf_counter() - started
    except (ModelError, TTSError, InferenceError) as error:
        yield fail("voice", str(error))
        return
    pcm = np.concatenate(parts)
    factor = spent_seconds * voice.sample_rate / max(1, len(pcm))
    text = (
        f"{voice.name}: loaded in {loaded_seconds:.1f} s, first sound after "
        f"{first_seconds:.2f} s, real-time factor {factor:.2f}"
    )
    if not len(pcm):
        yield fail("voice", f"{voice.name} makes no sound", _fetch_again("voice", voice.name))
        return
    yield Sample(resample(pcm, voice.sample_rate, SAMPLE_RATE))
    if notice := _notice(speech):
        yield warn("voice", f"{text}. {notice}")
    elif first_seconds > _SLOW_SOUND_SECONDS or factor > 1.0:
        yield warn("voice", f"{text}: slow", "choose a voice of medium quality, see TTS_VOICE")
    else:
        yield ok("voice", text)


def _check_language(wanted: str, speech: SharedEngines) -> Finding | None:
    """Return what keeps the agent from the language of its callers."""
    from agent.languages import language_name
    from services.models.languages import base_language

    asr, voice = speech.asr.peek(), speech.tts.peek()
    if asr is None or voice is None:
        return None
    if not asr.facts.multilingual and wanted != "en":
        return warn(
            "language",
            f"the recogniser {asr.facts.name} knows English only, whatever ASR_LANGUAGE says",
            "set ASR_MODEL to a name without .en, such as base",
        )
    if wanted == "auto" or voice.language == base_language(wanted):
        return None
    return warn(
        "language",
        f"callers speak {language_name(wanted)}, but the voice {voice.name} speaks "
        f"{language_name(voice.language)}, and the agent with it",
        f"choose a voice: {program()} download-files --list --language {wanted}",
    )


async def _check_recogniser(speech: SharedEngines, sample: Sample | None) -> Finding:
    from services.asr.config import ASRError
    from services.audio.samples import SAMPLE_RATE
    from services.inference import InferenceError, Priority
    from services.models import ModelError

    before = speech.notices
    started = time.perf_counter()
    try:
        asr = await speech.asr.get()
        loaded_seconds = time.perf_counter() - started
        text = f"{asr.facts.name}: loaded in {loaded_seconds:.1f} s"
        if sample is None:
            return warn("recogniser", f"{text}; not tried, since there is no voice to hear")
        calls = [
            await asr.transcribe(
                sample.samples,
                owner=_ROOM,
                priority=Priority.FINAL,
                deadline_seconds=_DEADLINE_SECONDS,
            )
            for _ in range(_CALLS)
        ]
    except (ModelError, ASRError, InferenceError) as error:
        return fail("recogniser", str(error))
    heard = min(calls, key=lambda call: call.compute_seconds)
    seconds = heard.compute_seconds
    text += (
        f", hears {len(sample.samples) / SAMPLE_RATE:.1f} s of speech in {seconds:.2f} s "
        f"with a context of {_context(asr.facts)}, on the {_place(asr.facts)}"
    )
    if notice := _notice(speech, before):
        return warn("recogniser", f"{text}. {notice}")
    if asr.facts.gpu_problem:
        return warn("recogniser", f"{text}, since the GPU is unusable: {asr.facts.gpu_problem}")
    if seconds > IN_TIME_SECONDS:
        return warn("recogniser", f"{text}: slow", quicker(asr.facts.name, seconds))
    if not _agree(heard.text, _SENTENCE):
        return warn(
            "recogniser",
            f"{text}; it heard {heard.text!r} instead of {_SENTENCE!r}",
            "check that ASR_LANGUAGE and TTS_VOICE are of one language",
        )
    better = better_in_time(asr.facts.name, seconds)
    return ok("recogniser", f"{text}; {better}" if better else text)


async def _check_voice_activity(speech: SharedEngines, sample: Sample | None) -> Finding:
    from services.vad.silero import VoiceActivityLoadError, speech_span

    try:
        model = await speech.voice_activity.get()
    except VoiceActivityLoadError as error:
        return fail("voice activity", str(error))
    if sample is None:
        return ok("voice activity", "loaded")
    if speech_span(model, sample.samples) is None:
        return warn("voice activity", "loaded, but takes the voice for noise")
    return ok("voice activity", "loaded, hears the voice")


async def _check_end_of_turn(speech: SharedEngines, sample: Sample | None) -> Finding:
    """Judge the whole sentence, and say how long that takes."""
    from services.audio.samples import SAMPLE_RATE

    model = await speech.acoustic.get()
    if model is None:
        return warn("end of turn", speech.acoustic.problem)
    samples = np.zeros(SAMPLE_RATE, np.float32) if sample is None else sample.samples
    seconds = []
    for _ in range(_CALLS):
        started = time.perf_counter()
        model.probability(samples)
        seconds.append(time.perf_counter() - started)
    loaded = speech.loaded["end of turn"]
    return ok("end of turn", f"{loaded.name}: loaded, judges in {min(seconds) * 1000:.0f} ms")


def _place(facts: ASRFacts) -> str:
    return f"{'GPU' if facts.device == 'cuda' else 'CPU'} ({facts.compute_type})"


def _context(facts: ASRFacts) -> str:
    """Describe what the encoder processes for a short request."""
    if facts.context_seconds is None:
        return f"{facts.window_seconds:g} s (its whole window)"
    return f"{facts.context_seconds:g} s"


def _origin(model: LoadedModel) -> str:
    """Describe the model in use, its source, and what is worth knowing about it."""
    text = f"{model.name} from {model.source}" if not model.demo else f"the {model.name} model"
    return f"{text} ({model.note})" if model.note else text


def _notice(speech: SharedEngines, before: list[str] | None = None) -> str:
    """Return why the demo model replaces another."""
    return " ".join(notice for notice in speech.notices if notice not in (before or []))


def _fetch_again(option: str, name: str) -> str:
    return f"fetch it again: {program()} download-files --{option} {name}"


def _agree(heard: str, said: str) -> bool:
    """Whether at least half of the words were recognised."""
    words = re.findall(r"\w+", said.lower())
    found = set(re.findall(r"\w+", heard.lower()))
    return sum(word in found for word in words) >= len(words) / 2
