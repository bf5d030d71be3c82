"""A second voice on this machine, which no agent uses: spoken on request, and left again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from services.models import DEMO_VOICE
from services.models.manifest import write_manifest
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from tests.support.audio_api import AudioApi, audio_api, until
from tests.support.genuine import VOICE

pytestmark = [pytest.mark.own_copy]


@pytest.fixture(scope="module")
def speech(genuine_cache: Path) -> Iterator[SharedEngines]:
    speech = SharedEngines(EngineConfig(cache=genuine_cache))
    yield speech
    speech.close()


@pytest.fixture
def api(speech: SharedEngines, tmp_path: Path) -> Iterator[AudioApi]:
    with audio_api(speech, tmp_path) as running:
        yield running


def _length(client: openai.OpenAI, *, model: str = "tts-1", voice: str) -> int:
    answer = client.audio.speech.create(
        input="It is ten o'clock.", model=model, voice=voice, response_format="pcm"
    )
    return len(answer.content)


def test_a_voice_is_spoken_by_its_name_and_leaves_when_memory_is_short(
    api: AudioApi, speech: SharedEngines
) -> None:
    with api.client() as client:
        assert [model.id for model in client.models.list()][1:] == [DEMO_VOICE.name, VOICE]
        speech.headroom_bytes = lambda: 0
        with pytest.raises(openai.InternalServerError, match="not enough memory") as caught:
            _length(client, voice=VOICE)
        assert caught.value.status_code == 503
        assert caught.value.response.headers["Retry-After"]
        speech.headroom_bytes = None
        default = _length(client, voice="alloy")
        own = _length(client, voice=VOICE)
        assert own != default
        # Named as the model, with a name of OpenAI's for the voice.
        assert abs(_length(client, model=VOICE, voice="alloy") - own) < own / 3
    voices = {used.model.name: used for used in speech.in_use if used.role == "voice"}
    assert set(voices) == {DEMO_VOICE.name, VOICE}
    # The end of an answer arrives a moment before the server is done with it.
    until(lambda: not any(used.users for used in speech.in_use if used.role == "voice"))
    assert {speech.unload_idle(), speech.unload_idle()} == set(voices)


def test_a_voice_whose_fetch_was_broken_off_is_not_offered(tmp_path: Path) -> None:
    for name, whole in (("de_DE-thorsten-low", True), ("en_US-joe-medium", False)):
        folder = tmp_path / "voices" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.onnx").write_bytes(b"weights")
        if whole:
            write_manifest(folder, name=name, source="a test")
    speech = SharedEngines(EngineConfig(cache=tmp_path))
    try:
        with audio_api(speech, tmp_path) as api, api.client() as client:
            offered = [model.id for model in client.models.list()]
    finally:
        speech.close()
    assert offered[1:] == [DEMO_VOICE.name, "de_DE-thorsten-low"]
