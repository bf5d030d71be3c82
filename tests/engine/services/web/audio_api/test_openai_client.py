"""OpenAI's own client against the audio API, with the demo models."""

from __future__ import annotations

import base64
import io
import json
import re
import wave
from collections.abc import Iterator

import av
import numpy as np
import openai
import pytest

from services.models import DEMO_ASR, DEMO_VOICE
from services.shared.engines import SharedEngines
from tests.support.audio_api import FORM_TYPE, AudioApi, audio_api, form, silent_wav, stereo_wav
from tests.support.recordings import SAMPLE_RATE, recording


@pytest.fixture(scope="module")
def api(shared: SharedEngines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AudioApi]:
    with audio_api(shared, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def client(api: AudioApi) -> Iterator[openai.OpenAI]:
    with api.client() as client:
        yield client


SAID = recording("turn_05")


def test_a_file_is_written_down(client: openai.OpenAI) -> None:
    found = client.audio.transcriptions.create(file=SAID.path, model="whisper-1")
    assert found.text == SAID.text
    assert found.usage is not None
    assert found.usage.type == "duration"
    assert found.usage.seconds == pytest.approx(len(SAID.pcm) / SAMPLE_RATE, abs=0.01)


def test_text_and_subtitles_come_as_text(client: openai.OpenAI) -> None:
    create = client.audio.transcriptions.create
    assert create(file=SAID.path, model="whisper-1", response_format="text") == f"{SAID.text}\n"
    srt = create(file=SAID.path, model="whisper-1", response_format="srt")
    assert re.fullmatch(r"1\n\d\d:\d\d:\d\d,\d{3} --> .*\n" + re.escape(SAID.text) + "\n", srt)
    vtt = create(file=SAID.path, model="whisper-1", response_format="vtt")
    assert vtt.startswith("WEBVTT\n\n00:00:0")
    assert vtt.endswith(f"{SAID.text}\n")


def test_segments_and_words_are_timed(client: openai.OpenAI) -> None:
    found = client.audio.transcriptions.create(
        file=SAID.path,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert (found.language, found.text) == ("english", SAID.text)
    assert found.duration == pytest.approx(len(SAID.pcm) / SAMPLE_RATE, abs=0.01)
    assert found.words is not None
    assert " ".join(word.word for word in found.words) == SAID.text
    times = [time for word in found.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert found.segments is not None
    [segment] = found.segments
    assert (segment.start, segment.end) == (times[0], times[-1])
    assert segment.avg_logprob <= 0 <= segment.no_speech_prob <= 1


def test_segments_alone_come_unless_words_are_asked_for(client: openai.OpenAI) -> None:
    create = client.audio.transcriptions.create
    plain = create(file=SAID.path, model="whisper-1", response_format="verbose_json")
    assert (plain.words, len(plain.segments or ())) == (None, 1)
    words = create(
        file=SAID.path,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert (words.segments, bool(words.words)) == (None, True)


def test_a_stream_of_events_adds_up_to_the_transcript(client: openai.OpenAI) -> None:
    turns = [recording(name).pcm for name in ("turn_05", "turn_01")]
    gap = np.zeros(2 * SAMPLE_RATE, np.int16)
    pcm = np.concatenate([turns[0], gap, turns[1]])
    sound = stereo_wav(pcm, pcm, SAMPLE_RATE)
    whole = client.audio.transcriptions.create(file=("a.wav", sound), model="whisper-1")
    events = list(
        client.audio.transcriptions.create(file=("a.wav", sound), model="whisper-1", stream=True)
    )
    assert [event.type for event in events[:-1]] == ["transcript.text.delta"] * (len(events) - 1)
    assert len(events) > 2
    [*_, last] = events
    assert last.type == "transcript.text.done"
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert "".join(deltas) == last.text == whole.text


def test_an_error_comes_before_the_stream_with_its_status(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Send audio"):
        client.audio.transcriptions.create(
            file=("a.wav", b"no audio"), model="whisper-1", stream=True
        )


def test_silence_is_an_empty_transcript(client: openai.OpenAI) -> None:
    create = client.audio.transcriptions.create
    sound = ("silence.wav", silent_wav(16_000, 2))
    assert create(file=sound, model="whisper-1").text == ""
    verbose = create(file=sound, model="whisper-1", response_format="verbose_json")
    assert (verbose.text, verbose.segments, verbose.duration) == ("", [], 2)
    [done] = create(file=sound, model="whisper-1", stream=True)
    assert done.type == "transcript.text.done"
    assert done.text == ""


def test_speakers_with_a_channel_each_are_named(client: openai.OpenAI) -> None:
    sound = stereo_wav(SAID.pcm, np.zeros_like(SAID.pcm), SAMPLE_RATE)
    create = client.audio.transcriptions.create
    vtt = create(
        file=("a.wav", sound),
        model="whisper-1",
        response_format="vtt",
        extra_body={"speakers": "Ada,Ben"},
    )
    assert vtt.endswith(f"<v Ada>{SAID.text}\n")


def test_channels_that_cancel_each_other_are_told_of(api: AudioApi) -> None:
    answer = api.upload(stereo_wav(SAID.pcm, -SAID.pcm, SAMPLE_RATE)).json()
    assert answer["text"] == SAID.text
    assert "cancel each other" in answer["notices"][0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("response_format", "diarized_json"),
        ("response_format", "doc"),
        ("timestamp_granularities[]", "letter"),
        ("timestamp_granularities[]", "word"),
        ("language", "xx"),
        ("language", "de"),
        ("stream", "perhaps"),
        ("temperature", "hot"),
        ("temperature", "2"),
        ("include[]", "logprobs"),
        ("speakers", "Ada"),
        ("speakers", ","),
        ("model", ""),
    ],
)
def test_a_field_that_makes_no_sense_is_named(api: AudioApi, field: str, value: str) -> None:
    answer = api.upload(SAID.path.read_bytes(), **{field: value})
    error = answer.json()["error"]
    assert (answer.status, error["param"]) == (400, field.removesuffix("[]"))
    assert error["type"] == "invalid_request_error"


def test_what_is_accepted_and_changes_nothing(client: openai.OpenAI) -> None:
    found = client.audio.transcriptions.create(
        file=SAID.path,
        model="gpt-4o-mini-transcribe-2025-12-15",
        language="en-US",
        prompt="A clock.",
        temperature=0.4,
        chunking_strategy="auto",
    )
    assert found.text == SAID.text


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.audio.transcriptions.create(file=SAID.path, model="whisper-large-v3")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert DEMO_ASR.name in caught.value.message


def test_nothing_is_translated(api: AudioApi) -> None:
    body = form(SAID.path.read_bytes(), {"model": "whisper-1"})
    answer = api.post("audio/translations", body, content_type=FORM_TYPE)
    assert answer.status == 404
    assert "not translated" in answer.json()["error"]["message"]


def test_models_are_listed_and_described(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[:2] == [DEMO_ASR.name, DEMO_VOICE.name]
    assert client.models.retrieve("whisper-1").id == DEMO_ASR.name
    assert client.models.retrieve("tts-1").id == DEMO_VOICE.name
    assert client.models.retrieve(DEMO_VOICE.name).object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_what_is_not_there_is_told_in_the_same_form(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(input="x", model="y")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["type"] == "invalid_request_error"


# Speech.


def _heard(sound: bytes, form: str) -> tuple[float, float]:
    """Seconds and loudest sample, in [0, 1], of an encoded file."""
    if form == "pcm":
        samples = np.frombuffer(sound, "<i2").astype(np.float32)
        return len(samples) / 24_000, float(np.abs(samples).max()) / 32768
    with av.open(io.BytesIO(sound), "r") as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=24_000)
        frames = [r for f in file.decode(audio=0) for r in resampler.resample(f)]
    samples = np.concatenate([f.to_ndarray().reshape(-1) for f in frames]).astype(np.float32)
    return len(samples) / 24_000, float(np.abs(samples).max()) / 32768


def test_every_format_has_the_whole_text(client: openai.OpenAI) -> None:
    lengths = {}
    for name in ("wav", "pcm", "flac", "mp3", "opus", "aac"):
        answer = client.audio.speech.create(
            input="It is ten o'clock. See you at noon.",
            model="tts-1",
            voice="alloy",
            response_format=name,
        )
        lengths[name], loudest = _heard(answer.content, name)
        assert 0.05 < loudest <= 1
    assert lengths["pcm"] > 1
    for length in lengths.values():
        # Encoders add up to two of their frames.
        assert length == pytest.approx(lengths["pcm"], abs=0.15)


def test_mp3_is_the_default_and_types_are_told(client: openai.OpenAI) -> None:
    create = client.audio.speech.with_raw_response.create
    plain = create(input="Hello.", model="tts-1", voice="alloy")
    assert plain.headers["content-type"] == "audio/mpeg"
    assert plain.headers["x-request-id"].startswith("req_")
    opus = create(input="Hello.", model="tts-1", voice="alloy", response_format="opus")
    assert opus.headers["content-type"] == "audio/ogg"


def test_a_wav_file_is_read_by_others(client: openai.OpenAI) -> None:
    sound = client.audio.speech.create(
        input="Hello.", model="tts-1", voice=DEMO_VOICE.name, response_format="wav"
    )
    with wave.open(io.BytesIO(sound.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert len(file.readframes(10**9)) > 10_000


def test_speed_changes_the_length(client: openai.OpenAI) -> None:
    def length(speed: float) -> int:
        answer = client.audio.speech.create(
            input="One two three four five six seven.",
            model="tts-1",
            voice="nova",
            response_format="pcm",
            speed=speed,
        )
        return len(answer.content)

    assert length(1.8) < length(1.0) < length(0.6)


def test_events_carry_the_same_sound(client: openai.OpenAI) -> None:
    sound = b""
    kinds = []
    with client.audio.speech.with_streaming_response.create(
        input="Hello.", model="tts-1", voice="alloy", response_format="pcm", stream_format="sse"
    ) as answer:
        for line in answer.iter_lines():
            if line:
                event = json.loads(line.removeprefix("data: "))
                kinds.append(event["type"])
                sound += base64.b64decode(event.get("audio", ""))
    assert kinds[-1] == "speech.audio.done"
    assert set(kinds[:-1]) == {"speech.audio.delta"}
    assert _heard(sound, "pcm")[0] > 0.2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": ""}, "input"),
        ({"input": " \n"}, "input"),
        ({"input": 5}, "input"),
        ({"input": "x" * 1001}, "input"),
        ({"input": "\U0001f600"}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": None}, "voice"),
        ({"voice": {"id": 5}}, "voice"),
        ({"response_format": "midi"}, "response_format"),
        ({"response_format": ["wav"]}, "response_format"),
        ({"stream_format": "morse"}, "stream_format"),
        ({"speed": 9}, "speed"),
        ({"speed": 3}, "speed"),
        ({"speed": True}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"model": None}, "model"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(
    api: AudioApi, body: dict[str, object], field: str
) -> None:
    sent = {"model": "tts-1", "input": "Hello.", "voice": "alloy", **body}
    answer = api.post("audio/speech", json.dumps(sent).encode(), content_type="application/json")
    assert (answer.status, answer.json()["error"]["param"]) == (400, field)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"speed": NaN}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'"' + b"x" * 70_000, "application/json", 413),
    ],
)
def test_what_is_no_json_is_refused(
    api: AudioApi, body: bytes, content_type: str, status: int
) -> None:
    answer = api.post("audio/speech", body, content_type=content_type)
    assert answer.status == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
