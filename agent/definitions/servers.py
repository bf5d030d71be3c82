"""Reads the MCP servers of an agent's TOML file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from agent.definitions.keys import SERVERS
from agent.definitions.problems import DefinitionError, Problem, unknown
from agent.mcp.definition import CALL_SECONDS, START_SECONDS, MCPServerDefinition, Transport
from agent.observability.masking import mask_also
from agent.settings.fields import HTTP_ADDRESS
from services.web.http.addresses import password_in

MOST_SERVERS = 16

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OF_COMMAND = ("env",)
_OF_ADDRESS = ("token_env", "headers_env", "transport")


def read_servers(
    file: Path, tables: Mapping[str, Mapping[str, Any]], variables: Mapping[str, str]
) -> tuple[MCPServerDefinition, ...]:
    """Read the servers from their tables, whose keys are known and have the right types.

    `variables` are those of the environment, which hold the secrets.

    Raises:
        DefinitionError: with a problem for each thing that is wrong.
    """
    problems = [problem for name, keys in tables.items() for problem in _wrong(name, keys)]
    if len(tables) > MOST_SERVERS:
        problems.append(f"[{SERVERS}] has {len(tables)} servers, more than {MOST_SERVERS}")
    for name, keys in tables.items() if not problems else ():
        for key, variable in _named(keys):
            place = f"{SERVERS}.{name}.{key}"
            if not _VARIABLE.fullmatch(variable):
                # It may be the secret itself.
                problems.append(f"{place} takes the names of environment variables, not values")
            elif not variables.get(variable):
                problems.append(f"{place}: the environment has no variable {variable!r}")
    if problems:
        raise DefinitionError(Problem(file.name, problem) for problem in problems)
    servers = tuple(_server(file, name, keys, variables) for name, keys in tables.items())
    for server in servers:
        secrets = (*server.env.values(), *server.headers.values())
        mask_also(secret.get_secret_value().removeprefix("Bearer ") for secret in secrets)
        mask_also([password_in(server.url)])
    return servers


def _wrong(name: str, keys: Mapping[str, Any]) -> Iterator[str]:
    place = f"{SERVERS}.{name}"
    if not _NAME.fullmatch(name):
        yield f"{place}: a name has up to 32 letters, digits, dashes and underscores"
    command, url = _texts(keys.get("command", [])), keys.get("url", "")
    if command and url:
        yield f"{place} has command and url: it is one or the other"
    elif not url and not (command and command[0].strip()):
        yield f"{place} has no command and no url: set one of them"
    elif url and not re.fullmatch(HTTP_ADDRESS, url):
        yield f"{place}.url is no address like http://127.0.0.1:8000/mcp"
    for key in _OF_ADDRESS if command else _OF_COMMAND:
        if key in keys:
            needed = "url" if command else "command"
            yield f"{place}.{key} belongs to a server with {needed}"
    transports = ("streamable_http", "sse")
    if keys.get("transport", "sse") not in transports:
        yield f"{place}.transport: {unknown(keys['transport'], transports, 'transport')}"
    for header in keys.get("headers_env", {}):
        if not _HEADER.fullmatch(header):
            yield f"{place}.headers_env: {header!r} is no name of a header"
    if "\0" in "".join(command):
        yield f"{place}.command contains a null character"


def _named(keys: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each environment variable that is named, with the key that names it."""
    for variable in _texts(keys.get("env", [])):
        yield "env", variable
    if "token_env" in keys:
        yield "token_env", keys["token_env"]
    for variable in keys.get("headers_env", {}).values():
        yield "headers_env", variable


def _server(
    file: Path, name: str, keys: Mapping[str, Any], variables: Mapping[str, str]
) -> MCPServerDefinition:
    url = keys.get("url", "")
    by_address: Transport = (
        "sse" if urlsplit(url).path.rstrip("/").endswith("/sse") else ("streamable_http")
    )
    headers = {
        header: SecretStr(variables[variable])
        for header, variable in keys.get("headers_env", {}).items()
    }
    if "token_env" in keys:
        headers["Authorization"] = SecretStr(f"Bearer {variables[keys['token_env']]}")
    return MCPServerDefinition(
        name=name,
        transport=keys.get("transport", by_address) if url else "stdio",
        command=_texts(keys.get("command", [])),
        folder=file.parent.absolute(),
        env={name: SecretStr(variables[name]) for name in _texts(keys.get("env", []))},
        url=url,
        headers=headers,
        tools=_texts(keys["tools"]) if "tools" in keys else None,
        start_seconds=keys.get("start_seconds", START_SECONDS),
        call_seconds=keys.get("call_seconds", CALL_SECONDS),
    )


def _texts(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
