"""Makes Smart Turn's graph take any length of audio, and cheaper for the same answer.

A program of its own, as the `onnx` package holds the whole model in memory, more than once:

    python turn_graph.py MODEL.onnx FOLDER

writes the graph into FOLDER and prints what was made as JSON. It imports nothing of this project.

The model was exported for 8 s of audio, most of which is silence put in front of a short turn. The
encoder is Whisper's, whose positions are a table: with the end of the table it takes the end of the
audio alone. What the last layer judges by becomes a second output. Two things that onnxruntime is
slow at are written otherwise: the attention's softmax works on the scores as they are instead of on
scores rounded to 8 bits first, and each GELU, five nodes, becomes one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

_POSITIONS = "inner.encoder.embed_positions.weight"
_DEQUANTIZED = "_DequantizeLinear_Output"
_FARTHEST = np.iinfo(np.int64).max
_MICROSOFT = "com.microsoft"


class NotAsExpected(Exception):
    """The graph is not Smart Turn's; the message says what is missing."""


def fit_turn_model(path: Path, folder: Path) -> dict[str, Any]:
    """Write the graph of the model at `path` for audio of any length; returns its file's name.

    Raises NotAsExpected, OSError.
    """
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    take_any_length(graph)
    keep_softmax_exact(graph)
    join_gelus(graph)
    output_last_activations(graph)
    _sort(graph)
    _drop_unused_weights(graph)
    # They hold the shapes of 8 s.
    del graph.value_info[:]
    onnx.save(model, folder / "fitted.onnx")
    return {"fitted": "fitted.onnx"}


def take_any_length(graph: onnx.GraphProto) -> None:
    """Let positions and shapes follow from the length of the features."""
    try:
        add = next(n for n in graph.node if n.op_type == "Add" and _POSITIONS in n.input)
        table = next(w for w in graph.initializer if w.name == _POSITIONS)
    except StopIteration:
        raise NotAsExpected("it has no table of positions") from None
    frames = table.dims[0]
    length = [w.name for w in graph.initializer if _value(w) == [frames]]
    if not length:
        raise NotAsExpected("its shapes do not hold the length of its table of positions")
    encoded = next(name for name in add.input if name != _POSITIONS)
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name in length:
                node.input[place] = "length"
    add.input[list(add.input).index(_POSITIONS)] = "positions"
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([0], np.int64), "first axis"),
            numpy_helper.from_array(np.array([_FARTHEST], np.int64), "to the end"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Shape", [encoded], ["length"], start=1, end=2),
            helper.make_node("Neg", ["length"], ["from the end"]),
            helper.make_node(
                "Slice", [_POSITIONS, "from the end", "to the end", "first axis"], ["positions"]
            ),
        ]
    )
    shape = graph.input[0].type.tensor_type.shape
    shape.dim[2].ClearField("dim_value")
    shape.dim[2].dim_param = "frames"


def keep_softmax_exact(graph: onnx.GraphProto) -> None:
    """Let each softmax over 8-bit numbers take what these were made of."""
    made_by = _producers(graph)
    unused = []
    for node in graph.node:
        if node.op_type == "Softmax" and node.input[0].endswith(_DEQUANTIZED):
            back = made_by[node.input[0]]
            there = made_by[back.input[0]]
            node.input[0] = there.input[0]
            unused += [back, there]
    _remove(graph, unused)


def join_gelus(graph: onnx.GraphProto) -> None:
    """Make one node of the five by which each GELU is written."""
    made_by = _producers(graph)
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    unused = []
    for node in graph.node:
        if node.op_type != "Erf":
            continue
        chain = [made_by[node.input[0]], node]
        while len(chain) < 5 and len(users.get(chain[-1].output[0], [])) == 1:
            chain += users[chain[-1].output[0]]
        operations = [each.op_type for each in chain]
        value = chain[0].input[0]
        if operations != ["Div", "Erf", "Add", "Mul", "Mul"] or value not in chain[-1].input:
            continue
        last = chain.pop()
        last.op_type, last.domain = "Gelu", _MICROSOFT
        last.input[:] = [value]
        unused += chain
    _remove(graph, unused)


def output_last_activations(graph: onnx.GraphProto) -> None:
    """Add what goes into the last layer as an output, before it is rounded to 8 bits."""
    made_by = _producers(graph)
    node = made_by.get(graph.output[0].name)
    while node is not None and node.op_type != "Gemm":
        node = made_by.get(node.input[0])
    name = node.input[0] if node is not None else ""
    while name in made_by and made_by[name].op_type in ("DequantizeLinear", "QuantizeLinear"):
        name = made_by[name].input[0]
    if name not in made_by:
        raise NotAsExpected("its last layer is no Gemm")
    graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))


def _value(weights: onnx.TensorProto) -> list[int] | None:
    if weights.data_type != onnx.TensorProto.INT64 or list(weights.dims) != [1]:
        return None
    return [int(number) for number in numpy_helper.to_array(weights)]


def _producers(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in graph.node for name in node.output}


def _remove(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    for node in nodes:
        graph.node.remove(node)


def _sort(graph: onnx.GraphProto) -> None:
    """Put each node behind those that it takes from."""
    known = {"", *(value.name for value in graph.input), *(w.name for w in graph.initializer)}
    waiting = list(graph.node)
    ordered: list[onnx.NodeProto] = []
    while waiting:
        ready = [node for node in waiting if known.issuperset(node.input)]
        if not ready:
            raise NotAsExpected("it takes what it does not compute")
        ordered += ready
        known.update(name for node in ready for name in node.output)
        waiting = [node for node in waiting if not known.issuperset(node.output)]
    del graph.node[:]
    graph.node.extend(ordered)


def _drop_unused_weights(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [weights for weights in graph.initializer if weights.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def main(path: str, folder: str) -> None:
    """Make the graph and print the outcome."""
    try:
        outcome = fit_turn_model(Path(path), Path(folder))
    except NotAsExpected as error:
        outcome = {"fitted": None, "reason": str(error)}
    except OSError as error:
        outcome = {"not_stored": error.strerror or str(error)}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
