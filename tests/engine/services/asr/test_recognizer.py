from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import pairwise, takewhile
from typing import Any

import numpy as np
import pytest

from services.asr import recognizer as recognizer_module
from services.asr.config import ASRError, DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.events import ASREvent, ASREventKind
from services.asr.recognizer import RecognizerTiming, StreamingRecognizer
from services.asr.transcription import Transcription
from services.audio.samples import SAMPLE_RATE
from services.inference import InferenceError, InferenceScheduler, InferenceTimeout, Priority, Run
from services.vad.silero import (
    WINDOW_SAMPLES,
    WINDOW_SECONDS,
    Activity,
    ActivityKind,
    VoiceActivityDetector,
    VoiceActivityModel,
    VoiceActivityOptions,
)
from tests.support.recordings import Recording, Samples, recording, recordings, silence
from tests.support.watched_asr import WatchedASR
from tests.support.word_errors import normal_words, word_error_rate

PATIENCE_SECONDS = 60.0
FREQUENT_INTERIMS = RecognizerTiming(interim_seconds=0.1, interim_share=float("inf"))
NO_INTERIMS = RecognizerTiming(interim_seconds=float("inf"))
VOICE = Activity(
    kind=ActivityKind.WINDOW,
    position=0,
    probability=1.0,
    speaking=True,
    speech_seconds=9.0,
    voiced_seconds=9.0,
    silent_seconds=0.0,
)


class Microphone:
    """Feeds one recogniser, window by window, as fast as the recogniser follows."""

    def __init__(
        self,
        asr: WatchedASR,
        model: VoiceActivityModel,
        *,
        auto_finish: bool = True,
        timing: RecognizerTiming | None = None,
        options: DecodeOptions | None = None,
        interim_results: bool = True,
        room: str = "room",
    ) -> None:
        async def engine() -> StreamingASR:
            return asr

        self.asr = asr
        self.events: list[ASREvent] = []
        self.recognizer = StreamingRecognizer(
            engine,
            owner=room,
            emit=self.events.append,
            options=options,
            timing=timing or NO_INTERIMS,
            auto_finish=auto_finish,
            interim_results=interim_results,
        )
        self._detector = VoiceActivityDetector(model, VoiceActivityOptions(min_silence_seconds=0.6))
        self.window_heard: Callable[[], None] = lambda: None

    async def hear(self, *parts: Samples, wait: bool = True) -> None:
        audio = np.concatenate(parts)
        for start in range(0, len(audio), WINDOW_SAMPLES):
            window = audio[start : start + WINDOW_SAMPLES]
            self.recognizer.push(window)
            for activity in self._detector.push(window):
                self.recognizer.observe(activity)
            self.window_heard()
            if wait:
                await self.decoded()
            else:
                await asyncio.sleep(0)

    async def decoded(self) -> None:
        """Wait until nothing is being decoded for the open utterance."""
        await asyncio.sleep(0)
        while self.recognizer._tasks:
            await asyncio.wait(self.recognizer._tasks, timeout=PATIENCE_SECONDS)
            await asyncio.sleep(0)

    async def finals(self, count: int) -> list[str]:
        """Wait for this many finals; gives the texts of all."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.texts(ASREventKind.FINAL)) < count:
                await asyncio.sleep(0.002)
        return self.texts(ASREventKind.FINAL)

    def texts(self, *kinds: ASREventKind) -> list[str]:
        return [e.text for e in self.events if e.kind in kinds]

    def kinds(self) -> list[ASREventKind]:
        return [e.kind for e in self.events]


class AudioTime:
    """A clock that goes with the audio, however fast that is fed."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        return self._seconds

    def pass_a_window(self) -> None:
        self._seconds += WINDOW_SECONDS


@pytest.fixture
def audio_time(monkeypatch: pytest.MonkeyPatch) -> AudioTime:
    clock = AudioTime()
    monkeypatch.setattr(recognizer_module, "time", clock)
    return clock


@pytest.fixture
def watched(asr: StreamingASR) -> WatchedASR:
    return WatchedASR(asr)


# What is said


