"""The command line of the plugin, which lists and fetches models."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..models import ASR_CATALOGUE, ModelError, find_voices
from ..program import program
from .download import default_models, download
from .engines import models_folder


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=program(), description="Models of livekit-plugins-local-speech."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    files = commands.add_parser("download-files", help="fetch models, or list them")
    files.add_argument("names", nargs="*", metavar="NAME", help="recognisers and voices")
    for kind in ("asr", "voice", "turn"):
        files.add_argument(f"--{kind}", metavar="NAME", help="the same, as errors name a model")
    files.add_argument("--list", action="store_true", help="show the names and fetch nothing")
    arguments = parser.parse_args(argv)
    if arguments.list:
        _list()
        return 0
    named = (arguments.asr, arguments.voice, arguments.turn)
    try:
        download([*arguments.names, *(name for name in named if name)])
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _list() -> None:
    voices = [voice for voice in find_voices() if not voice.demo]
    print("Recognisers:", ", ".join(n for n, e in ASR_CATALOGUE.items() if not e.demo))
    for language in sorted({voice.language for voice in voices}):
        print(f"Voices, {language}:", ", ".join(v.name for v in voices if v.language == language))
    print(f"Without a name: {', '.join(default_models())}, into {models_folder()}")
