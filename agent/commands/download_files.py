"""`python -m agent download-files`: fetches speech models."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from agent.command_line import EXIT_FAILED, CommandError, complain, finish
from agent.settings import Settings

_COMMAND = "python -m agent download-files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which models."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--asr", metavar="NAME", help="this recogniser of the catalogue; see --list"
    )
    parser.add_argument("--voice", metavar="NAME", help="this voice of the catalogue; see --list")
    parser.add_argument("--list", action="store_true", help="show the catalogue; fetch nothing")
    parser.add_argument(
        "--or-demo",
        action="store_true",
        help="succeed where nothing can be fetched, since the demo pair serves; for set-up scripts",
    )
    parser.epilog = (
        "Without names it fetches the models that ASR_MODEL and TTS_VOICE name, into the folder\n"
        "WHISPER_MODEL_PATH. What is there already is checked and not fetched again; a download\n"
        "that was broken off goes on where it ended."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Fetch what is missing; 1 when something could not be fetched."""
    return finish("download-files", settings, lambda: _run(arguments, settings))


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    asr: str | None = arguments.asr
    voice: str | None = arguments.voice
    cache = settings.models.cache
    if arguments.list:
        _list(settings)
        return 0
    if settings.models.choice == "demo":
        if asr or voice:
            raise CommandError("MODELS=demo is set, so nothing is fetched: remove it first")
        print("MODELS=demo is set: the demo pair is part of this package, nothing is fetched.")
        return 0

    from services.models import HubUnreachable, ModelError

    if asr is None and voice is None:
        asr, voice = settings.asr.model, settings.voice.voice
    problems: list[ModelError] = []
    try:
        for name, fetch in ((asr, _fetch_asr), (voice, _fetch_voice)):
            # Where the hub was silent for one it would be for the other.
            if name is not None and not any(isinstance(p, HubUnreachable) for p in problems):
                try:
                    fetch(name, cache)
                except ModelError as problem:
                    problems.append(problem)
    except KeyboardInterrupt:
        complain("download-files", "interrupted; what has come is kept, the same command goes on")
        raise
    if problems:
        complain("download-files", f"{' '.join(map(str, problems))} {_what_now(arguments)}")
        return 0 if arguments.or_demo else EXIT_FAILED
    _say_how_to_use(asr, voice, settings)
    return 0


def _fetch_asr(name: str, cache: Path) -> None:
    from services.models import ConsoleProgress, fetch_asr, resolve_asr

    _fetch(
        name,
        lambda: resolve_asr(name, cache=cache).folder,
        lambda: fetch_asr(name, cache=cache, progress=ConsoleProgress()).folder,
    )


def _fetch_voice(name: str, cache: Path) -> None:
    from services.models import ConsoleProgress, fetch_voice, resolve_voice

    _fetch(
        name,
        lambda: resolve_voice(name, cache=cache).model.parent,
        lambda: fetch_voice(name, cache=cache, progress=ConsoleProgress()).model.parent,
    )


def _fetch(name: str, find: Callable[[], Path], fetch: Callable[[], Path]) -> None:
    """Fetch a model unless it can be found; raises ModelError, CommandError for a wrong name."""
    from services.models import ASR_CATALOGUE, VOICE_CATALOGUE, ModelError

    try:
        folder = find()
    except ModelError as error:
        if name not in ASR_CATALOGUE and name not in VOICE_CATALOGUE:
            # A path, or a mistyped name: there is nothing to fetch.
            raise CommandError(str(error)) from error
    else:
        print(f"{name} is here, whole and checked: {folder}", flush=True)
        return
    folder = fetch()
    print(f"{name} is fetched and checked: {folder}", flush=True)


def _what_now(arguments: argparse.Namespace) -> str:
    names = "".join(
        f" --{option} {name}"
        for option, name in (("asr", arguments.asr), ("voice", arguments.voice))
        if name
    )
    return f"Until then the demo models serve. Try again: {_COMMAND}{names}"


def _say_how_to_use(asr: str | None, voice: str | None, settings: Settings) -> None:
    wanted = []
    if asr is not None and asr != settings.asr.model:
        wanted.append(f"ASR_MODEL={asr}")
    if voice is not None and voice != settings.voice.voice:
        wanted.append(f"TTS_VOICE={voice}")
    if wanted:
        print(f"To use it, set {' and '.join(wanted)} in .env.")


def _list(settings: Settings) -> None:
    from services.models import ASR_CATALOGUE, VOICE_CATALOGUE, summary
    from services.models.resolve import asr_folder, voice_folder

    cache = settings.models.cache
    print("Recognisers (--asr NAME, ASR_MODEL):")
    for name, asr in ASR_CATALOGUE.items():
        mark = _mark(asr.demo or asr_folder(name, cache).is_dir(), name == settings.asr.model)
        print(f"  {mark}{summary(asr)}")
    print("Voices (--voice NAME, TTS_VOICE):")
    for name, voice in VOICE_CATALOGUE.items():
        mark = _mark(voice.demo or voice_folder(name, cache).is_dir(), name == settings.voice.voice)
        print(f"  {mark}{summary(voice)}")
    print("(* configured, + on this machine)")


def _mark(here: bool, configured: bool) -> str:
    return f"{'*' if configured else ' '}{'+' if here else ' '} "
