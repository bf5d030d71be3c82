"""Voices and recognisers that a stranger made: they load, or one sentence says why not."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.models import DEMO_ASR, ModelError
from services.models.manifest import MANIFEST_NAME, verify_manifest
from services.models.resolve import describe_own
from services.models.structure import check_voice, check_whisper
from services.models.voice_graph import NoModel, cut_voice
from services.tts.piper.voice import PiperVoice
from services.tts.types import TTSLoadError
from tests.fuzz.inputs import DEEP_JSON, JSON, changed, damaged, or_a_reason
from tests.support.small_vits import write_small_vits

WHISPER_JSON = ("config.json", "tokenizer.json", "vocabulary.json")


@cache
def content_of(path: Path) -> Any:
    return json.loads(path.read_text())


def as_text(content: Any) -> str:
    return json.dumps(content)


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A very small voice: its graph and its configuration."""
    return write_small_vits(tmp_path_factory.mktemp("voice"))


def load(model: Path, config: Path) -> None:
    """Check and load it as the product does."""
    with or_a_reason(ModelError):
        check_voice(model, config)
        with or_a_reason(NoModel), TemporaryDirectory() as folder:
            cut_voice(model, Path(folder))
        with or_a_reason(TTSLoadError):
            PiperVoice.load(model, config)


@given(draw=st.data())
def test_a_voices_configuration_is_one_or_not(
    tmp_path: Path, voice: tuple[Path, Path], draw: st.DataObject
) -> None:
    model, own = voice
    config = tmp_path / "voice.onnx.json"
    config.write_text(as_text(draw.draw(changed(content_of(own)))))
    load(model, config)


@given(text=st.one_of(DEEP_JSON, JSON.map(as_text), st.text(max_size=50)))
def test_any_text_is_a_voices_configuration_or_not(
    tmp_path: Path, voice: tuple[Path, Path], text: str
) -> None:
    config = tmp_path / "voice.onnx.json"
    config.write_text(text, encoding="utf-8", errors="surrogatepass")
    load(voice[0], config)


@given(draw=st.data())
def test_a_voices_graph_is_one_or_not(
    tmp_path: Path, voice: tuple[Path, Path], draw: st.DataObject
) -> None:
    model = tmp_path / "voice.onnx"
    model.write_bytes(draw.draw(damaged(voice[0].read_bytes())))
    load(model, voice[1])


@pytest.mark.parametrize("name", WHISPER_JSON)
@given(draw=st.data())
def test_a_recognisers_json_is_one_or_not(tmp_path: Path, name: str, draw: st.DataObject) -> None:
    folder = whisper_in(tmp_path)
    if draw.draw(st.booleans()):
        text = as_text(draw.draw(changed(small(name))))
    else:
        text = draw.draw(st.one_of(DEEP_JSON, JSON.map(as_text), st.text(max_size=50)))
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    refused_or_not(folder)


@given(draw=st.data())
def test_a_recognisers_weights_are_some_or_not(tmp_path: Path, draw: st.DataObject) -> None:
    folder = whisper_in(tmp_path)
    # All that the structure is read from stands in the first bytes of each part.
    weights = draw.draw(damaged((DEMO_ASR.folder / "model.bin").read_bytes()[:2000]))
    (folder / "model.bin").unlink(missing_ok=True)
    (folder / "model.bin").write_bytes(weights)
    refused_or_not(folder)


@given(content=st.one_of(JSON, changed({"context_seconds": 5, "prompts": True, "licence": "MIT"})))
def test_a_description_of_an_own_recogniser_is_one_or_not(content: Any) -> None:
    with or_a_reason(ModelError):
        describe_own(content, Path("agent-model.json"))


@given(draw=st.data())
def test_a_manifest_is_one_or_not(tmp_path: Path, draw: st.DataObject) -> None:
    files = [{"name": "model.bin", "size": 3, "sha256": "0" * 64}]
    text = draw.draw(
        st.one_of(changed({"format": 1, "source": "here", "files": files}).map(as_text), DEEP_JSON)
    )
    (tmp_path / MANIFEST_NAME).write_text(text, encoding="utf-8", errors="surrogatepass")
    with or_a_reason(ModelError):
        verify_manifest(tmp_path, what="The model", cure="make models")


def refused_or_not(folder: Path) -> None:
    with or_a_reason(ModelError):
        check_whisper(folder)


def whisper_in(folder: Path) -> Path:
    """The demo recogniser's folder, made of links."""
    target = folder / "whisper"
    target.mkdir(exist_ok=True)
    for path in DEMO_ASR.folder.iterdir():
        link = target / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(path)
    return target


@cache
def small(name: str) -> Any:
    """The demo recogniser's file, with a few of its entries where it has thousands."""
    path = DEMO_ASR.folder / name
    content = content_of(path) if path.exists() else {}
    if isinstance(content, list):
        return content[:20]
    return {key: value for key, value in content.items() if key != "model"}
