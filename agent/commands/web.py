"""`python -m agent web`: the page and its tokens, apart from any worker."""

from __future__ import annotations

import argparse
import sys

from agent.settings import Settings, SettingsError, require_livekit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve the page until SIGTERM."""
    try:
        require_livekit(settings.livekit)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    from agent.runtime.application import Role, serve

    return serve(settings, Role.WEB)
