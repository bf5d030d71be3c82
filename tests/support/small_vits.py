"""Builds a very small voice with the structure of a Piper export, to cut and to misuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

from services.models.voice_parts import voice_parts
from services.tts.engine import TTSConfig

SAMPLE_RATE = 16_000
HOP = 64
_CHANNELS = 8
_SYMBOLS = 256


class _Graph:
    """Collects nodes and weights under names of its own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(7)

    def op(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def value(self, array: Any, name: str = "") -> str:
        name = name or f"const_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, name: str, *shape: int, scale: float = 0.3) -> str:
        values = self.random.normal(0, scale, shape).astype(np.float32)
        return self.value(values, name)

    def conv(self, x: str, name: str, out: int, into: int, kernel: int, dilation: int = 1) -> str:
        pad = dilation * (kernel - 1) // 2
        return self.op(
            "Conv",
            x,
            self.weight(f"{name}.weight", out, into, kernel),
            dilations=[dilation],
            kernel_shape=[kernel],
            pads=[pad, pad],
        )


def small_voice(folder: Path, *, name: str = "small", **kind: Any) -> TTSConfig:
    """Write a small voice into `folder` as `write_small_vits` does, and cut it."""
    model, config = write_small_vits(folder, **kind)
    return TTSConfig(model, config, name=name, parts=voice_parts(model, folder / "cache"))


def write_small_vits(
    folder: Path,
    *,
    speakers: int = 1,
    durations: bool = True,
    hangs_above: int | None = None,
    looks_at_all: bool = False,
) -> tuple[Path, Path]:
    """Write voice.onnx and voice.onnx.json into `folder`; returns both.

    `durations`: with the one Ceil that Piper's alignments come from. `hangs_above`: longer text,
    in phoneme ids, is never done with. `looks_at_all`: the vocoder takes a mean over the whole
    sentence, so that windows cannot join.
    """
    g = _Graph()
    ids = g.op("Slice", "input", g.value([0]), "input_lengths", g.value([1]))
    table = g.weight("enc_p.emb.weight", _SYMBOLS, _CHANNELS, scale=1.0)
    hidden = g.op("Gather", table, ids, axis=0)
    speaker = ""
    if speakers > 1:
        speaker_table = g.weight("emb_g.weight", speakers, _CHANNELS, scale=1.0)
        speaker = g.op("Unsqueeze", g.op("Gather", speaker_table, "sid"), g.value([-1]))
        hidden = g.op("Add", hidden, g.op("Transpose", speaker, perm=[0, 2, 1]))

    # Durations: 3 to 6 frames for each id, stretched by scales[1].
    length_scale = g.op("Gather", "scales", g.value(1))
    per_symbol = g.value((3 + np.arange(_SYMBOLS) % 4).astype(np.float32), "dp.weight")
    exact = g.op("Mul", g.op("Gather", per_symbol, ids), length_scale)
    kind = "Ceil" if durations else "Floor"
    frames_of = g.op("Unsqueeze", g.op(kind, exact), g.value([1]))
    ends = g.op("CumSum", g.op("Squeeze", frames_of, g.value([0, 1])), g.value(0))
    total = g.op("Cast", g.op("ReduceMax", ends, keepdims=0), to=TensorProto.INT64)
    clock = g.op("Cast", g.op("Range", g.value(0), total, g.value(1)), to=TensorProto.FLOAT)
    passed = g.op(
        "LessOrEqual", g.op("Unsqueeze", ends, g.value([0])), g.op("Unsqueeze", clock, g.value([1]))
    )
    index = g.op("ReduceSum", g.op("Cast", passed, to=TensorProto.INT64), g.value([1]), keepdims=0)
    z = g.op("Transpose", g.op("Gather", hidden, index, axis=1), perm=[0, 2, 1])
    noise = g.op("Mul", g.op("RandomNormalLike", z), g.op("Gather", "scales", g.value(0)))
    z = g.op("Add", z, g.op("Mul", noise, g.value(np.float32(0.1))))
    if hangs_above is not None:
        z = g.op("Add", z, _endless(g, hangs_above))
    z = g.conv(z, "flow.pre", _CHANNELS, _CHANNELS, 5)
    z = g.op("Mul", z, g.value(np.float32(1.0)), out="/Mul_7_output_0")

    x = g.conv(z, "dec.conv_pre", 16, _CHANNELS, 7)
    if speaker:
        x = g.op("Add", x, g.conv(speaker, "dec.cond", 16, _CHANNELS, 1))
    for layer, (channels, out) in enumerate(((16, 8), (8, 4))):
        x = g.op("LeakyRelu", x, alpha=0.1)
        up = g.weight(f"dec.ups.{layer}.weight", channels, out, 16)
        x = g.op("ConvTranspose", x, up, kernel_shape=[16], strides=[8], pads=[4, 4])
        around = g.conv(g.op("LeakyRelu", x), f"dec.resblocks.{layer}", out, out, 5, dilation=3)
        x = g.op("Add", x, around)
    if looks_at_all:
        x = g.op("Sub", x, g.op("ReduceMean", x, axes=[2], keepdims=1))
    x = g.conv(g.op("LeakyRelu", x), "dec.conv_post", 1, 4, 7)
    g.op("Unsqueeze", g.op("Tanh", x), g.value([1]), out="output")

    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "time"])
    graph = helper.make_graph(g.nodes, "small_vits", inputs, [output], g.weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8, producer_name="test"
    )
    onnx.checker.check_model(model)
    path = folder / "voice.onnx"
    onnx.save(model, path)
    return path, write_config(folder / "voice.onnx.json", speakers=speakers)


def write_config(path: Path, *, speakers: int = 1, **changes: Any) -> Path:
    """Write a Piper voice's configuration; returns `path`."""
    config = {
        "audio": {"sample_rate": SAMPLE_RATE},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": _SYMBOLS,
        "num_speakers": speakers,
        "speaker_id_map": {},
        **changes,
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def _endless(g: _Graph, above: int) -> str:
    """A zero, computed by a loop that goes on for ever when the text is longer than `above`."""
    turn = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["go_on_out"]),
            helper.make_node("MatMul", ["square", "turning"], ["square_out"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("count", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("square", TensorProto.FLOAT, [32, 32]),
        ],
        [
            helper.make_tensor_value_info("go_on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("square_out", TensorProto.FLOAT, [32, 32]),
        ],
    )
    g.value(np.zeros((32, 32), dtype=np.float32), "turning")
    length = g.op("Squeeze", "input_lengths", g.value([0]))
    too_long = g.op("Greater", length, g.value(above))
    start = g.value(np.zeros((32, 32), dtype=np.float32))
    looped = g.op("Loop", "", too_long, start, body=turn)
    return g.op("ReduceMax", looped, keepdims=0)
