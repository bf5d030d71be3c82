"""Where a voice is cut, and which graphs are left whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest

from services.models import DEMO_VOICE
from services.models.voice_graph import (
    NoModel,
    NotCuttable,
    cut_voice,
    find_cut,
    find_durations,
    read_model,
)
from tests.support.small_vits import write_small_vits


def test_the_cut_is_the_input_of_the_vocoders_first_convolution(tmp_path: Path) -> None:
    model, _ = write_small_vits(tmp_path)
    cut = find_cut(read_model(model).graph)
    assert cut.latent == "/Mul_7_output_0"
    assert cut.carried == ()
    assert "dec.conv_pre.weight" in cut.vocoder_names
    assert not any(name.startswith("enc_p") for name in cut.vocoder_names)
    assert not any(name.startswith("dec.") for name in cut.front_names)


def test_the_parts_are_valid_models(tmp_path: Path) -> None:
    model, _ = write_small_vits(tmp_path, speakers=3, hangs_above=1000)
    written = cut_voice(model, tmp_path)
    whole = onnx.load(model)
    for name in ("front", "vocoder"):
        path = tmp_path / written[name]
        part = onnx.load(path)
        assert [i.version for i in part.opset_import] == [i.version for i in whole.opset_import]
        assert part.ir_version == whole.ir_version
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_the_demo_voice_has_no_vocoder_and_outputs_its_durations(tmp_path: Path) -> None:
    graph = read_model(DEMO_VOICE.model).graph
    with pytest.raises(NotCuttable, match="transposed convolution"):
        find_cut(graph)
    assert find_durations(graph) == "w_ceil"
    assert cut_voice(DEMO_VOICE.model, tmp_path)["whole"] is None
    assert not list(tmp_path.iterdir())


def test_a_whole_voice_gets_its_durations_as_an_output(tmp_path: Path) -> None:
    model = onnx.load(DEMO_VOICE.model)
    del model.graph.output[1]
    onnx.save(model, tmp_path / "voice.onnx")
    written = cut_voice(tmp_path / "voice.onnx", tmp_path)
    assert "transposed convolution" in written["reason"]
    session = ort.InferenceSession(tmp_path / written["whole"], providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_outputs()] == ["output", "w_ceil"]


@pytest.mark.parametrize("outside", ["sparse", "external"])
def test_weights_of_another_kind_are_left_alone(tmp_path: Path, outside: str) -> None:
    path, _ = write_small_vits(tmp_path)
    model = onnx.load(path)
    if outside == "sparse":
        model.graph.sparse_initializer.add()
    else:
        onnx.save(model, path, save_as_external_data=True, location="weights", size_threshold=0)
        model = read_model(path)
    with pytest.raises(NotCuttable, match="sparse, or outside the file"):
        find_cut(model.graph)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"<html>not found</html>" * 10,
        lambda data: b"\x08\x01",
        lambda data: bytes([7 << 3 | 2]) + b"\xff" * 8 + b"\x7f",
        lambda data: data[: len(data) // 100],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: bytes(byte ^ 0xFF for byte in data),
    ],
    ids=["empty", "page", "no graph", "endless", "begun", "half", "short", "flipped"],
)
def test_what_is_no_model_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    model, _ = write_small_vits(tmp_path)
    model.write_bytes(damage(model.read_bytes()))
    with pytest.raises(NoModel, match=r"cut short|no graph"):
        read_model(model)
