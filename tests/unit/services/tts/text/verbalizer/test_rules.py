"""Each rule of each language: its examples, as the voice gets them."""

from __future__ import annotations

import pytest

from services.tts.text.normalization import speakable_words
from services.tts.text.verbalizer import LANGUAGES

EXAMPLES = [
    pytest.param(code, rule, text, expected, id=f"{code}-{rule.name}-{text}")
    for code, language in LANGUAGES.items()
    for rule in language.rules
    for text, expected in rule.examples.items()
]


def spoken(text: str, language: str = "en") -> str:
    return " ".join(word.spoken for word in speakable_words(text, language=language) if word.spoken)


@pytest.mark.parametrize(("code", "rule", "text", "expected"), EXAMPLES)
def test_a_rule_reads_its_examples(code: str, rule: object, text: str, expected: str) -> None:
    assert spoken(text, code) == expected
