"""`python -m benchmarks.spoken_text`: is text read aloud as it should be?

The product's voice speaks each line of a corpus, and Whisper hears it back with every token
suppressed that holds a digit or a sign of a currency, so that words come back as words. The words
are compared with the reading that the corpus gives; numbers and spellings are made alike on both
sides first. A run can be cut into slices, whose results are added to one file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ROOT
from benchmarks.spoken_text import Line, corpus, errors

_HEARING_RATE = 16_000
_SUPPRESSED = "0123456789$€£¥₹¢₩₽"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.spoken_text", description=__doc__)
    made.add_argument("--language", default="en", help="ISO 639-1 code of the corpus")
    made.add_argument(
        "--voice", default="en_US-joe-medium", help="a catalogue name or an .onnx file"
    )
    made.add_argument("--model", default="base", help="the recogniser: a name or a folder")
    made.add_argument(
        "--cache", type=Path, default=ROOT / "models", help="folder of fetched models"
    )
    made.add_argument("--lines", type=int, help="so many lines, chosen by chance (seed 1)")
    made.add_argument("--slice", default="1/1", metavar="K/N", help="the Kth of N parts")
    made.add_argument("--save", type=Path, help="add the results to this file, a line of JSON each")
    made.add_argument("--report", type=Path, help="report on such a file, and speak nothing")
    made.add_argument("--show", action="store_true", help="also each line with a wrong word")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    arguments = parser().parse_args(words)
    if arguments.report:
        text = arguments.report.read_text(encoding="utf-8")
        lines = {line.written: line for line in corpus(arguments.language)}
        saved = map(json.loads, text.splitlines())
        found = [_scored(lines[s["written"]], s["heard"]) for s in saved if s["written"] in lines]
    else:
        found = list(_measure(arguments))
        if arguments.save:
            with arguments.save.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
    print("\n".join(_table(found, show=arguments.show)))
    return 0


def suppressed_tokens(tokenizer: Any) -> list[int]:
    """Return Whisper's tokens that hold a digit or a sign of a currency."""
    vocabulary = tokenizer.get_vocab_size(with_added_tokens=False)
    return [t for t in range(vocabulary) if any(c in tokenizer.decode([t]) for c in _SUPPRESSED)]


def _chosen(arguments: argparse.Namespace) -> list[Line]:
    lines = corpus(arguments.language)
    if arguments.lines:
        lines = random.Random(1).sample(lines, min(arguments.lines, len(lines)))
    part, parts = map(int, arguments.slice.split("/"))
    return lines[part - 1 :: parts]


def _measure(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from faster_whisper import WhisperModel

    from services.models import resolve_asr
    from services.shared.config import EngineConfig
    from services.shared.engines import SharedEngines

    shared = SharedEngines(EngineConfig(voice=arguments.voice, cache=arguments.cache, slots=1))
    try:
        voice = shared.tts.get_blocking()
        folder = resolve_asr(arguments.model, cache=arguments.cache).folder
        whisper = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
        tokens = suppressed_tokens(whisper.hf_tokenizer)
        for line in _chosen(arguments):
            samples = asyncio.run(speak(voice, line.written, arguments.language))
            heard = hear(whisper, samples, arguments.language, tokens)
            yield _scored(line, heard)
    finally:
        shared.close()


def _scored(line: Line, heard: str) -> dict[str, Any]:
    wrong, count = errors(heard, line)
    return {
        "kind": line.kind,
        "written": line.written,
        "heard": heard,
        "wrong": wrong,
        "words": count,
    }


async def speak(voice: Any, text: str, language: str) -> np.ndarray[Any, Any]:
    """Return the sound of a text at the recogniser's rate, sentence by sentence as in a reply."""
    from livekit import rtc

    from services.tts.text.sentences import split_sentences

    pieces = [
        piece.samples
        for sentence in split_sentences(text, language=language)
        async for piece in voice.synthesize(sentence, owner="benchmark")
    ]
    pcm = np.concatenate([*pieces, np.zeros(voice.sample_rate // 2, dtype=np.int16)])
    resampler = rtc.AudioResampler(voice.sample_rate, _HEARING_RATE)
    frames = [*resampler.push(bytearray(pcm.tobytes())), *resampler.flush()]
    heard = np.concatenate([np.frombuffer(frame.data, dtype=np.int16) for frame in frames])
    return heard.astype(np.float32) / 32768


def hear(whisper: Any, samples: np.ndarray[Any, Any], language: str, tokens: list[int]) -> str:
    """Return what Whisper hears, without the `tokens`."""
    segments, _ = whisper.transcribe(
        samples,
        language=language,
        beam_size=5,
        suppress_tokens=[-1, *tokens],
        condition_on_previous_text=False,
        without_timestamps=True,
    )
    return " ".join(segment.text.strip() for segment in segments)


def _table(rows: Sequence[dict[str, Any]], *, show: bool) -> Iterator[str]:
    yield "| kind | lines | all right | words wrong |"
    yield "| --- | --- | --- | --- |"
    for kind in [*dict.fromkeys(row["kind"] for row in rows), None]:
        chosen = [row for row in rows if kind is None or row["kind"] == kind]
        yield f"| {kind or 'all'} | {len(chosen)} | {_right(chosen)} | {_share(chosen)} |"
    if show:
        for row in rows:
            if row["wrong"]:
                yield f"{row['wrong']}  {row['written']!r} was heard as {row['heard']!r}"


def _right(rows: Iterable[dict[str, Any]]) -> int:
    return sum(not row["wrong"] for row in rows)


def _share(rows: Sequence[dict[str, Any]]) -> str:
    wrong, count = (sum(row[key] for row in rows) for key in ("wrong", "words"))
    return f"{100 * wrong / max(1, count):.1f} % ({wrong} of {count})"


if __name__ == "__main__":
    sys.exit(main())
