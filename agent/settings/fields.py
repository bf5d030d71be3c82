"""The building blocks of settings: groups of fields, each read from one environment variable."""

import itertools
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

HTTP_ADDRESS = r"^https?://[^\s/]+\S*$"
LIVEKIT_ADDRESS = r"^(wss?|https?)://[^\s/]+\S*$"

_DAY_SECONDS = 86_400
_SHORTEST_SECONDS = 0.01
_LARGEST_MB = 10_000_000


class Group(BaseModel):
    """Settings that belong together; immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _separated_by_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part for part in (item.strip() for item in value.split(",")) if part)
    return value


SeparatedByCommas = BeforeValidator(_separated_by_commas)
"""Reads a list from one text."""

Several = Annotated[tuple[str, ...], SeparatedByCommas]
"""Texts separated by commas."""


def variable(
    name: str,
    default: Any,
    explanation: str,
    *,
    unit: str = "",
    allowed: str = "",
    **constraints: Any,
) -> Any:
    """Declare a field read from the environment variable `name`.

    `default` may be a function that returns it. `explanation` is one line for the person who sets
    it, `unit` the unit of a number in the plural, `allowed` says what a value may be where type and
    constraints do not say it.
    """
    given = {"default_factory": default} if callable(default) else {"default": default}
    return Field(
        **given,
        description=explanation,
        json_schema_extra={"variable": name, "unit": unit, "allowed": allowed},
        **constraints,
    )


def seconds(name: str, default: float, explanation: str, *, zero: bool = False) -> Any:
    """Declare a duration of at most a day; `zero`: it may be 0."""
    return variable(
        name,
        default,
        explanation,
        unit="seconds",
        ge=0 if zero else _SHORTEST_SECONDS,
        le=_DAY_SECONDS,
    )


def megabytes(name: str, default: int, explanation: str, *, zero: bool = False) -> Any:
    """Declare a size; `zero`: it may be 0."""
    return variable(name, default, explanation, unit="MB", ge=0 if zero else 1, le=_LARGEST_MB)


def percent(name: str, default: int, explanation: str) -> Any:
    """Declare a percentage from 1 to 100."""
    return variable(name, default, explanation, unit="percent", ge=1, le=100)


def require_order(*ascending: tuple[str, float]) -> None:
    """Raise ValueError unless the values of these variables ascend."""
    for (lower_name, lower), (upper_name, upper) in itertools.pairwise(ascending):
        if lower >= upper:
            raise ValueError(
                f"{upper_name}={upper:g} is not allowed: set it above {lower_name}={lower:g}"
            )
