"""The folder of agents: read whole, read again when a file changes, chosen from for each call."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.definitions.definition import BUILT_IN, AgentDefinition
from agent.definitions.keys_file import MOST_AGENTS, beside, read_keys
from agent.definitions.problems import DefinitionError, Problem, told, wrong
from agent.definitions.python_file import read_python
from agent.definitions.toml_file import NAME_PATTERN, read_toml
from agent.observability.masking import mask_also
from agent.settings import Settings

logger = logging.getLogger("agent.definitions")

_SUFFIXES = (".toml", ".py")
_LEFT_OUT = (".", "_", "test_", "conftest.")
_Stamps = Mapping[Path, tuple[int, int] | None]


class NoSuchAgentError(Exception):
    """A call asks for an agent that is not there; the text is a sentence for the caller."""


@dataclass(frozen=True, slots=True)
class Agents:
    """What a folder holds at one moment."""

    by_name: Mapping[str, AgentDefinition]
    problems: tuple[Problem, ...] = ()

    @property
    def default(self) -> AgentDefinition:
        """Who answers where nothing else is asked for.

        The one that says so; without, the only one there is, or the built-in assistant.
        """
        marked = [agent for agent in self.by_name.values() if agent.default]
        if marked:
            return marked[0]
        return next(iter(self.by_name.values())) if len(self.by_name) == 1 else BUILT_IN

    @property
    def public(self) -> list[AgentDefinition]:
        """Those that the page offers."""
        return [agent for agent in self.by_name.values() if agent.public]

    def choose(self, asked: str, room: str) -> AgentDefinition:
        """Return who answers a call: the agent it asks for, else by its room, else the default.

        Raises NoSuchAgentError.
        """
        if asked:
            found = self.by_name.get(asked)
            if found is None:
                raise NoSuchAgentError(f"There is no agent named {_printable(asked)} here.")
            return found
        for agent in self.by_name.values():
            if agent.answers(room):
                return agent
        return self.default


class AgentFolder:
    """Reads the agents of a folder. Safe from any thread; reading blocks on the disk."""

    def __init__(self, settings: Settings, variables: Mapping[str, str] | None = None) -> None:
        """`variables` are those of the environment; by default the process's own."""
        self._settings = settings
        self._folder = settings.agent.folder
        self._variables = os.environ if variables is None else variables
        self._lock = threading.Lock()
        self._good: dict[str, AgentDefinition] = {}
        """The last usable state of each file, by stem."""
        self._stamps: _Stamps = {}
        self._named: set[Path] = set()
        """Files that TOML files name, whether or not those can be used."""
        self._agents = Agents({})

    @property
    def agents(self) -> Agents:
        """What was read last."""
        return self._agents

    def read(self) -> Agents:
        """Read all files that changed since the last time; the others stay as they are.

        A file that is unusable now keeps its last usable state, and its problem says so.
        """
        with self._lock:
            stems, problems = self._found()
            stamps = self._stamp(stems.values())
            if stamps == self._stamps and self._stamps:
                return self._agents
            read: dict[str, AgentDefinition] = {}
            for stem, files in stems.items():
                known = self._good.get(stem)
                if known is not None and self._unchanged(known, files, stamps):
                    read[stem] = known
                    continue
                try:
                    read[stem] = self._read(files)
                except DefinitionError as error:
                    kept = ""
                    if known is not None:
                        read[stem] = known
                        kept = " (calls still get what it was before)"
                    problems += [
                        Problem(problem.file, f"{problem.text}{kept}") for problem in error.problems
                    ]
            self._good = read
            agents, more = _together(read.values())
            self._agents = Agents(agents, (*problems, *more))
            self._stamps = self._stamp(stems.values())
            for problem in self._agents.problems:
                logger.error("agent file is wrong", extra={"problem": str(problem)})
            return self._agents

    def _found(self) -> tuple[dict[str, list[Path]], list[Problem]]:
        """Return the files of each agent by stem, the TOML file first."""
        folder = self._folder
        try:
            files = sorted(
                file
                for file in folder.iterdir()
                if file.suffix in _SUFFIXES and not file.name.startswith(_LEFT_OUT)
            )
        except FileNotFoundError:
            return {}, []
        except OSError as error:
            return {}, [Problem(str(folder), f"it cannot be read: {error.strerror or error}")]
        if len(files) > MOST_AGENTS:
            text = f"it holds {len(files)} files, more than {MOST_AGENTS}: set AGENTS_DIR"
            return {}, [Problem(str(folder), text)]
        stems: dict[str, list[Path]] = {}
        for file in sorted(files, key=lambda file: file.suffix, reverse=True):
            stems.setdefault(file.stem, []).append(file)
        tools = self._read_named(files)
        return {
            stem: stems[stem]
            for stem in sorted(stems)
            if not (stems[stem][0].suffix == ".py" and _real(stems[stem][0]) in tools)
        }, []

    def _read_named(self, files: Iterable[Path]) -> set[Path]:
        """Note the files that TOML files name; return those with tools, which are no agents."""
        tools: set[Path] = set()
        self._named = set()
        for file in files:
            if file.suffix == ".toml":
                try:
                    keys = read_keys(file)
                except DefinitionError:
                    continue
                for key in ("tools.files", "instructions_file"):
                    paths = keys.get(key, [])
                    paths = [paths] if isinstance(paths, str) else paths
                    named = {beside(file, path) for path in paths}
                    self._named |= named
                    if key == "tools.files":
                        tools |= {_real(path) for path in named}
        return tools

    def _read(self, files: list[Path]) -> AgentDefinition:
        """Read one agent; raises DefinitionError whatever is wrong with it."""
        try:
            return self._read_files(files)
        except DefinitionError:
            raise
        except Exception as error:
            logger.debug("agent file not read", exc_info=True)
            raise wrong(files[0], f"it cannot be read: {told(error)}") from error

    def _read_files(self, files: list[Path]) -> AgentDefinition:
        first = files[0]
        code = first if first.suffix == ".py" else None
        if len(files) > 1:
            code = files[1]
        if first.suffix == ".toml":
            definition = read_toml(first, self._settings, self._variables, coded=code is not None)
            mask_also(definition.settings(self._settings).secrets)
        else:
            definition = _bare(first)
        if code is None:
            return definition
        make, make_userdata = read_python(code)
        return replace(
            definition,
            make=make,
            make_userdata=make_userdata,
            files=tuple(dict.fromkeys((*definition.files, code))),
        )

    def _stamp(self, stems: Iterable[list[Path]]) -> dict[Path, tuple[int, int] | None]:
        """Return the times and sizes of all files that matter."""
        files = {file for found in stems for file in found}
        files |= self._named | {file for agent in self._good.values() for file in agent.files}
        return {file: _stamp(file) for file in files}

    def _unchanged(self, agent: AgentDefinition, files: list[Path], stamps: _Stamps) -> bool:
        return set(files) <= set(agent.files) and all(
            stamps.get(file) == self._stamps.get(file) for file in agent.files
        )


