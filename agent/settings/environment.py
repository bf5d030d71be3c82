"""Environment variables of the settings: their description, reading and errors."""

import difflib
import io
import os
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from dotenv import dotenv_values
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from services.web.http.addresses import without_password

_SHOWN_VALUE_CHARACTERS = 80
_NEAR_MATCH = 0.8
"""Similarity above which an unknown variable counts as a mistyped one."""


class SettingsError(Exception):
    """The settings cannot be used; the text is one line for the person who set them."""


@dataclass(frozen=True)
class BoundVariable:
    """An environment variable together with its place in the settings."""

    name: str
    group: str
    field: str
    info: FieldInfo

    @property
    def secret(self) -> bool:
        """Whether its value must never be shown."""
        return self.info.annotation is SecretStr

    @property
    def default(self) -> str:
        """Its default as it would be written in `.env`."""
        return _as_text(self.info.get_default(call_default_factory=True))

    @property
    def explanation(self) -> str:
        """Its effect, in one line."""
        return self.info.description or ""

    @property
    def unit(self) -> str:
        """Unit of its value in the plural; may be empty."""
        return _extra(self.info, "unit")

    @property
    def allowed(self) -> str:
        """Allowed values, in words."""
        return allowed_values(self.info)


def allowed_values(info: FieldInfo) -> str:
    """Return which values a field of a group may have, in words."""
    return _extra(info, "allowed") or _allowed_by_type(info)


def variables_of(settings: type[BaseModel]) -> Iterator[BoundVariable]:
    """Yield every variable of a settings model whose fields are groups of fields."""
    for group_name, group_info in settings.model_fields.items():
        group = group_info.annotation
        assert isinstance(group, type)
        assert issubclass(group, BaseModel)
        for field_name, info in group.model_fields.items():
            yield BoundVariable(_extra(info, "variable"), group_name, field_name, info)


def read_variables(env_file: Path | None) -> dict[str, str]:
    """Read the variables of `env_file`, if it exists, overridden by those of the process.

    An empty value counts as not set. Raises SettingsError for a file that cannot be read.
    """
    values: dict[str, str | None] = {}
    if env_file is not None:
        try:
            text = env_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{env_file} cannot be read as text: {error}") from None
        values.update(dotenv_values(stream=io.StringIO(text), interpolate=False))
    values.update(os.environ)
    return {name: value.strip() for name, value in values.items() if value and value.strip()}


def near_matches(settings: type[BaseModel], names: Mapping[str, str]) -> dict[str, str]:
    """Return names that look like a mistyped variable, each with the one meant."""
    known = {bound.name for bound in variables_of(settings)}
    prefixes = {name.split("_", 1)[0] for name in known if "_" in name}
    found = {}
    for name in sorted(names.keys() - known):
        if name.upper() in known:
            found[name] = name.upper()
        elif name.split("_", 1)[0] in prefixes:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=_NEAR_MATCH)
            if near:
                found[name] = near[0]
    return found


def describe_errors(
    settings: type[BaseModel], error: ValidationError, values: Mapping[str, str]
) -> str:
    """Return one line that names each wrong variable, its value and the allowed values."""
    by_place = {(bound.group, bound.field): bound for bound in variables_of(settings)}
    lines = []
    for problem in error.errors(include_url=False):
        place = tuple(str(part) for part in problem["loc"][:2])
        bound = by_place.get((place[0], place[1])) if len(place) == 2 else None
        if bound is None:
            lines.append(_own_words(problem["msg"]))
            continue
        name = bound.name
        shown = "(not shown)" if bound.secret else _shortened(values.get(name, ""))
        lines.append(f"{name}={shown} is not allowed: set it to {bound.allowed}")
    return "; ".join(dict.fromkeys(lines))


def _extra(info: FieldInfo, key: str) -> str:
    extra = info.json_schema_extra
    return str(extra[key]) if isinstance(extra, dict) else ""


def _own_words(message: str) -> str:
    return message.removeprefix("Value error, ")


def _shortened(value: str) -> str:
    text = without_password(value)
    text = text if text.isprintable() else repr(text)
    if len(text) <= _SHOWN_VALUE_CHARACTERS:
        return text
    return f"{text[:_SHOWN_VALUE_CHARACTERS]}…"


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _allowed_by_type(info: FieldInfo) -> str:
    annotation = info.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(item for item in get_args(annotation) if item is not type(None))
    if get_origin(annotation) is Literal:
        choices = [str(choice) for choice in get_args(annotation)]
        return f"{', '.join(choices[:-1])} or {choices[-1]}"
    if annotation is bool:
        return "true or false"
    if annotation is int:
        return f"a whole number{_bounds(info)}"
    if annotation is float:
        return f"a number{_bounds(info)}"
    if annotation is Path:
        return "a path"
    return "a text"


def _bounds(info: FieldInfo) -> str:
    low = high = None
    for item in info.metadata:
        match item:
            case Ge(ge=bound):
                low = f"from {_as_text(bound)}"
            case Gt(gt=bound):
                low = f"above {_as_text(bound)}"
            case Le(le=bound):
                high = f"to {_as_text(bound)}"
            case Lt(lt=bound):
                high = f"below {_as_text(bound)}"
    return "".join(f" {part}" for part in (low, high) if part)
