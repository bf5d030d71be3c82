from __future__ import annotations

from pathlib import Path

import pytest

from services.models.manifest import write_manifest
from services.tts.engine import StreamingTTS
from services.wyoming.errors import WyomingError
from services.wyoming.requests import VoiceChoice
from services.wyoming.voices import OfferedVoice, named_voice, offered_voices, speaker_number
from tests.support.small_vits import write_config


@pytest.fixture
def offered(tmp_path: Path) -> list[OfferedVoice]:
    for name, speakers in (("de_DE-thorsten-low", {}), ("en_GB-vctk-medium", {"p1": 0, "p2": 1})):
        folder = tmp_path / "voices" / name
        folder.mkdir(parents=True)
        write_config(
            folder / f"{name}.onnx.json", speakers=max(1, len(speakers)), speaker_id_map=speakers
        )
        write_manifest(folder, name=name, source="a test")
    (tmp_path / "voices" / "en_US-joe-medium").mkdir()
    return offered_voices(voice("demo"), tmp_path)


def voice(name: str, speakers: int = 1) -> StreamingTTS:
    """What is known of a loaded voice."""
    found = StreamingTTS.__new__(StreamingTTS)
    found.name, found.language, found.speakers = name, "en", speakers
    return found


def test_the_default_comes_first_and_only_whole_voices_follow(offered: list[OfferedVoice]) -> None:
    assert [voice.name for voice in offered] == ["demo", "de_DE-thorsten-low", "en_GB-vctk-medium"]
    assert [voice.is_default for voice in offered] == [True, False, False]
    assert dict(offered[2].speakers) == {"p1": 0, "p2": 1}


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (None, "demo"),
        (VoiceChoice(), "demo"),
        (VoiceChoice(name="de_DE-thorsten-low"), "de_DE-thorsten-low"),
        (VoiceChoice(language="de"), "de_DE-thorsten-low"),
        (VoiceChoice(language="de_AT"), "de_DE-thorsten-low"),
        (VoiceChoice(language="en"), "demo"),
        (VoiceChoice(language="en_GB"), "en_GB-vctk-medium"),
    ],
)
def test_a_voice_is_found_by_name_or_language(
    offered: list[OfferedVoice], choice: VoiceChoice | None, name: str
) -> None:
    assert named_voice(choice, offered).name == name


def test_what_is_not_there_is_told_with_what_is(offered: list[OfferedVoice]) -> None:
    for choice in (VoiceChoice(name="../secret"), VoiceChoice(language="fr")):
        with pytest.raises(WyomingError, match="choose demo, de_DE-thorsten-low"):
            named_voice(choice, offered)


def test_the_speakers_of_an_own_voice_have_the_names_in_its_file_or_numbers(tmp_path: Path) -> None:
    own = voice("choir", speakers=2)
    (offered,) = offered_voices(own, tmp_path)
    assert (offered.language, dict(offered.speakers)) == ("en", {"0": 0, "1": 1})
    config = write_config(tmp_path / "x.json", speakers=2, speaker_id_map={"alto": 0, "bass": 1})
    (offered,) = offered_voices(own, tmp_path, config=config)
    assert list(offered.speakers) == ["alto", "bass"]


def test_a_speaker_is_found_by_name_or_number(offered: list[OfferedVoice]) -> None:
    voice = offered[2]
    assert speaker_number(None, voice) is None
    assert speaker_number(VoiceChoice(speaker="p2"), voice) == 1
    assert speaker_number(VoiceChoice(speaker="0"), voice) == 0
    for wrong in ("p3", "2", "-1", "²"):
        with pytest.raises(WyomingError, match="no speaker"):
            speaker_number(VoiceChoice(speaker=wrong), voice)
