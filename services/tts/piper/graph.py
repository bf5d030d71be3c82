"""Cuts a Piper voice (a VITS graph) in two: text to latent frames, latent frames to sound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .onnx_file import OnnxFileError, OnnxGraph, read_onnx, write_onnx

_TEXT_INPUT = "input"
_SPEAKER_INPUT = "sid"


class NotCuttable(Exception):
    """The graph is no VITS with a convolutional vocoder; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a VITS graph is cut, by tensor names."""

    latent: str
    """Input of the vocoder's first convolution: float32, (1, channels, frames)."""
    audio: str
    carried: tuple[str, ...]
    """What else the vocoder takes: values that depend on the speaker alone."""
    front_names: frozenset[str]
    vocoder_names: frozenset[str]


@dataclass(frozen=True, slots=True)
class CutVoice:
    """A voice in two files."""

    front: Path
    """Text to latent frames."""
    vocoder: Path
    """Latent frames to sound."""
    latent: str
    """The tensor that joins them."""
    carried: tuple[str, ...]
    """What else the vocoder takes: outputs of `front`, or inputs of the voice."""
    durations: str | None
    """Output of `front` with the frames that each phoneme id takes."""


@dataclass(frozen=True, slots=True)
class WholeVoice:
    """A voice in one file."""

    model: Path
    durations: str | None
    """Output with the frames that each phoneme id takes."""
    reason: str
    """Why the voice was not cut."""


def cut_voice(model: Path, folder: Path) -> CutVoice | WholeVoice:
    """Write the parts of the voice `model` into `folder`, or the whole where no cut is possible.

    Both get the durations as an additional output, where the graph computes them. Raises OSError.
    """
    try:
        graph = read_onnx(model)
    except OnnxFileError as error:
        return WholeVoice(model, None, str(error))
    durations = find_durations(graph)
    try:
        cut = find_cut(graph)
    except NotCuttable as error:
        return _write_whole(graph, model, folder, durations, str(error))
    front, vocoder = folder / "front.onnx", folder / "vocoder.onnx"
    inner = [name for name in cut.carried if name not in graph.inputs]
    front_names = cut.front_names
    if durations is not None:
        front_names |= _ancestors(graph, [durations])
    write_onnx(
        front,
        graph,
        names=front_names,
        inputs=[name for name in graph.inputs if name in front_names],
        outputs=[cut.latent, *inner, *([durations] if durations else [])],
    )
    write_onnx(
        vocoder,
        graph,
        names=cut.vocoder_names,
        inputs=[cut.latent, *cut.carried],
        outputs=[cut.audio],
    )
    return CutVoice(front, vocoder, cut.latent, cut.carried, durations)


def find_cut(graph: OnnxGraph) -> Cut:
    """Find the vocoder's first convolution: the one before the first transposed convolution.

    Raises NotCuttable.
    """
    audio = next(iter(graph.outputs))
    producers = {name: node for node in graph.nodes for name in node.outputs}
    sources = _sources(graph)
    audio_names = _ancestors(graph, [audio])
    upsampling = next(
        (
            node
            for node in graph.nodes
            if node.op_type == "ConvTranspose" and node.outputs[0] in audio_names
        ),
        None,
    )
    if upsampling is None:
        raise NotCuttable("it has no transposed convolution")

    name = upsampling.inputs[0]
    while (node := producers.get(name)) is not None and node.op_type != "Conv":
        # Past activations, and sums with what depends on the speaker alone.
        from_text = [i for i in node.inputs if _TEXT_INPUT in sources.get(i, frozenset())]
        if len(from_text) != 1:
            raise NotCuttable("nothing like a vocoder precedes its transposed convolution")
        name = from_text[0]
    if node is None:
        raise NotCuttable("no convolution precedes its transposed convolution")
    latent = node.inputs[0]
    if _TEXT_INPUT not in sources.get(latent, frozenset()):
        raise NotCuttable("its vocoder does not depend on the text")

    front_names = _ancestors(graph, [latent])
    # Constants are computed in both parts; everything else of the front comes over the cut.
    crossing = {n for n in front_names if sources.get(n)} | set(graph.inputs)
    vocoder_names = _ancestors(graph, [audio], stop=crossing)
    carried = sorted((vocoder_names & crossing) - {latent})
    if any(sources.get(n, frozenset()) - {_SPEAKER_INPUT} for n in carried):
        raise NotCuttable("its vocoder takes more than one sequence")
    front_names |= _ancestors(graph, [n for n in carried if n not in graph.inputs])
    return Cut(latent, audio, tuple(carried), front_names, vocoder_names - crossing)


def find_durations(graph: OnnxGraph) -> str | None:
    """The tensor with frames per phoneme id: a second output, else the only rounding up."""
    outputs = list(graph.outputs)
    if len(outputs) > 1:
        return outputs[1]
    rounded = [node.outputs[0] for node in graph.nodes if node.op_type == "Ceil"]
    return rounded[0] if len(rounded) == 1 else None


def _write_whole(
    graph: OnnxGraph, model: Path, folder: Path, durations: str | None, why: str
) -> WholeVoice:
    if durations is not None and durations not in graph.outputs:
        whole = folder / "whole.onnx"
        outputs = [*graph.outputs, durations]
        write_onnx(whole, graph, names=(), inputs=list(graph.inputs), outputs=outputs)
        model = whole
    return WholeVoice(model, durations, why)


def _ancestors(
    graph: OnnxGraph, names: Iterable[str], *, stop: Iterable[str] = ()
) -> frozenset[str]:
    """All tensors that `names` are computed from, themselves included; not beyond `stop`."""
    producers = {name: node for node in graph.nodes for name in node.outputs}
    stop = frozenset(stop)
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in stop and (node := producers.get(name)) is not None:
            waiting += node.inputs
    return frozenset(seen)


def _sources(graph: OnnxGraph) -> dict[str, frozenset[str]]:
    """For every tensor the graph inputs that it depends on; none for constants."""
    sources = {name: frozenset([name]) for name in graph.inputs}
    none: frozenset[str] = frozenset()
    for node in graph.nodes:
        union = none.union(*(sources.get(name, none) for name in node.inputs))
        for output in node.outputs:
            sources[output] = union
    return sources
