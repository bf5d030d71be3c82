"""`python -m agent`: the command line of the voice agent."""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from agent.distribution import SCRIPT, env_example, version
from agent.settings import Settings, SettingsError, read_settings
from services.host.allocator import keep_native_memory_small
from services.program import program, run_as

_STANDARD_ERROR = 2
_EXIT_INTERRUPTED = 130

_COMMANDS = {
    "dev": "serve the agent and its page on this machine, with a LiveKit server of its own",
    "start": "serve rooms of a LiveKit server, for production",
    "speech": "serve speech models to the workers of this machine, for production",
    "web": "serve the page and its tokens, for production",
    "console": "talk to the agent here, without a server (--text: type instead)",
    "connect": "send the agent into one room of a LiveKit server",
    "download-files": "fetch speech models",
    "transcribe": "write down what is said in audio files",
    "say": "speak a text",
    "api-keys": "make, list and revoke keys of the audio API",
    "check": "check the agents in the folder of agents",
    "doctor": "check what is installed, reachable and loadable, and how fast it is",
    "memory": "watch the memory of a running worker",
}


class Command(Protocol):
    """Interface of the command modules in `agent.commands`."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, arguments: argparse.Namespace, settings: Settings) -> int:
        """Run the command; returns the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, read the settings, run the command; returns the exit status."""
    keep_native_memory_small()
    _open_missing_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog=program(),
        description="A voice agent that runs wholly on this machine.",
        epilog=f"Settings come from the environment and from .env; {env_example()} lists them all.",
    )
    parser.add_argument("--version", action="version", version=version())
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = next((word for word in words if not word.startswith("-")), None)
    for name, text in _COMMANDS.items():
        subparser = subparsers.add_parser(name, help=text, description=text)
        if name == wanted:
            # Only this one is imported: some commands take seconds and much memory to load.
            _load(name).add_arguments(subparser)
    arguments = parser.parse_args(words)
    try:
        settings = read_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return _load(arguments.command).run(arguments, settings)


def _open_missing_streams() -> None:
    """Send output to the null device where standard output or error is closed.

    Else the first line ends the process, and the next file that is opened takes the number.
    """
    for number in (1, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def _load(name: str) -> Command:
    module = importlib.import_module(f"agent.commands.{name.replace('-', '_')}")
    return cast(Command, module)


def voice_agent() -> int:
    """Run the command of an installation."""
    run_as(SCRIPT)
    return _main_or_interrupted()


def _main_or_interrupted() -> int:
    # A crash in native code ends the process without a word; this writes where each thread was.
    faulthandler.enable(_STANDARD_ERROR)
    try:
        return main()
    except KeyboardInterrupt:
        # During the seconds of importing there is nothing to end in order.
        return _EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(_main_or_interrupted())
