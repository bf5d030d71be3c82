"""`python -m agent speech`: one copy of the models for all workers of this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The socket, where it is not that of the settings."""
    parser.add_argument("--socket", type=Path, metavar="PATH", help="instead of SPEECH_SOCKET")
    parser.epilog = (
        "Workers with the same SPEECH_SOCKET use its models in place of their own. Only processes "
        "of the same user can use it. docs/speech-process.md describes it."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve models until SIGTERM."""
    socket = arguments.socket or settings.models.socket
    if socket is None:
        print(
            "SPEECH_SOCKET is not set: set it, for this process and for the workers, to a path in "
            "a folder of this user alone, such as /run/user/1000/local-voice-agent/speech.sock",
            file=sys.stderr,
        )
        return 2
    from agent.runtime.application import Role, serve

    models = settings.models.model_copy(update={"socket": socket})
    return serve(settings.model_copy(update={"models": models}), Role.SPEECH)
