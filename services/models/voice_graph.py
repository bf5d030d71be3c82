"""Cuts a Piper voice (a VITS graph) in two: text to latent frames, latent frames to sound.

A program of its own, as the `onnx` package holds the whole voice in memory, more than once:

    python voice_graph.py VOICE.onnx FOLDER

writes the parts into FOLDER and prints what they are as JSON. It imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

_TEXT_INPUT = "input"
_SPEAKER_INPUT = "sid"


class NoModel(Exception):
    """The file is not an ONNX model; the message says why."""


class NotCuttable(Exception):
    """The graph is not a VITS with a convolutional vocoder; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a VITS graph is cut, by tensor names."""

    latent: str
    """Input of the vocoder's first convolution: float32, (1, channels, frames)."""
    audio: str
    carried: tuple[str, ...]
    """Other inputs of the vocoder, which depend on the speaker alone."""
    front_names: frozenset[str]
    vocoder_names: frozenset[str]


def cut_voice(path: Path, folder: Path) -> dict[str, Any]:
    """Write the parts of the voice at `path` into `folder`, or the whole if it cannot be cut.

    Both output the durations, if the graph computes them. Returns the names of files and tensors.
    Raises NoModel, OSError.
    """
    model = read_model(path)
    durations = find_durations(model.graph)
    try:
        cut = find_cut(model.graph)
    except NotCuttable as error:
        known = {value.name for value in model.graph.output}
        if durations is None or durations in known or _has_outside_weights(model.graph):
            return {"whole": None, "reason": str(error)}
        model.graph.output.add(name=durations)
        onnx.save(model, folder / "whole.onnx")
        return {"whole": "whole.onnx", "reason": str(error)}
    inputs = [value.name for value in _inputs(model.graph)]
    inner = [name for name in cut.carried if name not in inputs]
    front_names = cut.front_names
    if durations is not None:
        front_names |= _ancestors(model.graph, [durations])
    front = _part(
        model,
        front_names,
        inputs=[name for name in inputs if name in front_names],
        outputs=[cut.latent, *inner, *([durations] if durations else [])],
    )
    onnx.save(front, folder / "front.onnx")
    vocoder = _part(
        model, cut.vocoder_names, inputs=[cut.latent, *cut.carried], outputs=[cut.audio]
    )
    onnx.save(vocoder, folder / "vocoder.onnx")
    return {
        "front": "front.onnx",
        "vocoder": "vocoder.onnx",
        "latent": cut.latent,
        "carried": cut.carried,
        "durations": durations,
    }


def read_model(path: Path) -> onnx.ModelProto:
    """Read the model at `path`; raises NoModel, OSError."""
    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, MemoryError):
        raise
    except Exception:
        # protobuf's DecodeError, a package that is not ours to import.
        raise NoModel("it is cut short, or another kind of file") from None
    if not model.graph.node or not model.graph.output:
        raise NoModel("it holds no graph")
    return model


def find_cut(graph: onnx.GraphProto) -> Cut:
    """Find the vocoder's first convolution: the one before the first transposed convolution.

    Raises NotCuttable.
    """
    if graph.sparse_initializer or _has_outside_weights(graph):
        raise NotCuttable("its weights are sparse, or outside the file")
    audio = graph.output[0].name
    inputs = {value.name for value in _inputs(graph)}
    producers = _producers(graph)
    sources = _sources(graph)
    audio_names = _ancestors(graph, [audio])
    upsampling = next(
        (
            node
            for node in graph.node
            if node.op_type == "ConvTranspose" and node.output[0] in audio_names
        ),
        None,
    )
    if upsampling is None:
        raise NotCuttable("it has no transposed convolution")

    name = upsampling.input[0]
    while (node := producers.get(name)) is not None and node.op_type != "Conv":
        # Skip activations, and sums with values that depend on the speaker alone.
        from_text = [i for i in node.input if _TEXT_INPUT in sources.get(i, frozenset())]
        if len(from_text) != 1:
            raise NotCuttable("nothing like a vocoder precedes its transposed convolution")
        name = from_text[0]
    if node is None:
        raise NotCuttable("no convolution precedes its transposed convolution")
    latent = node.input[0]
    if _TEXT_INPUT not in sources.get(latent, frozenset()):
        raise NotCuttable("its vocoder does not depend on the text")

    front_names = _ancestors(graph, [latent])
    # Constants are computed in both parts; all other values cross the cut.
    crossing = {n for n in front_names if sources.get(n)} | inputs
    vocoder_names = _ancestors(graph, [audio], stop=crossing)
    carried = sorted((vocoder_names & crossing) - {latent})
    if any(sources.get(n, frozenset()) - {_SPEAKER_INPUT} for n in carried):
        raise NotCuttable("its vocoder takes more than one sequence")
    front_names |= _ancestors(graph, [n for n in carried if n not in inputs])
    return Cut(latent, audio, tuple(carried), front_names, vocoder_names - crossing)


