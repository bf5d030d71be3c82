"""Reads text and keys from an owner's files, without running or loading anything."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.definitions.keys import KEYS, SERVER_KEYS, SERVERS, TABLES, Key
from agent.definitions.problems import DefinitionError, Problem, unknown, wrong
from agent.settings import Settings
from services.web.http.addresses import without_password

LARGEST_FILE_BYTES = 1_000_000
MOST_AGENTS = 200
"""Files that are read; a folder with more is taken for another one by mistake."""

_LONGEST_VALUE_CHARACTERS = 60


def read_text(file: Path) -> str:
    """Read a text file; raises DefinitionError where that is impossible."""
    try:
        if not file.is_file():
            raise wrong(file, "it is no file, or a link that leads nowhere")
        if file.stat().st_size > LARGEST_FILE_BYTES:
            raise wrong(file, f"it is larger than {LARGEST_FILE_BYTES // 1000} kB")
        # Some editors begin a file with a byte order mark.
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise wrong(file, "it is no text in UTF-8") from None
    except OSError as error:
        raise wrong(file, f"it cannot be read: {error.strerror or error}") from None
    if "\0" in text:
        raise wrong(file, "it is no text: it contains a null character")
    return text


def read_keys(file: Path) -> dict[str, Any]:
    """Return the keys of a file, dotted; raises DefinitionError unless all are known and fit."""
    try:
        content = tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        raise wrong(file, f"it is no TOML: {error}") from None
    except RecursionError:
        raise wrong(file, "it is no TOML that can be read: it is nested too deeply") from None
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, value in content.items():
        if name == SERVERS:
            problems += _server_problems(value)
        elif name not in TABLES:
            values[name] = value
        elif isinstance(value, dict):
            values.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            problems.append(f"[{name}] is a table of keys, not {shown(value)}")
    for name, value in values.items():
        key = KEYS.get(name)
        if key is None:
            is_table = "." not in name and isinstance(value, dict)
            known = (*TABLES, SERVERS) if is_table else KEYS
            problems.append(unknown(name, known, "table" if is_table else "key"))
        elif not key.fits(value):
            problems.append(not_allowed(key, value))
        elif _has_null(value):
            problems.append(f"{name} contains a null character")
    if problems:
        raise DefinitionError(Problem(file.name, problem) for problem in problems)
    return {**values, SERVERS: content.get(SERVERS, {})}


def _server_problems(servers: object) -> Iterator[str]:
    """Yield what is wrong with the keys of the MCP servers."""
    tables = servers.items() if isinstance(servers, dict) else [("", servers)]
    for server, table in tables:
        if not isinstance(table, dict) or not server:
            yield f"[{SERVERS}] holds a table for each server, such as [{SERVERS}.hotel]"
            return
        known = {f"{SERVERS}.{server}.{name}": key for name, key in SERVER_KEYS.items()}
        for name, value in table.items():
            full = f"{SERVERS}.{server}.{name}"
            if full not in known:
                yield unknown(full, known, "key")
            elif not known[full].fits(value):
                yield not_allowed(replace(known[full], name=full), value)


def beside(file: Path, path: str) -> Path:
    """Return a path that a file names, which starts where the file is."""
    try:
        return file.parent / Path(path).expanduser()
    except RuntimeError:
        # The home of a user who is not known.
        return file.parent / path


def public_agents(settings: Settings) -> list[tuple[str, str]]:
    """Return name and title of each agent that the page offers, without running any file."""
    offered = []
    try:
        files = sorted(settings.agent.folder.glob("*.toml"))
    except OSError:
        return []
    for file in files[:MOST_AGENTS]:
        try:
            keys: dict[str, Any] = read_keys(file)
        except DefinitionError:
            continue
        if keys.get("public"):
            name = keys.get("name", file.stem)
            offered.append((name, keys.get("title", name)))
    return offered


def not_allowed(key: Key, value: object) -> str:
    """Return the sentence for a value that a key does not take."""
    return f"{key.name} = {shown(value)} is not allowed: set it to {key.allowed}"


def _has_null(value: object) -> bool:
    return any("\0" in text for text in (value if isinstance(value, list) else [str(value)]))


def shown(value: object) -> str:
    """Return a value for a sentence, shortened, and without the password of an address."""
    text = repr(without_password(value) if isinstance(value, str) else value)
    cut = text[:_LONGEST_VALUE_CHARACTERS]
    return cut if cut == text else f"{cut}…"
