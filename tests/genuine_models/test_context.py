"""Stock Whisper hears with a short context what it hears with its whole window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.transcription import Transcription
from services.asr.whisper import Whisper
from services.audio.files import resample
from services.inference import Priority, Run
from services.tts.engine import StreamingTTS
from tests.support.people import PersonRecording, people, person
from tests.support.recordings import SAMPLE_RATE, silence
from tests.support.word_errors import normal_words, word_errors

Variant = Callable[..., StreamingASR]


@pytest.fixture
def variant(genuine_asr: StreamingASR) -> Variant:
    """`variant(context_seconds=None)` is the same model, used in another way."""

    def of(**changes: Any) -> StreamingASR:
        config = replace(genuine_asr.config, **changes)
        assert genuine_asr._whisper is not None
        whisper = Whisper(genuine_asr._whisper.model, config)
        return StreamingASR(whisper, genuine_asr.scheduler)

    return of


def hear(asr: StreamingASR, recording: PersonRecording, **options: Any) -> Transcription:
    return asr.decode(recording.samples, DecodeOptions(**options), Run())


def test_the_default_recogniser_works_on_less_than_its_window(genuine_asr: StreamingASR) -> None:
    config = genuine_asr.config
    assert config.context_seconds is not None
    assert config.context_seconds <= config.window_seconds / 2


SHORT = (
    "word_alexa_0.",
    "word_alexa_98.",
    "word_cv_six",
    "digits_cards_001",
    "read_ls_367-130732-0000",
)


@pytest.mark.parametrize("name", SHORT)
def test_a_short_request_is_said_once_and_decoded_once(
    genuine_asr: StreamingASR, name: str
) -> None:
    spoken = person(name)
    heard = hear(genuine_asr, spoken)
    assert word_errors(heard.text, spoken.text) == 0
    assert heard.passes == 1


def test_text_that_goes_round_in_circles_is_decoded_again_with_the_whole_window(
    variant: Variant,
) -> None:
    """As a stock model does on short context when it may not say when a segment ends."""
    spoken = person("word_alexa_0.")
    heard = hear(variant(timestamps=False), spoken)
    assert heard.passes == 2
    assert word_errors(heard.text, spoken.text) == 0


@pytest.mark.parametrize(
    "name", ["coffee_01_1", "pause_05", "read_vctk_p227_008", "digits_yweweler_3"]
)
def test_words_have_the_times_that_the_whole_window_gives_them(
    genuine_asr: StreamingASR, variant: Variant, name: str
) -> None:
    spoken = person(name)
    heard = hear(genuine_asr, spoken, words=True)
    whole = hear(variant(context_seconds=None), spoken, words=True)
    times = [(w.start_seconds, w.end_seconds) for w in heard.words]
    assert all(0.0 <= start <= end <= spoken.seconds for start, end in times)
    assert times == sorted(times)
    if heard.text == whole.text:
        for word, other in zip(heard.words, whole.words, strict=True):
            assert word.start_seconds == pytest.approx(other.start_seconds, abs=0.2)
            assert word.end_seconds == pytest.approx(other.end_seconds, abs=0.2)
    else:
        assert abs(len(heard.words) - len(whole.words)) <= 1


@pytest.mark.parametrize("name", ["req_gemini", "req_230pm", "coffee_06_1", "hes_mfa_erpause."])
def test_every_word_has_a_time_however_the_text_is_punctuated(
    genuine_asr: StreamingASR, name: str
) -> None:
    heard = hear(genuine_asr, person(name), words=True)
    assert [word.text for word in heard.words] == heard.text.split()


async def test_speech_longer_than_the_window_is_heard_to_its_end(
    genuine_asr: StreamingASR,
) -> None:
    spoken = person("long_lj")
    assert spoken.seconds > genuine_asr.config.window_seconds
    heard = await genuine_asr.transcribe(
        spoken.samples,
        owner="test",
        priority=Priority.FINAL,
        deadline_seconds=60.0,
        options=DecodeOptions(words=True),
    )
    assert word_errors(heard.text, spoken.text) <= 0.1 * len(spoken.text.split())
    starts = [w.start_seconds for w in heard.words]
    assert starts == sorted(starts)
    assert spoken.seconds - 3.0 < starts[-1] < spoken.seconds


def test_what_the_decoder_leaves_out_at_the_end_of_long_audio_is_decoded_too(
    variant: Variant,
) -> None:
    """Several requests in a row, with the whole window: the decoder stops before the last one."""
    spoken = people("request")[12:18]
    pause = silence(0.25)
    samples = np.concatenate([part for r in spoken for part in (r.samples, pause)])
    said = " ".join(r.text for r in spoken)
    asr = variant(context_seconds=None)
    assert 20.0 < len(samples) / SAMPLE_RATE < asr.config.window_seconds
    heard = asr.decode(samples, DecodeOptions(words=True), Run())
    assert word_errors(heard.text, said) <= 0.1 * len(said.split())
    starts = [w.start_seconds for w in heard.words]
    assert starts == sorted(starts)


def test_the_language_of_a_short_request_is_found(variant: Variant) -> None:
    finding = variant(language=None)
    spoken = [person(name) for name in (*SHORT, "coffee_01_1", "accent_0739", "child_3214")]
    assert {r.file: hear(finding, r).language for r in spoken} == {r.file: "en" for r in spoken}


@pytest.mark.parametrize("name", ["accent_1260", "accent_9616", "child_1075"])
def test_a_language_that_is_hard_to_tell_is_looked_for_in_the_whole_window(
    variant: Variant, name: str
) -> None:
    """With short context alone they are taken for Japanese, Chinese and Latin."""
    finding = variant(language=None)
    assert hear(finding, person(name)).language == "en"


def test_hotwords_help(genuine_asr: StreamingASR) -> None:
    spoken = person("hes_mfa_erpause.")
    name = "Montreal Forced Aligner"
    assert name not in hear(genuine_asr, spoken).text
    assert name in hear(genuine_asr, spoken, hotwords=(name,)).text


@pytest.mark.parametrize("hotwords", [(), ("Montreal Forced Aligner",)], ids=["plain", "hotwords"])
def test_noise_and_music_give_no_text(genuine_asr: StreamingASR, hotwords: tuple[str, ...]) -> None:
    # The babble is that of people who can be understood in part.
    noise = [r for r in people("nonspeech") if "babble" not in r.file]
    heard = {r.file: hear(genuine_asr, r, hotwords=hotwords).text for r in noise}
    assert heard == dict.fromkeys(heard, "")


def test_short_words_are_not_taken_for_noise(genuine_asr: StreamingASR) -> None:
    spoken = people("word")
    lost = [r.file for r in spoken if not hear(genuine_asr, r).text]
    assert len(lost) <= 1


@pytest.mark.parametrize(
    "said",
    ["Yes.", "No.", "Eight.", "Ten. Twenty.", "No, no, no.", "Tell me a joke. Tell me a joke."],
)
async def test_short_sayings_are_neither_dropped_nor_added_to(
    genuine_asr: StreamingASR, genuine_tts: StreamingTTS, said: str
) -> None:
    pieces = [piece.samples async for piece in genuine_tts.synthesize(said, owner="test")]
    samples = resample(np.concatenate(pieces), genuine_tts.sample_rate, SAMPLE_RATE)
    heard = genuine_asr.decode(samples, DecodeOptions(), Run())
    assert 0 < len(normal_words(heard.text)) <= len(normal_words(said)) + 1
