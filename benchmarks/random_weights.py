"""Makes a recogniser of random weights sure of what it hears, at the same cost.

Such a model has the cost of a real one and no knowledge. It gives many tokens the same
probability, and guards against runaway decoding, rightly, throw its transcripts away and decode
again. Making its tokens a little unlike one another, and scaling the last normalisation of the
decoder and so all scores, leaves it as many tokens in the same time, with a probability near one.
Each is written as one letter, so that a row of the same ones is no long repetition.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SCALE = 1024.0
_UNLIKE = 0.2
_TOKENS = "decoder/embeddings/weight_scale"
_VARIABLES = ("decoder/layer_norm/gamma", "decoder/layer_norm/beta")
_FLOAT32 = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """One array of a CTranslate2 model."""

    shape: tuple[int, ...]
    type: int
    """CTranslate2's number of it; 0 is float32."""
    data: bytes


@dataclass(slots=True)
class ModelFile:
    """A `model.bin` of CTranslate2, version 6."""

    head: bytes
    variables: dict[str, Variable]
    aliases: dict[str, str]
    """Names that mean another variable, which has the same content."""

    @classmethod
    def read(cls, file: Path) -> ModelFile:
        """Raises ValueError where it is of another version."""
        stream = io.BytesIO(file.read_bytes())
        (version,) = _take(stream, "<I")
        if version != 6:
            raise ValueError(f"{file} is of version {version}, not 6")
        _string(stream)
        _take(stream, "<I")
        head = stream.getvalue()[: stream.tell()]
        variables = {}
        for _ in range(_take(stream, "<I")[0]):
            name = _string(stream)
            (rank,) = _take(stream, "<B")
            shape = _take(stream, f"<{rank}I")
            kind, length = _take(stream, "<BI")
            variables[name] = Variable(shape, kind, stream.read(length))
        aliases = {_string(stream): _string(stream) for _ in range(_take(stream, "<I")[0])}
        return cls(head, variables, aliases)

    def write(self, file: Path) -> None:
        """As CTranslate2 writes it."""
        with file.open("wb") as stream:
            stream.write(self.head)
            stream.write(struct.pack("<I", len(self.variables)))
            for name, variable in self.variables.items():
                stream.write(_stored(name))
                rank = len(variable.shape)
                stream.write(struct.pack(f"<B{rank}I", rank, *variable.shape))
                stream.write(struct.pack("<BI", variable.type, len(variable.data)))
                stream.write(variable.data)
            stream.write(struct.pack("<I", len(self.aliases)))
            for name, target in self.aliases.items():
                stream.write(_stored(name) + _stored(target))

    def scale(self, name: str, factor: float | NDArray[np.float32]) -> None:
        """Multiply a variable of float32, and no other that shares its content."""
        variable = self.variables[self.aliases.pop(name, name)]
        if variable.type != _FLOAT32:
            raise ValueError(f"{name} is not of float32")
        scaled = np.frombuffer(variable.data, dtype="<f4") * np.asarray(factor, dtype=np.float32)
        for alias, target in self.aliases.items():
            if target == name:
                raise ValueError(f"{alias} shares the content of {name}")
        self.variables[name] = Variable(variable.shape, variable.type, scaled.tobytes())


def made_sure(folder: Path, into: Path) -> Path:
    """A copy of the CTranslate2 Whisper in `folder`, as a folder of the same name in `into`."""
    copy = into / folder.name
    copy.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.name != "model.bin":
            shutil.copyfile(file, copy / file.name)
    _shorten(copy / "tokenizer.json")
    model = ModelFile.read(folder / "model.bin")
    for name in _VARIABLES:
        model.scale(name, _SCALE)
    (tokens,) = model.variables[_TOKENS].shape
    chance = np.random.default_rng(0)
    model.scale(_TOKENS, chance.uniform(1.0, 1.0 + _UNLIKE, tokens).astype(np.float32))
    model.write(copy / "model.bin")
    return copy


def _shorten(tokenizer: Path) -> None:
    """Have each made-up word, such as `w123`, written as one letter."""
    content = json.loads(tokenizer.read_text(encoding="utf-8"))
    shorten = {"type": "Replace", "pattern": {"Regex": "^w[0-9]+$"}, "content": "a"}
    content["decoder"] = {"type": "Sequence", "decoders": [shorten, content["decoder"]]}
    tokenizer.write_text(json.dumps(content), encoding="utf-8")


def _take(stream: io.BytesIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, stream.read(struct.calcsize(form)))


def _string(stream: io.BytesIO) -> str:
    (length,) = _take(stream, "<H")
    return stream.read(length)[:-1].decode()


def _stored(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"