def find_durations(graph: onnx.GraphProto) -> str | None:
    """Find the tensor with frames per phoneme id: a second output, else the only rounding up."""
    if len(graph.output) > 1:
        return str(graph.output[1].name)
    rounded = [node.output[0] for node in graph.node if node.op_type == "Ceil"]
    return rounded[0] if len(rounded) == 1 else None


def _part(
    model: onnx.ModelProto, names: Set[str], *, inputs: list[str], outputs: list[str]
) -> onnx.ModelProto:
    """Return the part of `model` that computes the tensors in `names`."""
    graph = model.graph
    known = {value.name: value for value in (*graph.input, *graph.output)}
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            [node for node in graph.node if not names.isdisjoint(node.output)],
            "part",
            [
                known.get(name)
                or onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
                for name in inputs
            ],
            [known.get(name) or onnx.ValueInfoProto(name=name) for name in outputs],
            [weights for weights in graph.initializer if weights.name in names],
        ),
        ir_version=model.ir_version,
        opset_imports=model.opset_import,
        functions=model.functions,
    )


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    # Old exporters list the weights among the inputs.
    weights = {initializer.name for initializer in graph.initializer}
    return [value for value in graph.input if value.name not in weights]


def _has_outside_weights(graph: onnx.GraphProto) -> bool:
    return any(w.data_location == onnx.TensorProto.EXTERNAL for w in graph.initializer)


def _producers(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in graph.node for name in node.output if name}


def _ancestors(
    graph: onnx.GraphProto, names: Iterable[str], *, stop: Iterable[str] = ()
) -> frozenset[str]:
    """Return the tensors that `names` are computed from, including them, up to `stop`."""
    producers = _producers(graph)
    stop = frozenset(stop)
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in stop and (node := producers.get(name)) is not None:
            waiting += _taken(node)
    return frozenset(seen)


def _sources(graph: onnx.GraphProto) -> dict[str, frozenset[str]]:
    """Map each tensor to the graph inputs that it depends on; none for constants."""
    sources = {value.name: frozenset([value.name]) for value in _inputs(graph)}
    none: frozenset[str] = frozenset()
    for node in graph.node:
        union = none.union(*(sources.get(name, none) for name in _taken(node)))
        for output in node.output:
            sources[output] = union
    return sources


def _taken(node: onnx.NodeProto) -> Iterator[str]:
    """Yield the inputs of a node, including those of its subgraphs (of an If or a Loop)."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            own = {value.name for value in inner.input}
            own.update(weights.name for weights in inner.initializer)
            own.update(*(part.output for part in inner.node))
            used = {name for part in inner.node for name in _taken(part)}
            yield from (used | {value.name for value in inner.output}) - own


def main(path: str, folder: str) -> None:
    """Cut the voice and print the outcome."""
    try:
        outcome = cut_voice(Path(path), Path(folder))
    except NoModel as error:
        outcome = {"no_model": str(error)}
    except OSError as error:
        outcome = {"not_stored": error.strerror or str(error)}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
