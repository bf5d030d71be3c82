from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from services.audio.samples import SAMPLE_RATE
from services.vad.silero import (
    WINDOW_SAMPLES,
    Activity,
    ActivityKind,
    VoiceActivityDetector,
    VoiceActivityLoadError,
    VoiceActivityModel,
    VoiceActivityOptions,
    speech_span,
)
from tests.support.recordings import Recording, Samples, recording, recordings, silence


def judge(
    model: VoiceActivityModel, samples: Samples, *, piece: int = 0, **options: float
) -> list[Activity]:
    detector = VoiceActivityDetector(model, VoiceActivityOptions(**options))
    step = piece or len(samples)
    return [
        activity
        for start in range(0, len(samples), step)
        for activity in detector.push(samples[start : start + step])
    ]


def turning_points(activities: list[Activity]) -> list[tuple[ActivityKind, float]]:
    return [
        (a.kind, a.position / SAMPLE_RATE) for a in activities if a.kind is not ActivityKind.WINDOW
    ]


@pytest.mark.parametrize("spoken", recordings("turn")[::6], ids=str)
def test_speech_begins_and_ends_once_where_it_does(
    voice_activity: VoiceActivityModel, spoken: Recording
) -> None:
    audio = np.concatenate((silence(1.0), spoken.samples, silence(1.0)))
    points = turning_points(judge(voice_activity, audio, min_silence_seconds=0.5))
    assert [kind for kind, _ in points] == [ActivityKind.STARTED, ActivityKind.ENDED]
    (_, started), (_, ended) = points
    assert 0.0 < started - 1.0 - spoken.speech_start_seconds < 0.4
    assert 0.3 < ended - 1.0 - spoken.speech_end_seconds < 0.8


def test_silence_counts_from_where_the_sound_ends(voice_activity: VoiceActivityModel) -> None:
    late = []
    for spoken in recordings("turn"):
        audio = np.concatenate((silence(0.5), spoken.samples, silence(1.0)))
        ended = judge(voice_activity, audio)[-1]
        for activity in judge(voice_activity, audio):
            if activity.kind is ActivityKind.ENDED:
                ended = activity
        silent_from = ended.position / SAMPLE_RATE - ended.silent_seconds
        last_sound = np.flatnonzero(np.abs(audio) > 0.01)[-1] / SAMPLE_RATE
        late.append(silent_from - last_sound)
    assert np.median(late) < 0.03


def test_a_shout_does_not_end_the_soft_speech_after_it(
    voice_activity: VoiceActivityModel,
) -> None:
    soft = np.concatenate((recording("long_0").samples[: 8 * SAMPLE_RATE] * 0.05, silence(1.0)))
    shouted = soft.copy()
    shouted[SAMPLE_RATE : SAMPLE_RATE + SAMPLE_RATE // 4] *= 100.0
    assert len(turning_points(judge(voice_activity, shouted))) == len(
        turning_points(judge(voice_activity, soft))
    )


def test_a_pause_ends_speech_when_it_is_longer_than_asked_for(
    voice_activity: VoiceActivityModel,
) -> None:
    spoken = recording("pause_07")
    audio = np.concatenate((spoken.samples, silence(2.0)))
    short = turning_points(judge(voice_activity, audio, min_silence_seconds=0.5))
    long = turning_points(judge(voice_activity, audio, min_silence_seconds=1.6))
    assert len(short) == 4
    assert len(long) == 2
    pause_starts = spoken.silence_start_seconds
    assert pause_starts < short[1][1] < pause_starts + spoken.silence_seconds
    assert pause_starts + spoken.silence_seconds < short[2][1]


@pytest.mark.parametrize("noise", recordings("nonspeech"), ids=str)
def test_noise_and_music_are_no_speech(
    voice_activity: VoiceActivityModel, noise: Recording
) -> None:
    assert turning_points(judge(voice_activity, noise.samples)) == []
    assert speech_span(voice_activity, noise.samples) is None


@pytest.mark.parametrize("piece", [1, 160, 441, 513, 4000])
def test_the_size_of_the_pieces_makes_no_difference(
    voice_activity: VoiceActivityModel, piece: int
) -> None:
    audio = recording("turn_02").samples
    assert judge(voice_activity, audio, piece=piece) == judge(voice_activity, audio)


def test_every_window_is_judged_and_counted(voice_activity: VoiceActivityModel) -> None:
    audio = recording("turn_08").samples
    windows = [a for a in judge(voice_activity, audio) if a.kind is ActivityKind.WINDOW]
    assert [a.position for a in windows] == [
        WINDOW_SAMPLES * (i + 1) for i in range(len(audio) // WINDOW_SAMPLES)
    ]
    assert all(0.0 <= a.probability <= 1.0 for a in windows)
    assert all((a.voiced_seconds > 0) != (a.silent_seconds > 0) for a in windows)


def test_a_detector_forgets_what_it_heard_when_reset(voice_activity: VoiceActivityModel) -> None:
    audio = recording("turn_08").samples
    detector = VoiceActivityDetector(voice_activity, VoiceActivityOptions())
    list(detector.push(audio[: len(audio) // 2 + 7]))
    assert detector.speaking
    detector.reset()
    assert not detector.speaking
    assert list(detector.push(audio)) == judge(voice_activity, audio)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_window_that_is_no_sound_does_not_deafen(
    voice_activity: VoiceActivityModel, value: float
) -> None:
    broken = np.full(3 * WINDOW_SAMPLES, value, dtype=np.float32)
    spoken = recording("turn_08").samples
    points = turning_points(
        judge(voice_activity, np.concatenate((broken, silence(1.0), spoken, silence(1.0))))
    )
    after = [kind for kind, seconds in points if seconds > 1.0]
    assert after[-2:] == [ActivityKind.STARTED, ActivityKind.ENDED]


def test_streams_that_share_the_model_do_not_disturb_each_other(
    voice_activity: VoiceActivityModel,
) -> None:
    spoken = [r.samples for r in recordings("turn")[:4]]
    alone = [judge(voice_activity, samples) for samples in spoken]
    together: dict[int, list[Activity]] = {}

    def follow(number: int) -> None:
        together[number] = judge(voice_activity, spoken[number], piece=WINDOW_SAMPLES)

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(len(spoken))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(len(spoken))] == alone


@pytest.mark.parametrize("spoken", recordings("turn", "pause")[::5], ids=str)
def test_the_span_of_a_recording_holds_all_its_speech(
    voice_activity: VoiceActivityModel, spoken: Recording
) -> None:
    audio = np.concatenate((silence(2.0), spoken.samples, silence(2.0)))
    span = speech_span(voice_activity, audio)
    assert span is not None
    start, end = (place / SAMPLE_RATE - 2.0 for place in span)
    assert spoken.speech_start_seconds - 0.6 < start <= spoken.speech_start_seconds
    assert spoken.speech_end_seconds <= end < spoken.speech_end_seconds + 0.7


@pytest.mark.parametrize("length", [0, 1, 511, 512])
def test_too_little_audio_is_no_speech(voice_activity: VoiceActivityModel, length: int) -> None:
    assert speech_span(voice_activity, recording("turn_08").samples[8000 : 8000 + length]) is None


def test_a_missing_or_broken_model_file_is_named_with_the_cure(tmp_path: Path) -> None:
    broken = tmp_path / "silero.onnx"
    broken.write_bytes(b"no network")
    for file in (broken, tmp_path / "absent.onnx"):
        with pytest.raises(VoiceActivityLoadError, match=r"install livekit-plugins-silero again"):
            VoiceActivityModel.load(file)
