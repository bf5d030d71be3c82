"""Reads an agent's TOML file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from agent.definitions.definition import AgentDefinition
from agent.definitions.keys import KEYS, SERVERS, Key
from agent.definitions.keys_file import beside, not_allowed, read_keys, read_text, shown
from agent.definitions.problems import DefinitionError, Problem, unknown, wrong
from agent.definitions.servers import read_servers
from agent.definitions.tool_files import read_tools
from agent.settings import Settings
from agent.tools import REGISTRY, Tool

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"


def read_toml(
    file: Path, process: Settings, variables: Mapping[str, str], *, coded: bool = False
) -> AgentDefinition:
    """Read an agent; `variables` are those of the environment, for keys of endpoints.

    `coded`: the agent itself is written in Python beside this file, which has the rest.

    Raises:
        DefinitionError: with a problem for each wrong key.
    """
    values = read_keys(file)
    problems: list[Problem] = []
    files = [file]

    def attempt(read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except DefinitionError as error:
            problems.extend(error.problems)
            return None

    name = values.get("name", file.stem)
    attempt(_check_name, file, name)
    if coded:
        attempt(_refuse_in_coded, file, values)
    if "instructions_file" in values:
        text_file = beside(file, values["instructions_file"])
        files.append(text_file)
        values["instructions"] = attempt(read_text, text_file) or ""
    overrides = attempt(_overrides, file, values, process, variables) or {}
    tools: list[Tool] = list(attempt(_builtin_tools, file, values, coded) or ())
    for path in _texts(values.get("tools.files", [])):
        tool_file = beside(file, path)
        files.append(tool_file)
        for tool in attempt(read_tools, tool_file) or ():
            if tool.name in {other.name for other in tools}:
                text = (
                    f"there are two tools named {tool.name!r}: rename the one in {tool_file.name}"
                )
                problems.append(Problem(file.name, text))
            tools.append(tool)
    servers = attempt(read_servers, file, values[SERVERS], variables) or ()
    if problems:
        raise DefinitionError(problems)
    return AgentDefinition(
        name=name,
        title=values.get("title", name),
        public=values.get("public", False),
        default=values.get("default", False),
        rooms=_texts(values.get("rooms", [])),
        prewarm=values.get("prewarm", False),
        overrides=overrides,
        tools=tuple(tools),
        servers=servers,
        files=tuple(files),
    )


def _check_name(file: Path, name: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise wrong(
            file,
            f"name = {shown(name)} is not allowed: up to 64 letters, digits, dots, dashes and "
            "underscores",
        )


def _refuse_in_coded(file: Path, values: Mapping[str, Any]) -> None:
    for name in ("instructions", "instructions_file", "greeting"):
        if name in values:
            code = file.with_suffix(".py").name
            raise wrong(file, f"{name} belongs to the agent in {code}: delete it here")


def _overrides(
    file: Path, values: Mapping[str, Any], process: Settings, variables: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Return the settings that differ, checked by the groups that they belong to."""
    wanted: dict[str, dict[str, Any]] = {}
    keys: dict[tuple[str, str], Key] = {}
    for name, value in values.items():
        key = KEYS.get(name)
        if key is not None and key.setting:
            group, field = key.setting.split(".")
            keys[group, field] = key
            if name in ("voice.name", "recogniser.model"):
                names = tuple(_model(file, text) for text in _texts(value))
                value = names if key.kind == "texts" else names[0]
            if name == "records.folder" and isinstance(value, str) and value:
                value = str(beside(file, value))
            wanted.setdefault(group, {})[field] = _texts(value) if key.kind == "texts" else value
    problems = []
    for group, address, field in (
        ("llm", "base_url", "api_key"),
        ("records", "webhook", "webhook_secret"),
    ):
        if variable := values.get(f"{group}.{field}_env"):
            secret = variables.get(variable, "")
            if not secret:
                problems.append(
                    f"{group}.{field}_env: the environment has no variable {variable!r}"
                )
            wanted.setdefault(group, {})[field] = SecretStr(secret or "missing in the environment")
        elif f"{group}.{address}" in values:
            # The secret of the settings belongs to the address of the settings.
            wanted[group][field] = SecretStr("")
    acoustic = ("acoustic", "model")
    detection = values.get("turn.detection")
    if detection in acoustic and process.turn.detection not in acoustic:
        # Its model belongs to the process, which has not loaded it.
        problems.append(f"turn.detection = {shown(detection)} needs TURN_DETECTION=acoustic")
    checked: dict[str, dict[str, Any]] = {}
    for group, fields in wanted.items():
        now = getattr(process, group)
        try:
            new = type(now).model_validate({**_set_in(now), **fields})
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                field = str(problem["loc"][0]) if problem["loc"] else ""
                wrong_key = keys.get((group, field))
                problems.append(
                    not_allowed(wrong_key, fields.get(field))
                    if wrong_key is not None
                    else problem["msg"].removeprefix("Value error, ")
                )
            continue
        checked[group] = {field: getattr(new, field) for field in fields}
    if problems:
        raise DefinitionError(Problem(file.name, problem) for problem in dict.fromkeys(problems))
    return checked


def _set_in(group: BaseModel) -> dict[str, Any]:
    """Return the fields that are not at their default, which need not fit their own bounds."""
    fields = type(group).model_fields
    return {name: value for name, value in group if value != fields[name].default}


def _builtin_tools(file: Path, values: Mapping[str, Any], coded: bool) -> tuple[Tool, ...]:
    wanted = values.get("tools.builtin", not coded)
    if isinstance(wanted, bool):
        return tuple(REGISTRY.values()) if wanted else ()
    unknown_names = [name for name in wanted if name not in REGISTRY]
    if unknown_names:
        raise DefinitionError(
            Problem(file.name, f"tools.builtin: {unknown(name, REGISTRY, 'built-in tool')}")
            for name in unknown_names
        )
    return tuple(REGISTRY[name] for name in dict.fromkeys(wanted))


def _model(file: Path, name: str) -> str:
    """Return a model's name, or the path of one beside the file."""
    path = beside(file, name)
    is_path = "/" in name or name.endswith(".onnx")
    return str(path) if is_path and _exists(path) else name


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # Such as a name that is too long.
        return False


def _texts(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
