"""Tools from an owner's Python file."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

from agent.definitions.keys_file import read_text
from agent.definitions.problems import DefinitionError, Problem, told, wrong
from agent.tools import Tool
from agent.tools.registry import registering


def run_file(file: Path) -> ModuleType:
    """Import a Python file under a name of its own; raises DefinitionError whatever it raises.

    The file is trusted code. Modules beside it can be imported by their plain names.
    """
    read_text(file)
    folder = str(file.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    name = f"agent_file_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise wrong(file, "it cannot be imported: give it a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if before is not None:
            sys.modules[name] = before
        else:
            del sys.modules[name]
        raise wrong(file, describe(file, error)) from error
    return module


def describe(file: Path, error: BaseException) -> str:
    """Say what a file raised, and in which of its lines."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"line {error.lineno}: {error.msg}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"it needs the Python package {error.name.split('.')[0]!r}: {error}"
    line, traceback = 0, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(file):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    where = f"line {line}: " if line else ""
    return f"{where}it raises {told(error)}"


def read_tools(file: Path) -> tuple[Tool, ...]:
    """Run a file and return the tools that it makes with `@tool`; raises DefinitionError."""
    try:
        with registering() as found:
            run_file(file)
    except DefinitionError:
        raise
    if not found:
        raise wrong(file, "it makes no tool: decorate a function with @tool() of agent.tools")
    problems = [problem for tool in found.values() for problem in _check(file, tool)]
    if problems:
        raise DefinitionError(problems)
    return tuple(found.values())


def _check(file: Path, tool: Tool) -> list[Problem]:
    """Check what the language model reads of a tool."""
    problems = []
    if not inspect.getdoc(tool.function):
        problems.append(f"{tool.name} has no docstring: it tells the language model what it does")
    signature = inspect.signature(tool.function)
    untyped = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is inspect.Parameter.empty
    ]
    problems += [f"the parameter {name!r} of {tool.name} has no type" for name in untyped]
    return [Problem(file.name, problem) for problem in problems]
