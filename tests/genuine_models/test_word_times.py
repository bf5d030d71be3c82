"""No word of what people say is missing from JSON, SRT and VTT, whatever its script."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from faster_whisper.tokenizer import Tokenizer

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.files import Segment
from services.asr.subtitles import cues
from services.asr.words import TimedPiece, join_pieces
from services.inference import Priority
from tests.support.people import people

_REPOSITORY = Path(__file__).parents[2]
_TIMES = re.compile(r"\d\d:\d\d:\d\d[.,]\d{3} --> \d\d:\d\d:\d\d[.,]\d{3}")


def _transcribed(cache: Path, form: str, folder: Path, files: list[Path]) -> list[str]:
    """What the command writes of each file."""
    arguments = ["--words", "--format", form, "-o", str(folder), *map(str, files)]
    ran = subprocess.run(
        [sys.executable, "-m", "agent", "transcribe", *arguments],
        cwd=_REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", ""),
            "MODELS": "auto",
            "WHISPER_MODEL_PATH": str(cache),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return [(folder / f"{file.stem}.{form}").read_text() for file in files]


def _shown(subtitles: str) -> list[str]:
    """The words of a subtitle file, which has blocks of a number, times and lines."""
    words = []
    for block in subtitles.removeprefix("WEBVTT\n\n").strip().split("\n\n"):
        lines = block.splitlines()
        at = next(index for index, line in enumerate(lines) if _TIMES.fullmatch(line))
        assert at <= 1
        words += " ".join(lines[at + 1 :]).split()
    return words


def test_every_word_is_in_json_srt_and_vtt(genuine_cache: Path, tmp_path: Path) -> None:
    files = [r.path for r in (*people("long")[:1], *people("telephone")[:2], *people("read")[:2])]
    written = _transcribed(genuine_cache, "json", tmp_path, files)
    srt = _transcribed(genuine_cache, "srt", tmp_path, files)
    vtt = _transcribed(genuine_cache, "vtt", tmp_path, files)
    for found, as_srt, as_vtt in zip(written, srt, vtt, strict=True):
        (file,) = json.loads(found)
        words = file["text"].split()
        assert len(words) > 3
        assert [w["word"] for s in file["segments"] for w in s["words"]] == words
        assert _shown(as_srt) == words
        assert [unescape(word) for word in _shown(as_vtt)] == words


@pytest.mark.parametrize("language", ["ja", "zh", "th", "ko", "ru", "fr"])
async def test_no_language_loses_words(genuine_asr: StreamingASR, language: str) -> None:
    """The base model writes what English people say in that language, in a mix, or not at all."""
    for said in people("telephone"):
        heard = await genuine_asr.transcribe(
            said.samples,
            owner="test",
            priority=Priority.FINAL,
            deadline_seconds=60,
            options=DecodeOptions(language=language, words=True),
        )
        if heard.text:
            break
    _assert_nothing_lost(heard.text, Segment(0, 1, heard.text, language, 1.0, heard.words))


_SENTENCES = {
    "zh": "他说：“今天的天气非常好。”我们用 Python 3.12 写了2024年的程序，花了￥1,500！",
    "ja": "「東京」へ行ったら、コンピューターを買いましょう。値段は12,800円です…ね？",
    "th": "สวัสดีครับ วันนี้อากาศดีมาก ราคา 1,500 บาท",
    "ko": '안녕하세요, 오늘은 날씨가 "정말" 좋네요! 3시 30분에 만나요.',
    "fr": "Bonjour ! Ça va ? « Oui », dit-il : l'œuvre coûte 5,99 €…",
    "es": "¿Qué tal? ¡Muy bien! Son las 3:30 —creo—.",
    "en": "O'Brien paid $5.99 (or so) - \"well-kept\", isn't it? 20%…",
    "ar": "مرحبا، كيف حالك؟ السعر ٥٠ ريالاً.",
    "hi": "नमस्ते, आप कैसे हैं? आज मौसम अच्छा है।",
    "my": "မင်္ဂလာပါ။ နေကောင်းလား။",
}


@pytest.mark.parametrize("language", _SENTENCES)
def test_the_model_s_own_tokens_join_to_the_words_of_the_text(
    genuine_asr: StreamingASR, language: str
) -> None:
    assert genuine_asr._whisper is not None
    tokenizer = Tokenizer(
        genuine_asr._whisper.model.hf_tokenizer, True, task="transcribe", language=language
    )
    text = _SENTENCES[language]
    pieces, _ = tokenizer.split_tokens_on_unicode(tokenizer.encode(f" {text}"))
    words = join_pieces(TimedPiece(p, i, i + 1, 1.0) for i, p in enumerate(pieces))
    _assert_nothing_lost(text, Segment(0, 1, text, language, 1.0, words))
    texts = [word.text for word in words]
    if language in ("ko", "ar", "hi", "en"):
        assert " ".join(texts).split() == text.split()
    expected = {
        "zh": ["Python", "3.12", "2024", "￥1,500！"],
        "ja": ["コンピューター", "12,800", "ね？"],
        "th": ["1,500"],
        "fr": ["Bonjour !", "« Oui »,", "dit-il :", "5,99", "€…"],
        "es": ["¿Qué", "¡Muy", "—creo—."],
        "en": ["O'Brien", "$5.99", "(or", '- "well-kept",', "20%…"],
    }
    assert set(expected.get(language, [])) <= set(texts), texts
    assert not [t for t in texts if t[0] in "，。、」”：？！；" or t[-1] in "「“（"]


def _assert_nothing_lost(text: str, segment: Segment) -> None:
    squashed = "".join(text.split())
    assert squashed
    assert "".join("".join(word.text.split()) for word in segment.words) == squashed
    lines = [line for cue in cues([segment]) for line in cue.lines]
    assert "".join("".join(line.split()) for line in lines) == squashed