async def test_each_utterance_of_a_stream_gets_its_final_in_order(
    watched: WatchedASR, voice_activity: VoiceActivityModel, no_leaks: None
) -> None:
    microphone = Microphone(watched, voice_activity)
    spoken = recordings("turn")[:12]
    for turn in spoken:
        await microphone.hear(turn.samples, silence(1.0))
    finals = await microphone.finals(len(spoken))
    assert len(finals) == len(spoken)
    assert word_error_rate(list(zip(finals, (t.text for t in spoken), strict=True))) <= 0.12
    await microphone.recognizer.drain()
    one_utterance = [ASREventKind.SPEECH_STARTED, ASREventKind.FINAL, ASREventKind.SPEECH_ENDED]
    kinds = [kind for kind in microphone.kinds() if kind is not ASREventKind.PREFLIGHT]
    assert kinds == one_utterance * len(spoken)


async def test_events_say_when_in_the_stream_it_was_said(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(watched, voice_activity, options=DecodeOptions(words=True))
    spoken = recording("turn_08")
    for _ in range(2):
        await microphone.hear(silence(2.0), spoken.samples, silence(1.0))
    await microphone.recognizer.drain()
    period = 3.0 + spoken.seconds
    finals = [e for e in microphone.events if e.kind is ASREventKind.FINAL]
    started = [e for e in microphone.events if e.kind is ASREventKind.SPEECH_STARTED]
    for number, (final, start) in enumerate(zip(finals, started, strict=True)):
        offset = number * period + 2.0
        assert start.start_seconds == pytest.approx(offset + spoken.speech_start_seconds, abs=0.3)
        assert final.end_seconds == pytest.approx(offset + spoken.speech_end_seconds, abs=0.3)
        assert final.start_seconds <= final.words[0].start_seconds
        assert final.words[-1].end_seconds <= final.end_seconds + 0.4
        assert [w.text for w in final.words] == final.text.split()
        assert final.audio_seconds >= spoken.speech_end_seconds - spoken.speech_start_seconds
        assert final.tokens > 0
        assert 0.0 < final.confidence <= 1.0


@pytest.mark.parametrize("spoken", recordings("pause")[:3] + recordings("pause")[6:], ids=str)
async def test_a_pause_in_mid_utterance_is_part_of_it_until_somebody_calls_it_over(
    watched: WatchedASR, voice_activity: VoiceActivityModel, spoken: Recording
) -> None:
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    await microphone.hear(spoken.samples, silence(1.0))
    assert microphone.texts(ASREventKind.FINAL) == []
    microphone.recognizer.finish()
    (final,) = await microphone.finals(1)
    assert word_error_rate([(final, spoken.text)]) <= 0.3
    assert abs(len(normal_words(final)) - len(normal_words(spoken.text))) <= 1
    await microphone.recognizer.drain()


@pytest.mark.parametrize("noise", recordings("nonspeech"), ids=str)
async def test_noise_and_music_are_no_utterance(
    watched: WatchedASR, voice_activity: VoiceActivityModel, noise: Recording
) -> None:
    microphone = Microphone(watched, voice_activity)
    await microphone.hear(noise.samples)
    await microphone.recognizer.drain()
    assert microphone.events == []
    assert watched.asked_seconds == []


@pytest.mark.parametrize("spoken", recordings("long"), ids=str)
async def test_a_long_utterance_is_settled_piece_by_piece_and_loses_no_words(
    watched: WatchedASR, voice_activity: VoiceActivityModel, spoken: Recording
) -> None:
    microphone = Microphone(
        watched, voice_activity, auto_finish=False, options=DecodeOptions(words=True)
    )
    await microphone.hear(spoken.samples, silence(0.5))
    microphone.recognizer.finish()
    (final,) = await microphone.finals(1)
    assert word_error_rate([(final, spoken.text)]) <= 0.12
    (event,) = (e for e in microphone.events if e.kind is ASREventKind.FINAL)
    assert [w.text for w in event.words] == final.split()
    times = [round(t, 3) for w in event.words for t in (w.start_seconds, w.end_seconds)]
    assert times == sorted(times)
    assert spoken.speech_end_seconds - 1.0 < times[-1] < spoken.seconds + 0.5
    assert max(watched.asked_seconds) <= watched.config.window_seconds
    await microphone.recognizer.drain()


async def test_a_noise_after_the_last_word_is_not_decoded_on_its_own(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    first, last = recording("turn_11"), recording("turn_15")
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    await microphone.hear(first.samples, silence(0.2), last.samples, silence(1.5))
    for _ in range(3):
        microphone.recognizer.push(silence(WINDOW_SECONDS))
        microphone.recognizer.observe(VOICE)
    await microphone.hear(silence(1.5))
    microphone.recognizer.finish()
    assert (await microphone.finals(1))[0].endswith(last.text)
    assert watched.asked_seconds[-1] > last.seconds
    await microphone.recognizer.drain()


async def test_silence_after_the_last_word_is_not_decoded(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    watched.failure = ASRError("broken")
    await microphone.hear(recording("turn_05").samples, silence(5.0))
    watched.failure = None
    microphone.recognizer.finish()
    assert await microphone.finals(1) == ["what time is it"]
    assert watched.asked_seconds[-1] < recording("turn_05").seconds + 0.6
    await microphone.recognizer.drain()


async def test_two_rooms_hear_only_their_own(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    spoken = [recording("turn_05"), recording("turn_08")]
    rooms = [Microphone(watched, voice_activity, room=turn.file) for turn in spoken]
    await asyncio.gather(
        *(m.hear(t.samples, silence(1.0)) for m, t in zip(rooms, spoken, strict=True))
    )
    for microphone, turn in zip(rooms, spoken, strict=True):
        assert await microphone.finals(1) == [turn.text]
        await microphone.recognizer.drain()


# Before it is over


async def test_the_final_is_the_preflight_and_costs_no_further_decode(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    for number, turn in enumerate(recordings("turn")[:8], 1):
        await microphone.hear(turn.samples, silence(0.3))
        prepared = microphone.texts(ASREventKind.PREFLIGHT)[-1]
        decodes = len(watched.asked_seconds)
        microphone.recognizer.finish()
        finals = await microphone.finals(number)
        assert finals[-1] == prepared
        assert len(watched.asked_seconds) == decodes
        await microphone.hear(silence(1.0))
    await microphone.recognizer.drain()


async def test_one_decode_is_made_in_a_pause_however_long(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    await microphone.hear(recording("turn_05").samples, silence(3.0))
    assert microphone.texts(ASREventKind.PREFLIGHT) == ["what time is it"]
    decodes = len(watched.asked_seconds)
    await microphone.hear(silence(3.0))
    assert len(watched.asked_seconds) == decodes
    await microphone.recognizer.aclose()


async def test_more_speech_after_a_preflight_gets_a_new_one(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    spoken = recording("pause_04")
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    await microphone.hear(spoken.samples, silence(0.5))
    preflights = microphone.texts(ASREventKind.PREFLIGHT)
    microphone.recognizer.finish()
    assert await microphone.finals(1) == [preflights[-1]]
    assert len(normal_words(preflights[0])) < len(normal_words(preflights[-1]))
    await microphone.recognizer.drain()


async def test_interim_transcripts_grow_and_what_was_shown_twice_stays(
    watched: WatchedASR, voice_activity: VoiceActivityModel, audio_time: AudioTime
) -> None:
    for turn in (recording("turn_14"), recording("turn_27")):
        microphone = Microphone(watched, voice_activity, timing=FREQUENT_INTERIMS)
        microphone.window_heard = audio_time.pass_a_window
        await microphone.hear(turn.samples, silence(1.0))
        await microphone.finals(1)
        await microphone.recognizer.drain()
        shown = [text.split() for text in microphone.texts(ASREventKind.INTERIM)]
        assert len(shown) >= 5
        assert len(shown[0]) < len(shown[-1])
        assert not any(a == b for a, b in pairwise(shown))
        settled: list[str] = []
        for old, new in pairwise(shown):
            assert new[: len(settled)] == settled
            settled = [a for a, _ in takewhile(lambda w: w[0] == w[1], zip(old, new, strict=False))]


class ScriptedASR(WatchedASR):
    """Hears what it was told to hear."""

    script: list[str]

    async def transcribe(self, samples: Samples, **options: Any) -> Transcription:
        return Transcription(self.script.pop(0) if len(self.script) > 1 else self.script[0])


async def test_an_interim_transcript_that_takes_back_settled_words_does_not_show(
    asr: StreamingASR, voice_activity: VoiceActivityModel, audio_time: AudioTime
) -> None:
    scripted = ScriptedASR(asr)
    scripted.script = ["what is", "what is a", "which was the weather", "what"]
    no_pauses = replace(FREQUENT_INTERIMS, pause_seconds=60.0)
    microphone = Microphone(scripted, voice_activity, timing=no_pauses)
    microphone.window_heard = audio_time.pass_a_window
    await microphone.hear(recording("turn_08").samples[: 2 * SAMPLE_RATE])
    assert microphone.texts(ASREventKind.INTERIM) == [
        "what is",
        "what is a",
        "what is the weather",
        "what is",
    ]
    await microphone.recognizer.aclose()


async def test_interim_transcripts_keep_their_pace(
    watched: WatchedASR, voice_activity: VoiceActivityModel, audio_time: AudioTime
) -> None:
    timing = replace(FREQUENT_INTERIMS, interim_seconds=0.4)
    spoken = recording("turn_15")
    microphone = Microphone(watched, voice_activity, auto_finish=False, timing=timing)
    microphone.window_heard = audio_time.pass_a_window
    await microphone.hear(spoken.samples)
    voiced = spoken.speech_end_seconds - spoken.speech_start_seconds
    pauses = len(microphone.texts(ASREventKind.PREFLIGHT))
    assert 1 <= len(microphone.texts(ASREventKind.INTERIM)) <= voiced / 0.4
    assert len(watched.asked_seconds) - pauses <= voiced / 0.4 + 1
    await microphone.recognizer.aclose()


async def test_without_interim_results_there_are_none(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(
        watched, voice_activity, timing=FREQUENT_INTERIMS, interim_results=False
    )
    await microphone.hear(recording("turn_08").samples, silence(1.0))
    await microphone.recognizer.drain()
    assert microphone.texts(ASREventKind.INTERIM) == []
    assert len(microphone.texts(ASREventKind.FINAL)) == 1


async def test_a_sound_that_lasts_without_a_word_is_told_of_while_it_lasts(
    watched: WatchedASR, voice_activity: VoiceActivityModel, audio_time: AudioTime
) -> None:
    microphone = Microphone(watched, voice_activity, timing=FREQUENT_INTERIMS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while ASREventKind.WORDLESS not in microphone.kinds():
            # As it is where the detector takes a noise for a voice.
            microphone.recognizer.push(silence(WINDOW_SECONDS))
            microphone.recognizer.observe(VOICE)
            audio_time.pass_a_window()
            await microphone.decoded()
            await asyncio.sleep(0)
    await microphone.recognizer.aclose()
    assert microphone.kinds() == [ASREventKind.SPEECH_STARTED, ASREventKind.WORDLESS]


# Asked for the end


async def test_being_asked_when_nobody_spoke_gives_an_empty_final(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    microphone.recognizer.finish()
    await microphone.hear(silence(1.0))
    microphone.recognizer.finish()
    assert await microphone.finals(2) == ["", ""]
    assert set(microphone.kinds()) == {ASREventKind.FINAL}
    assert watched.asked_seconds == []
    await microphone.recognizer.drain()


async def test_speech_that_goes_on_after_the_end_was_called_is_the_next_utterance(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    spoken = [recording("turn_05"), recording("turn_02")]
    first, second = (
        t.samples[round(t.speech_start_seconds * SAMPLE_RATE) :][
            : round((t.speech_end_seconds - t.speech_start_seconds) * SAMPLE_RATE)
        ]
        for t in spoken
    )
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    await microphone.hear(silence(0.3), first)
    microphone.recognizer.finish()
    await microphone.hear(second, silence(0.5))
    microphone.recognizer.finish()
    assert await microphone.finals(2) == [t.text for t in spoken]
    starts = [e.start_seconds for e in microphone.events if e.kind is ASREventKind.SPEECH_STARTED]
    assert len(starts) == 2
    assert starts[1] >= 0.3 + len(first) / SAMPLE_RATE - 2 * WINDOW_SECONDS
    await microphone.recognizer.drain()


async def test_draining_yields_what_was_being_said(
    watched: WatchedASR, voice_activity: VoiceActivityModel, no_leaks: None
) -> None:
    microphone = Microphone(watched, voice_activity)
    spoken = recording("turn_08")
    end = round(spoken.speech_end_seconds * SAMPLE_RATE)
    await microphone.hear(spoken.samples[:end], wait=False)
    assert microphone.recognizer.busy
    await microphone.recognizer.drain()
    assert microphone.texts(ASREventKind.FINAL) == [spoken.text]
    assert not microphone.recognizer.busy


async def test_closing_in_the_middle_leaves_nothing_behind(
    watched: WatchedASR, voice_activity: VoiceActivityModel, no_leaks: None
) -> None:
    microphone = Microphone(watched, voice_activity, timing=FREQUENT_INTERIMS)
    await microphone.hear(recording("turn_08").samples[: 2 * SAMPLE_RATE], wait=False)
    microphone.recognizer.finish()
    await microphone.recognizer.aclose()
    heard = len(microphone.events)
    await asyncio.sleep(0)
    assert len(microphone.events) == heard
    assert microphone.texts(ASREventKind.FINAL) == []
    again = Microphone(watched, voice_activity)
    await again.hear(recording("turn_05").samples, silence(1.0))
    await again.recognizer.drain()
    assert again.texts(ASREventKind.FINAL) == ["what time is it"]


# When the scheduler is busy


class BusyScheduler:
    """A scheduler of one slot, taken until it is released."""

    def __init__(self) -> None:
        self.scheduler = InferenceScheduler(slots=1)
        self.released = threading.Event()
        self.scheduler.submit(
            self._hold,
            engine="busy",
            owner="another",
            priority=Priority.FINAL,
            deadline_seconds=PATIENCE_SECONDS,
        )

    def _hold(self, run: Run) -> None:
        assert self.released.wait(PATIENCE_SECONDS)

    async def until_queued(self, priority: Priority) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.scheduler.stats().queued[priority]:
                await asyncio.sleep(0)


@pytest.fixture
def busy() -> Iterator[BusyScheduler]:
    scheduler = BusyScheduler()
    yield scheduler
    scheduler.released.set()
    assert scheduler.scheduler.close(timeout_seconds=PATIENCE_SECONDS)


async def test_a_decode_that_still_waits_is_promoted_when_it_becomes_the_final(
    asr: StreamingASR, voice_activity: VoiceActivityModel, busy: BusyScheduler
) -> None:
    watched = WatchedASR(asr, busy.scheduler)
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    await microphone.hear(recording("turn_05").samples, silence(0.4), wait=False)
    await busy.until_queued(Priority.SPECULATIVE)
    decodes = len(watched.asked_seconds)
    microphone.recognizer.finish()
    await busy.until_queued(Priority.FINAL)
    assert sum(busy.scheduler.stats().queued.values()) == 1
    busy.released.set()
    assert await microphone.finals(1) == ["what time is it"]
    assert len(watched.asked_seconds) == decodes
    await microphone.recognizer.drain()


async def test_an_utterance_is_told_of_after_the_final_of_the_one_before(
    asr: StreamingASR, voice_activity: VoiceActivityModel, busy: BusyScheduler
) -> None:
    microphone = Microphone(WatchedASR(asr, busy.scheduler), voice_activity)
    spoken = [recording("turn_05"), recording("turn_08"), recording("turn_02")]
    for turn in spoken:
        await microphone.hear(turn.samples, silence(1.0), wait=False)
    await microphone.hear(spoken[0].samples, wait=False)
    assert microphone.kinds() == [ASREventKind.SPEECH_STARTED]
    busy.released.set()
    assert await microphone.finals(3) == [turn.text for turn in spoken]
    one_utterance = [ASREventKind.SPEECH_STARTED, ASREventKind.FINAL, ASREventKind.SPEECH_ENDED]
    expected = [*one_utterance * 3, ASREventKind.SPEECH_STARTED]
    # The first transcript of the fourth may have come meanwhile.
    assert microphone.kinds() in (expected, [*expected, ASREventKind.PREFLIGHT])
    await microphone.recognizer.aclose()


async def test_closing_withdraws_what_waits_for_its_turn(
    asr: StreamingASR, voice_activity: VoiceActivityModel, busy: BusyScheduler
) -> None:
    microphone = Microphone(WatchedASR(asr, busy.scheduler), voice_activity, auto_finish=False)
    await microphone.hear(recording("turn_05").samples, silence(0.4), wait=False)
    microphone.recognizer.finish()
    await microphone.hear(recording("turn_05").samples, silence(0.4), wait=False)
    await busy.until_queued(Priority.SPECULATIVE)
    await microphone.recognizer.aclose()
    assert sum(busy.scheduler.stats().queued.values()) == 0
    assert not microphone.recognizer._tasks


async def test_what_recognition_cannot_keep_up_with_is_dropped_from_the_front(
    asr: StreamingASR,
    voice_activity: VoiceActivityModel,
    busy: BusyScheduler,
    caplog: pytest.LogCaptureFixture,
) -> None:
    timing = replace(NO_INTERIMS, commit_seconds=2.0, limit_seconds=6.0)
    microphone = Microphone(
        WatchedASR(asr, busy.scheduler), voice_activity, auto_finish=False, timing=timing
    )
    earlier, later = recording("turn_09"), recording("turn_08")
    for _ in range(2):
        await microphone.hear(earlier.samples, silence(0.2), wait=False)
    await busy.until_queued(Priority.SPECULATIVE)
    # Speech without a pause, until what waits to be settled has been dropped as well.
    for _ in range(3):
        microphone.recognizer.push(later.samples)
        microphone.recognizer.observe(VOICE)
    assert "recognition does not keep up" in caplog.text
    busy.released.set()
    await microphone.decoded()
    microphone.recognizer.finish()
    (final,) = await microphone.finals(1)
    assert final.endswith(f"{later.text} {later.text}")
    await microphone.recognizer.drain()


# When recognition fails


async def spoken_while_broken(microphone: Microphone) -> None:
    await microphone.hear(recording("turn_08").samples, silence(1.0))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while ASREventKind.SPEECH_ENDED not in microphone.kinds():
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    "failure", [ASRError("broken"), InferenceError("lost"), RuntimeError("out of memory")], ids=repr
)
async def test_an_utterance_that_cannot_be_recognised_ends_with_an_empty_final(
    watched: WatchedASR,
    voice_activity: VoiceActivityModel,
    failure: Exception,
    no_leaks: None,
) -> None:
    microphone = Microphone(watched, voice_activity)
    watched.failure = failure
    await spoken_while_broken(microphone)
    started, failed, final, ended = microphone.events
    assert (started.kind, failed.kind) == (ASREventKind.SPEECH_STARTED, ASREventKind.FAILED)
    assert failed.error is failure
    assert (final.kind, final.text) == (ASREventKind.FINAL, "")
    assert ended.kind is ASREventKind.SPEECH_ENDED
    watched.failure = None
    await microphone.hear(recording("turn_05").samples, silence(1.0))
    assert await microphone.finals(2) == ["", "what time is it"]
    await microphone.recognizer.drain()


async def test_a_recogniser_that_is_too_slow_costs_one_utterance(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(watched, voice_activity)
    watched.deadline_seconds = 1e-6
    await spoken_while_broken(microphone)
    (failed,) = (e for e in microphone.events if e.kind is ASREventKind.FAILED)
    assert isinstance(failed.error, InferenceTimeout)
    # One for the final, which hears the most: another would take as long again.
    assert watched.asked_seconds.count(max(watched.asked_seconds)) == 1
    watched.deadline_seconds = None
    await microphone.hear(recording("turn_05").samples, silence(1.0))
    assert await microphone.finals(2) == ["", "what time is it"]
    await microphone.recognizer.drain()


async def test_a_failing_recogniser_is_asked_once_in_a_pause(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    watched.failure = ASRError("broken")
    await microphone.hear(recording("turn_05").samples, silence(0.3))
    asked = len(watched.asked_seconds)
    assert asked >= 1
    await microphone.hear(silence(3.0))
    assert len(watched.asked_seconds) == asked
    await microphone.recognizer.aclose()


async def test_a_failed_guess_does_not_cost_the_final(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    microphone = Microphone(watched, voice_activity, auto_finish=False)
    watched.failure = ASRError("broken")
    await microphone.hear(recording("turn_05").samples, silence(0.4))
    watched.failure = None
    microphone.recognizer.finish()
    assert await microphone.finals(1) == ["what time is it"]
    assert ASREventKind.FAILED not in microphone.kinds()
    await microphone.recognizer.drain()


async def test_an_engine_that_does_not_load_costs_the_utterance_only(
    watched: WatchedASR, voice_activity: VoiceActivityModel
) -> None:
    loaded = False

    async def engine() -> StreamingASR:
        if not loaded:
            raise ASRError("no such folder")
        return watched

    microphone = Microphone(watched, voice_activity)
    asking: Callable[[], Awaitable[StreamingASR]] = engine
    microphone.recognizer._asr = asking
    await spoken_while_broken(microphone)
    loaded = True
    await microphone.hear(recording("turn_05").samples, silence(1.0))
    assert await microphone.finals(2) == ["", "what time is it"]
    await microphone.recognizer.drain()
