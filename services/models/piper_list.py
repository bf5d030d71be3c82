"""Piper's own list of its voices, kept beside this module in a compact form.

`scripts/piper_voices.py` renews it; the file names its source and licence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

LIST_FILE: Final = Path(__file__).with_name("piper_voices.json")

SAMPLE_RATES: Final[Mapping[str, int]] = MappingProxyType(
    {"x_low": 16_000, "low": 16_000, "medium": 22_050, "high": 22_050}
)
"""Hz by quality, as Piper's author states them in discussion 1 of rhasspy/piper-checkpoints."""


@dataclass(frozen=True)
class ListedVoice:
    """A voice that Piper publishes."""

    name: str
    """`locale-dataset-quality`, such as `de_DE-thorsten-medium`."""
    speakers: int
    model: tuple[int, str]
    """Bytes and MD5 digest of the `.onnx` file."""
    config: tuple[int, str]
    """Bytes and MD5 digest of the `.onnx.json` file."""


@cache
def listed_voices() -> tuple[ListedVoice, ...]:
    """Return every voice of the list, by name."""
    return tuple(
        ListedVoice(
            name=row["name"],
            speakers=row["speakers"],
            model=(row["model"][0], row["model"][1]),
            config=(row["config"][0], row["config"][1]),
        )
        for row in _content()["voices"]
    )


def language_names(code: str) -> tuple[str, ...]:
    """Return the English and the own name of a language, such as `("German", "Deutsch")`.

    `code` is that of the language alone, such as `de`; nothing is returned for one without voices.
    """
    return tuple(_content()["languages"].get(code, ()))


@cache
def _content() -> Any:
    return json.loads(LIST_FILE.read_text(encoding="utf-8"))
