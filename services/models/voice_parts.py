"""The two parts of a voice, cut once and kept in the model cache."""

import logging
from dataclasses import dataclass
from pathlib import Path

from .derived import NotDerived, derive
from .manifest import sha256_of

logger = logging.getLogger("services.models")

_PROGRAM = Path(__file__).with_name("voice_graph.py")


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
    """A voice in one file, which may output the frames of each phoneme id second."""

    model: Path
    reason: str
    """Why the voice was not cut."""


VoiceParts = CutVoice | WholeVoice


def voice_parts(model: Path, cache: Path) -> VoiceParts:
    """Return the parts of the voice `model`, cut now unless the cache has them.

    Cutting runs in a process of its own and blocks for about a second. A voice that cannot be
    cut, or whose parts cannot be stored, is used whole. Raises ModelCorrupt if `model` is not an
    ONNX file.
    """
    try:
        folder = cache / "parts" / sha256_of(model)
        content = derive(model, folder, _PROGRAM, doing="cutting it")
    except (OSError, NotDerived) as error:
        logger.warning(
            "voice cannot be cut, so its sound begins later",
            extra={"model": model.name, "cache": str(cache), "reason": str(error)},
        )
        return WholeVoice(model, str(error))
    if "vocoder" not in content:
        return WholeVoice(
            folder / content["whole"] if content["whole"] else model, content["reason"]
        )
    return CutVoice(
        front=folder / content["front"],
        vocoder=folder / content["vocoder"],
        latent=content["latent"],
        carried=tuple(content["carried"]),
        durations=content["durations"],
    )