def _bare(code: Path) -> AgentDefinition:
    if not re.fullmatch(NAME_PATTERN, code.stem):
        text = "its name is not allowed: use letters, digits, dots, dashes and underscores"
        raise DefinitionError([Problem(code.name, text)])
    return AgentDefinition(code.stem, title=code.stem, tools=(), files=(code,))


def _together(
    agents: Iterable[AgentDefinition],
) -> tuple[dict[str, AgentDefinition], list[Problem]]:
    """Return the agents by name; of two that claim the same, the first one has it."""
    problems: list[Problem] = []
    by_name: dict[str, AgentDefinition] = {}
    default: AgentDefinition | None = None
    for agent in agents:
        file = agent.files[0].name
        if agent.name in by_name:
            other = by_name[agent.name].files[0].name
            text = f"{other} is named {agent.name!r} too: give one of them another name"
            problems.append(Problem(file, text))
            continue
        if agent.default and default is not None:
            other = default.files[0].name
            text = f"{other} is the default too: only one agent can be"
            problems.append(Problem(file, text))
            agent = replace(agent, default=False)
        elif agent.default:
            default = agent
        by_name[agent.name] = agent
    return by_name, problems


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _real(file: Path) -> Path:
    try:
        return file.resolve()
    except (OSError, RuntimeError):
        return file


def _printable(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[:64]
