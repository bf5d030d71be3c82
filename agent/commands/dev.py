"""`python -m agent dev`: everything on this machine, one command."""

from __future__ import annotations

import argparse

from agent.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until Ctrl-C."""
    from agent.runtime.application import Role, serve

    return serve(settings, Role.DEV)
