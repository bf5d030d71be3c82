"""How well a recogniser hears people, and how fast, by how much context its encoder is given.

Says what the product's recogniser makes of each recording in tests/speech/human, retries and
guards included. One call at a time; run it on a quiet machine for the times to mean something.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.word_errors import normal_words, word_errors

if TYPE_CHECKING:
    pass

_CACHE = Path(__file__).parents[1] / "models"
_REPEATED_WORDS = 3
"""So many words said again in a row count as a repeated text."""
_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What was made of one recording."""

    kind: str
    said: str
    heard: str
    seconds: float
    """Of computing."""
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
        return again >= _REPEATED_WORDS and again > longest_repetition(normal_words(self.said))


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
    yield "| | recordings | words wrong | repeated | decoded twice | p50 ms | p95 ms |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
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
            f"| {late:.0f} |"
        )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.recognition", description=__doc__)
    made.add_argument("--model", default="base", help="a catalogue name or a folder")
    made.add_argument("--cache", type=Path, default=_CACHE, help="folder of fetched models")
    made.add_argument(
        "--contexts",
        default="auto,full",
        help="separated by commas: seconds, full, or auto for what the model needs",
    )
    made.add_argument("--threads", type=int, default=1, help="threads of one call")
    made.add_argument("--language", default="en", help="a code, or auto to detect it")
    made.add_argument("--kinds", nargs="+", help="kinds of recordings; default: all")
    made.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth recording")
    made.add_argument("--show", action="store_true", help="also each text with a wrong word")
    return made


def main() -> int:
    """Measure and print; the exit status."""
    arguments = parser().parse_args()
    from services.models import ModelError

    try:
        return asyncio.run(_main(arguments))
    except (ModelError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


async def _main(arguments: argparse.Namespace) -> int:
    by_context = {}
    for context in arguments.contexts.split(","):
        by_context[context] = await _hear(arguments, context)
        print(f"{context}: done", file=sys.stderr)
    print(f"## {arguments.model}, threads: {arguments.threads}\n")
    print("All kinds, by least context in seconds:\n")
    print("\n".join(table((c, [h for h in f if h.said]) for c, f in by_context.items())))
    for context, found in by_context.items():
        print(f"\nContext {context}, by kind:\n")
        kinds = dict.fromkeys(h.kind for h in found)
        print("\n".join(table((k, [h for h in found if h.kind == k]) for k in kinds)))
        if arguments.show:
            print()
            for h in found:
                if h.wrong:
                    print(f"- {h.kind}: {h.said!r} was heard as {h.heard!r}")
    return 0


async def _hear(arguments: argparse.Namespace, context: str) -> list[Heard]:
    from services.asr import DecodeOptions
    from services.inference import Priority
    from services.shared import SharedSpeech, SpeechConfig
    from tests.people import people

    wanted = context if context in ("auto", "full") else float(context)
    shared = SharedSpeech(
        SpeechConfig(
            asr=arguments.model,
            cache=arguments.cache,
            language=None if arguments.language == "auto" else arguments.language,
            context=wanted,
            asr_threads=arguments.threads,
            slots=1,
        )
    )
    found = []
    try:
        asr = shared.asr.get_blocking()
        for recording in people()[:: arguments.every]:
            if arguments.kinds and recording.kind not in arguments.kinds:
                continue
            heard = await asr.transcribe(
                recording.samples,
                room="benchmark",
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
                    heard.passes,
                )
            )
    finally:
        shared.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
