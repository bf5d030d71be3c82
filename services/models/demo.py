"""The demo models inside the package."""

from ..program import program
from .catalogue import ASR_CATALOGUE, VOICE_CATALOGUE
from .entries import DEMO_NAME
from .resolve import (
    DEMO_ASR_FOLDER,
    DEMO_VOICE_MODEL,
    DEMO_VOICE_PARTS,
    MADE_HERE,
    ASRModel,
    Voice,
    asr_model,
)

DEMO_ASR: ASRModel = asr_model(ASR_CATALOGUE[DEMO_NAME], DEMO_ASR_FOLDER, MADE_HERE)
"""Needs no download; its files are checked by `resolve_asr` only."""

DEMO_VOICE: Voice = Voice(
    name=DEMO_NAME,
    model=DEMO_VOICE_MODEL,
    config=DEMO_VOICE_MODEL.with_name(f"{DEMO_VOICE_MODEL.name}.json"),
    parts=DEMO_VOICE_PARTS,
    sample_rate=22050,
    speakers=1,
    language=VOICE_CATALOGUE[DEMO_NAME].language,
    demo=True,
    licence=VOICE_CATALOGUE[DEMO_NAME].licence,
    source=MADE_HERE,
    note=VOICE_CATALOGUE[DEMO_NAME].note,
)
"""Needs no download; its files are checked by `resolve_voice` only."""


def describe_demo(*, asr: bool = True, voice: bool = True) -> tuple[str, ...]:
    """Describe the demo models in use, in plain sentences for owner and caller."""
    sentences: list[str] = []
    if asr:
        sentences += [
            "This is the demo speech recognition: it knows about 330 English words, such as the "
            "time, the date, sums, timers, reminders, spelling, counting, lists, coins and dice.",
            "It was trained on synthetic voices, so it understands those well and people poorly, "
            "and it knows no other words.",
        ]
    if voice:
        sentences.append("This is the demo voice: small, male, English and robotic.")
    if asr or voice:
        sentences.append(f"Fetch real models with: {program()} download-files")
    return tuple(sentences)
