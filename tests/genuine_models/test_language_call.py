"""In a call, the caller is answered in the language that they speak, by a voice of that language.

The caller's German and Spanish are synthetic, see tests/speech/languages/README.md, and the German
voice is the genuine English one told to read German: no others can be had here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.languages import ENGLISH, phrases_in
from services.asr.config import AUTO, DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.transcription import Transcription
from services.protocol import ParticipantAttribute
from tests.genuine_models.conftest import Talk
from tests.room.processes import AgentProcess, running, status, token
from tests.support.caller import Caller
from tests.support.genuine import VOICE
from tests.support.language_clips import clips
from tests.support.people import person
from tests.support.recordings import Samples


class Polyglot:
    """Writes down what the agent says, in whatever language that is."""

    def __init__(self, asr: StreamingASR) -> None:
        self._asr = asr
        self.languages: list[str] = []

    async def transcribe(self, samples: Samples, **options: Any) -> Transcription:
        heard = await self._asr.transcribe(samples, options=DecodeOptions(AUTO), **options)
        self.languages.append(heard.language)
        return heard


@pytest.fixture(scope="module")
def german_voice(genuine_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The genuine English voice, told to read German: a German voice with an accent."""
    folder = tmp_path_factory.mktemp("voice")
    fetched = genuine_cache / "voices" / VOICE / f"{VOICE}.onnx"
    config = json.loads(fetched.with_name(f"{VOICE}.onnx.json").read_text(encoding="utf-8"))
    config["espeak"]["voice"] = "de"
    config["language"] = {"code": "de_DE"}
    voice = folder / "german.onnx"
    # A link to the file would be the same voice.
    shutil.copy(fetched, voice)
    voice.with_name("german.onnx.json").write_text(json.dumps(config), encoding="utf-8")
    return voice


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def polyglot(
    genuine_cache: Path, german_voice: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AgentProcess]:
    """`python -m agent dev` that follows its callers, with a voice for English and German."""
    variables = {
        "MODELS": "auto",
        "ASR_LANGUAGE": "auto",
        "TTS_VOICE": VOICE,
        "TTS_LANGUAGE_VOICES": f"de={german_voice}",
        "WHISPER_MODEL_PATH": str(genuine_cache),
        # A busy machine makes loops late, and that is not what these tests are about.
        "LOOP_LAG_LIMIT_SECONDS": "60",
    }
    async with running("dev", tmp_path_factory.mktemp("polyglot"), variables) as process:
        await process.wait_until_ready()
        assert (await status(process.address))["notices"] == []
        yield process


async def test_in_a_call_the_caller_s_language_is_answered_by_a_voice_of_that_language(
    polyglot: AgentProcess, genuine_asr: StreamingASR
) -> None:
    listener = Polyglot(genuine_asr)
    issued = await token(polyglot.address)
    async with Caller() as caller:
        await caller.join(issued.url, issued.token)
        caller.identity = caller.room.local_participant.identity
        agent = await caller.wait_for_agent()
        await caller.wait_for_greeting()
        talk = Talk(caller, listener)  # type: ignore[arg-type]

        german = await talk.say(clips()["de_timer"].samples)
        # The built-in replies are in English, and say so to a German caller.
        assert german.written == phrases_in("de").builtin_only
        assert agent.attributes[ParticipantAttribute.LANGUAGE] == "de"
        english = await talk.say(person("weather_question").samples)
        assert "weather" in english.written or "cannot" in english.written
        # An English voice that reads German is not always taken for German, but it is not English.
        assert listener.languages[0] != "en"
        assert listener.languages[1] == "en"

        await talk.say(clips()["es_train"].samples)
        # There is no Spanish voice: the agent's own goes on, and says so.
        await caller.wait_for_words(ENGLISH.no_voice)
