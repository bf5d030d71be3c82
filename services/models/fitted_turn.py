"""An end-of-turn model for audio of any length, made once and kept in the model cache."""

import logging
from pathlib import Path

from .derived import NotDerived, derive
from .errors import ModelCorrupt
from .manifest import sha256_of

logger = logging.getLogger("services.models")

_PROGRAM = Path(__file__).with_name("turn_graph.py")


def fitted_turn(model: Path, cache: Path) -> Path:
    """Return the graph that takes audio of any length; `model` itself where none can be made.

    Its second output is what the model's last layer judges by. It is made in a process of its own,
    which blocks for about a second, and kept by the checksums of the model and of the program.
    """
    try:
        folder = cache / "parts" / f"{sha256_of(model)}-{sha256_of(_PROGRAM)[:8]}"
        content = derive(model, folder, _PROGRAM, doing="fitting it")
        if not content["fitted"]:
            raise NotDerived(content["reason"])
        return folder / str(content["fitted"])
    except (OSError, NotDerived, ModelCorrupt) as error:
        logger.warning(
            "end-of-turn model cannot be fitted, so it computes more",
            extra={"model": model.name, "cache": str(cache), "reason": str(error)},
        )
        return model
