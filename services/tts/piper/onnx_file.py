"""Reads the wiring of an ONNX file and writes parts of it, without touching the weights.

Done on protobuf's wire format: the `onnx` package would hold the whole model twice in memory, and
itself, for the sake of a few hundred bytes that change. The field numbers are those of onnx.proto3,
which protobuf keeps stable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_INITIALIZER = 1, 2, 5
_GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_SPARSE_INITIALIZER = 11, 12, 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS = 6, 11
_TENSOR_NAME, _TENSOR_DATA_LOCATION = 8, 14
_VALUE_NAME, _VALUE_TYPE, _TYPE_TENSOR, _TENSOR_ELEMENT = 1, 2, 1, 1
_FLOAT = 1

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


class OnnxFileError(ValueError):
    """The file is not an ONNX model, or uses something this module does not handle."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation; `inputs` includes what its inner graphs take from outside."""

    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    raw: memoryview


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """The wiring of a model, with the bytes that each part occupies in the file."""

    nodes: tuple[Node, ...]
    """In topological order, as ONNX requires."""
    initializers: dict[str, memoryview]
    inputs: dict[str, memoryview]
    outputs: dict[str, memoryview]
    head: tuple[memoryview, ...]
    """The model's fields other than the graph, such as versions, each with its tag."""


def read_onnx(path: Path) -> OnnxGraph:
    """Read the wiring of the model at `path`; raises OnnxFileError, OSError."""
    try:
        return _read_model(memoryview(path.read_bytes()))
    except (IndexError, UnicodeDecodeError) as error:
        raise OnnxFileError("not an ONNX model") from error


def write_onnx(
    path: Path,
    graph: OnnxGraph,
    *,
    names: Collection[str],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> None:
    """Write the part of `graph` that computes the tensors in `names`.

    `inputs` and `outputs` of the part may be tensors from within the graph; as inputs they are
    taken to be float32 of any shape.
    """
    parts: list[bytes | memoryview] = [_field(_GRAPH_NAME, b"part")]
    for node in graph.nodes:
        if not names or any(output in names for output in node.outputs):
            parts += [_tag(_GRAPH_NODE, len(node.raw)), node.raw]
    for name, raw in graph.initializers.items():
        if not names or name in names:
            parts += [_tag(_GRAPH_INITIALIZER, len(raw)), raw]
    for name in inputs:
        parts.append(_field(_GRAPH_INPUT, graph.inputs.get(name) or _float_value(name)))
    for name in outputs:
        value = graph.outputs.get(name) or _field(_VALUE_NAME, name.encode())
        parts.append(_field(_GRAPH_OUTPUT, value))
    with path.open("wb") as file:
        _write(file, graph.head)
        file.write(_tag(_MODEL_GRAPH, sum(len(part) for part in parts)))
        _write(file, parts)


def _write(file: BinaryIO, parts: Iterable[bytes | memoryview]) -> None:
    for part in parts:
        file.write(part)


def _read_model(data: memoryview) -> OnnxGraph:
    graph: memoryview | None = None
    head: list[memoryview] = []
    for number, payload, whole in _fields(data):
        if number == _MODEL_GRAPH:
            graph = payload
        else:
            head.append(whole)
    if graph is None:
        raise OnnxFileError("the file holds no graph")
    nodes: list[Node] = []
    initializers: dict[str, memoryview] = {}
    inputs: dict[str, memoryview] = {}
    outputs: dict[str, memoryview] = {}
    for number, payload, _ in _fields(graph):
        if number == _GRAPH_NODE:
            nodes.append(_read_node(payload))
        elif number == _GRAPH_INITIALIZER:
            initializers[_tensor_name(payload)] = payload
        elif number == _GRAPH_INPUT:
            inputs[_text(payload, _VALUE_NAME)] = payload
        elif number == _GRAPH_OUTPUT:
            outputs[_text(payload, _VALUE_NAME)] = payload
        elif number == _GRAPH_SPARSE_INITIALIZER:
            raise OnnxFileError("sparse weights are not handled")
    if not nodes or not outputs:
        raise OnnxFileError("the graph is empty")
    for name in initializers:
        # Old exporters list weights among the inputs, too.
        inputs.pop(name, None)
    return OnnxGraph(tuple(nodes), initializers, inputs, outputs, tuple(head))


def _read_node(data: memoryview) -> Node:
    inputs: list[str] = []
    outputs: list[str] = []
    op_type = ""
    for number, payload, _ in _fields(data):
        if number == _NODE_INPUT:
            inputs.append(str(payload, "utf-8"))
        elif number == _NODE_OUTPUT:
            outputs.append(str(payload, "utf-8"))
        elif number == _NODE_OP_TYPE:
            op_type = str(payload, "utf-8")
        elif number == _NODE_ATTRIBUTE:
            for part, inner, _ in _fields(payload):
                if part in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
                    inputs += _taken_from_outside(inner)
    return Node(op_type, tuple(filter(None, inputs)), tuple(filter(None, outputs)), data)


def _taken_from_outside(graph: memoryview) -> list[str]:
    """Names that an inner graph (of an If or a Loop) uses but does not define."""
    used: list[str] = []
    defined: set[str] = set()
    for number, payload, _ in _fields(graph):
        if number == _GRAPH_NODE:
            node = _read_node(payload)
            used += node.inputs
            defined.update(node.outputs)
        elif number == _GRAPH_INITIALIZER:
            defined.add(_tensor_name(payload))
        elif number == _GRAPH_INPUT:
            defined.add(_text(payload, _VALUE_NAME))
        elif number == _GRAPH_OUTPUT:
            used.append(_text(payload, _VALUE_NAME))
    return [name for name in used if name not in defined]


def _tensor_name(data: memoryview) -> str:
    name = ""
    for number, payload, whole in _fields(data):
        if number == _TENSOR_NAME:
            name = str(payload, "utf-8")
        elif number == _TENSOR_DATA_LOCATION and whole[-1] != 0:
            raise OnnxFileError("weights outside the file are not handled")
    return name


def _text(data: memoryview, number: int) -> str:
    return next((str(payload, "utf-8") for n, payload, _ in _fields(data) if n == number), "")


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """The fields of a message: number, payload (of varints: empty), and bytes with the tag."""
    at = 0
    while at < len(data):
        start = at
        key, at = _varint(data, at)
        kind = key & 7
        payload = data[at:at]
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _LENGTH:
            length, at = _varint(data, at)
            payload = data[at : at + length]
            at += length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise OnnxFileError("not an ONNX model")
        if at > len(data):
            raise OnnxFileError("the file ends early")
        yield key >> 3, payload, data[start:at]


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise OnnxFileError("not an ONNX model")


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(number: int, length: int) -> bytes:
    return _encode_varint(number << 3 | _LENGTH) + _encode_varint(length)


def _field(number: int, payload: bytes | memoryview) -> bytes:
    return _tag(number, len(payload)) + payload


def _float_value(name: str) -> bytes:
    element = _encode_varint(_TENSOR_ELEMENT << 3 | _VARINT) + _encode_varint(_FLOAT)
    tensor = _field(_TYPE_TENSOR, element)
    return _field(_VALUE_NAME, name.encode()) + _field(_VALUE_TYPE, tensor)
