"""How well a recogniser hears people, and how fast, by how much context its encoder is given.

Says what the product's recogniser makes of each recording in tests/speech/human, retries and
guards included. One call at a time; run it on a quiet machine for the times to mean something.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks import ROOT
from tests.support.word_errors import normal_words, word_errors

Context = float | Literal["auto", "full"]
"""The least seconds of sound that the encoder is given, as for ASR_CONTEXT."""

_CACHE = ROOT / "models"
_REPEATED_WORDS = 3
"""A text is a repeated one when so many words more are said again in a row than were."""
_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What was made of one recording."""

    kind: str
    said: str
    heard: str
    seconds: float
    """Of computing."""
    cpu_seconds: float
    """Of all cores, which other programs hardly change."""
    passes: int

    @property
    def wrong(self) -> int:
        """Words."""
        return word_errors(self.heard, self.said)

    @property
    def words(self) -> int:
        """As many as were said."""
        return len(normal_words(self.said))

    @property
    def repeated(self) -> bool:
        """Whether words are said again that were said once."""
        again = longest_repetition(normal_words(self.heard))
        return again >= longest_repetition(normal_words(self.said)) + _REPEATED_WORDS


def longest_repetition(words: Sequence[str]) -> int:
    """The most words in a row that say again what stands right before them."""
    most = 0
    for start in range(len(words)):
        for length in range(1, (len(words) - start) // 2 + 1):
            phrase = words[start : start + length]
            end = start + length
            while words[end : end + length] == phrase:
                end += length
            most = max(most, end - start - length)
    return most


def table(rows: Iterable[tuple[str, Sequence[Heard]]]) -> Iterator[str]:
    """Lines of a Markdown table, one for each name and its recordings."""
    yield "| | recordings | words wrong | repeated | decoded twice | p50 ms | p95 ms | CPU ms |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, found in rows:
        words = sum(h.words for h in found)
        wrong = sum(h.wrong for h in found)
        # Where nothing is said, every word is one too many.
        share = f"{100 * wrong / words:.1f} % ({wrong} of {words})" if words else f"{wrong} words"
        milliseconds = sorted(1e3 * h.seconds for h in found)
        late = milliseconds[min(len(found) - 1, round(0.95 * len(found)))]
        yield (
            f"| {name} | {len(found)} | {share} | {sum(h.repeated for h in found)} "
            f"| {sum(h.passes > 1 for h in found)} | {statistics.median(milliseconds):.0f} "
            f"| {late:.0f} | {statistics.median(1e3 * h.cpu_seconds for h in found):.0f} |"
        )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.recognition", description=__doc__)
    made.add_argument("--model", default="base", help="a catalogue name or a folder")
    made.add_argument("--cache", type=Path, default=_CACHE, help="folder of fetched models")
    made.add_argument(
        "--contexts",
        type=_contexts,
        default="auto,full",
        help="separated by commas: seconds, full, or auto for what the model needs",
    )
    made.add_argument("--threads", type=int, default=1, help="threads of one call")
    made.add_argument("--language", default="en", help="a code, or auto to detect it")
    made.add_argument("--kinds", nargs="+", help="kinds of recordings; default: all")
    made.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth recording")
    made.add_argument("--show", action="store_true", help="also each text with a wrong word")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    arguments = parser().parse_args(words)
    from services.models import ModelError, resolve_asr

    try:
        # Otherwise the demo model would take the place of one that is not there.
        resolve_asr(arguments.model, cache=arguments.cache)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    by_context = {c: asyncio.run(_hear(arguments, c)) for c in arguments.contexts}
    _report(arguments, by_context)
    return 0


def _report(arguments: argparse.Namespace, by_context: dict[Context, list[Heard]]) -> None:
    print(f"## {arguments.model}, threads: {arguments.threads}\n")
    spoken = {c: [h for h in found if h.said] for c, found in by_context.items()}
    print("All kinds, by least context in seconds; times are those of a recording:\n")
    print("\n".join(table((_name(c), f) for c, f in spoken.items())))
    for context, found in by_context.items():
        print(f"\nContext {_name(context)}, by kind:\n")
        kinds = dict.fromkeys(h.kind for h in found)
        print("\n".join(table((k, [h for h in found if h.kind == k]) for k in kinds)))
        if arguments.show:
            print()
            for h in found:
                if h.wrong:
                    print(f"- {h.kind}: {h.said!r} was heard as {h.heard!r}")


def _name(context: Context) -> str:
    return context if isinstance(context, str) else f"{context:g}"


def _contexts(text: str) -> list[Context]:
    return [_context(part) for part in text.split(",")]


def _context(text: str) -> Context:
    if text == "auto":
        return "auto"
    if text == "full":
        return "full"
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is none of seconds, full or auto") from None


async def _hear(arguments: argparse.Namespace, context: Context) -> list[Heard]:
    from services.asr.config import DecodeOptions
    from services.inference import Priority
    from services.shared.config import EngineConfig
    from services.shared.engines import SharedEngines
    from tests.support.people import people

    shared = SharedEngines(
        EngineConfig(
            asr=arguments.model,
            cache=arguments.cache,
            language=None if arguments.language == "auto" else arguments.language,
            context=context,
            asr_threads=arguments.threads,
            slots=1,
        )
    )
    found = []
    try:
        asr = shared.asr.get_blocking()
        chosen = [r for r in people() if not arguments.kinds or r.kind in arguments.kinds]
        for recording in chosen[:: arguments.every]:
            cpu_before = time.process_time()
            heard = await asr.transcribe(
                recording.samples,
                owner="benchmark",
                priority=Priority.FINAL,
                deadline_seconds=_PATIENCE_SECONDS,
                options=DecodeOptions(),
            )
            found.append(
                Heard(
                    recording.kind,
                    recording.text,
                    heard.text,
                    heard.compute_seconds,
                    time.process_time() - cpu_before,
                    heard.passes,
                )
            )
    finally:
        shared.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
