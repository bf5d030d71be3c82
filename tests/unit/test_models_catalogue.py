"""The catalogue says of every model what an owner must know before fetching it."""

import re

import pytest

from services.models import (
    ASR_CATALOGUE,
    DEFAULT_ASR,
    DEFAULT_VOICE,
    VOICE_CATALOGUE,
    ASREntry,
    VoiceEntry,
    describe_demo,
    summary,
)

ENTRIES = [*ASR_CATALOGUE.values(), *VOICE_CATALOGUE.values()]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{type(entry).__name__} {entry.name}")
def test_every_entry_can_be_fetched_or_is_in_the_package(entry: ASREntry | VoiceEntry) -> None:
    assert entry.licence
    if entry.source is None:
        assert entry.demo
        assert entry.note
        return
    assert entry.download_megabytes > 0
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.source.repository)
    assert re.fullmatch(r"main|[0-9a-f]{40}", entry.source.revision)
    names = [path.rsplit("/", 1)[-1] for path in entry.source.files]
    assert len(set(names)) == len(names)
    if isinstance(entry, VoiceEntry):
        assert {f"{entry.name}.onnx", f"{entry.name}.onnx.json"} <= set(names)
    elif entry.converted:
        assert {"config.json", "vocab.json", "model.safetensors"} <= set(names)
    else:
        assert {"config.json", "tokenizer.json", "model.bin"} <= set(names)


def test_the_default_voice_was_trained_on_public_domain_recordings() -> None:
    assert VOICE_CATALOGUE[DEFAULT_VOICE].licence.startswith("public domain")


def test_stock_models_that_were_not_measured_get_more_context_than_those_that_were() -> None:
    stock = {n: e for n, e in ASR_CATALOGUE.items() if "acft" not in n and not e.demo}
    measured = {name for name, entry in stock.items() if entry.context_seconds == 12.0}
    assert measured == {"base", "tiny.en"}
    assert {e.context_seconds for n, e in stock.items() if n not in measured} == {15.0}
    assert ASR_CATALOGUE["demo"].context_seconds == 2.0


def test_models_that_nobody_tried_here_say_so() -> None:
    for name, entry in ASR_CATALOGUE.items():
        if name.startswith("acft-"):
            assert "not yet tried with FUTO's own files" in summary(entry)


def test_a_summary_names_size_source_and_licence() -> None:
    line = summary(ASR_CATALOGUE["base.en"])
    assert line == (
        "base.en: 148 MB from Systran/faster-whisper-base.en on the Hugging Face hub, licence: MIT"
    )


def test_the_demo_says_what_it_is_and_what_to_do() -> None:
    text = " ".join(describe_demo())
    assert "330 English words" in text
    assert "people poorly" in text
    command = f"python -m agent download-files --asr {DEFAULT_ASR} --voice {DEFAULT_VOICE}"
    assert text.endswith(command)


def test_the_demo_speaks_only_of_what_is_in_use() -> None:
    assert "voice:" not in " ".join(describe_demo(voice=False))
    assert describe_demo(asr=False)[-1].endswith(f"--voice {DEFAULT_VOICE}")
    assert describe_demo(asr=False, voice=False) == ()
