"""`python -m agent transcribe`: writes down what is said in audio files."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agent.commands.command_line import (
    EXIT_FAILED,
    EXIT_USAGE,
    CommandError,
    complain,
    finish_async,
)
from agent.commands.output_file import check_writable, output_file
from agent.distribution import env_example
from agent.settings import Settings
from services.program import program

if TYPE_CHECKING:
    from agent.commands.transcripts import Transcript
    from services.asr.config import DecodeOptions
    from services.asr.files import Segment
    from services.shared.engines import SharedEngines

Form = Literal["text", "json", "srt", "vtt"]
_SUFFIXES: dict[Form, str] = {"text": ".txt", "json": ".json", "srt": ".srt", "vtt": ".vtt"}
_SUBTITLES = ("srt", "vtt")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, form and place of the output."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="audio or video in any common format"
    )
    parser.add_argument(
        "--format",
        choices=list(_SUFFIXES),
        default="text",
        help="text: a line for each stretch of speech (default); json: a list with an object for "
        "each file, with times; srt, vtt: subtitles",
    )
    parser.add_argument("--words", action="store_true", help="in JSON, the time of each word too")
    parser.add_argument(
        "--speakers",
        type=_names,
        default=(),
        metavar="NAME,NAME",
        help="for files with a channel for each speaker, as recordings of calls have: transcribe "
        "each channel by itself, and write down who speaks",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        help="write to this file; or, where it is an existing folder, "
        "one file into it for each input",
    )
    parser.epilog = (
        "examples:\n"
        f"  {program()} transcribe meeting.mp3\n"
        f"  {program()} transcribe --format srt talk.mp4 -o talk.srt\n"
        f"  {program()} transcribe --format json --words *.wav -o transcripts/\n"
        f"  {program()} transcribe --format vtt --speakers Ada,Ben call.wav -o call.vtt\n"
        "\n"
        f"ASR_MODEL names the model and ASR_LANGUAGE the language; see {env_example()}."
    )


def _names(text: str) -> tuple[str, ...]:
    names = tuple(" ".join(name.split()) for name in text.split(","))
    if len(names) < 2 or not all(names):
        raise argparse.ArgumentTypeError("name the speaker of each channel: NAME,NAME")
    return names


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Transcribe all files with one loaded model; returns 1 when one of them failed."""
    return finish_async("transcribe", settings, lambda: _run(arguments, settings))


async def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    paths: list[Path] = arguments.files
    form: Form = arguments.format
    output: Path | None = arguments.output
    speakers: tuple[str, ...] = arguments.speakers
    targets = _targets(paths, form, output)

    from agent.runtime.engines import engine_config
    from services.asr.config import ASRLoadError, DecodeOptions
    from services.models import ModelError
    from services.shared.engines import SharedEngines
    from services.vad.silero import VoiceActivityLoadError

    options = DecodeOptions(
        hotwords=settings.asr.hotwords,
        prompt=settings.asr.prompt,
        words=form in _SUBTITLES or (form == "json" and arguments.words),
    )
    speech = SharedEngines(engine_config(settings))
    transcripts: list[Transcript] = []
    try:
        await speech.voice_activity.get()
        await speech.asr.get()
        for notice in speech.notices:
            complain("transcribe", notice)
        # Text is shown while it comes; the other forms need the whole.
        live = form == "text" and output is None and not speakers
        for path in paths:
            if live and len(paths) > 1:
                _show_heading(path, first=not transcripts)
            transcript = await _transcribe(path, speech, options, speakers, live=live)
            transcripts.append(transcript)
            if transcript.error:
                complain("transcribe", f"{path} {transcript.error}")
            elif path in targets:
                _write(targets[path], form, [transcript])
    except (ASRLoadError, ModelError, VoiceActivityLoadError) as error:
        raise CommandError(str(error)) from error
    finally:
        speech.close()
    failed = any(transcript.error for transcript in transcripts)
    if form in _SUBTITLES and failed:
        return EXIT_FAILED
    if output is not None and not targets:
        _write(output, form, transcripts)
    elif not targets and not live:
        sys.stdout.write(_written(form, transcripts))
    return EXIT_FAILED if failed else 0


def _targets(paths: list[Path], form: Form, output: Path | None) -> dict[Path, Path]:
    """Return where each file's transcript goes, when each has a file of its own.

    Raises CommandError when the output cannot be as asked for.
    """
    if output is None or not output.is_dir():
        if form in _SUBTITLES and len(paths) > 1:
            raise CommandError(
                "subtitles belong to one file: give one FILE, or an existing folder with -o",
                status=EXIT_USAGE,
            )
        if output is not None:
            check_writable(output)
        return {}
    targets = {path: output / f"{path.stem}{_SUFFIXES[form]}" for path in paths}
    if len(set(targets.values())) < len(targets):
        raise CommandError(
            f"two of the files have the same name, and {output} can take only one of them",
            status=EXIT_USAGE,
        )
    for target in targets.values():
        check_writable(target)
    return targets


def _show_heading(path: Path, *, first: bool) -> None:
    from agent.commands.transcripts import heading

    if not first:
        print()
    print(heading(path), flush=True)


async def _transcribe(
    path: Path,
    speech: SharedEngines,
    options: DecodeOptions,
    speakers: tuple[str, ...],
    *,
    live: bool,
) -> Transcript:
    from agent.commands.transcripts import Transcript
    from services.asr.config import ASRError
    from services.asr.files import transcribe_file, transcribe_speakers
    from services.audio.files import AudioFileError
    from services.inference import InferenceError

    segments: list[Segment] = []
    error_text = ""
    # On a terminal, text that comes is progress enough.
    with _progress(path, shown=not (live and sys.stdout.isatty())) as on_progress:
        asr, voice_activity = await speech.asr.get(), await speech.voice_activity.get()
        try:
            if speakers:
                found_all = await transcribe_speakers(
                    path, asr, voice_activity, speakers, options=options, on_progress=on_progress
                )
                return Transcript(path, tuple(found_all))
            found = transcribe_file(
                path,
                asr,
                voice_activity,
                options=options,
                on_progress=on_progress,
                on_notice=lambda notice: complain("transcribe", f"{path} {notice}"),
            )
            async with contextlib.aclosing(found):
                async for segment in found:
                    segments.append(segment)
                    if live:
                        print(segment.text, flush=True)
        except (AudioFileError, ASRError, InferenceError) as error:
            error_text = str(error)
    return Transcript(path, tuple(segments), error_text)


@contextlib.contextmanager
def _progress(path: Path, *, shown: bool) -> Iterator[Callable[[float, float | None], None] | None]:
    """Show a progress bar on standard error, if that is a terminal."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(path.name, total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _written(form: Form, transcripts: list[Transcript]) -> str:
    from agent.commands.transcripts import as_json, as_srt, as_text, as_vtt

    write = {"text": as_text, "json": as_json, "srt": as_srt, "vtt": as_vtt}[form]
    return write(transcripts)


def _write(target: Path, form: Form, transcripts: list[Transcript]) -> None:
    with output_file(target) as file:
        file.write(_written(form, transcripts).encode())
