"""Text to plain words, and words to sentences."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT_CHARACTERS = 600
"""Longer text is cut first: no spoken request is that long."""

CONTRACTIONS = {
    "what's": "what is",
    "whats": "what is",
    "who's": "who is",
    "where's": "where is",
    "when's": "when is",
    "how's": "how is",
    "that's": "that is",
    "there's": "there is",
    "it's": "it is",
    "let's": "let us",
    "i'm": "i am",
    "im": "i am",
    "you're": "you are",
    "we're": "we are",
    "they're": "they are",
    "i've": "i have",
    "you've": "you have",
    "i'd": "i would",
    "i'll": "i will",
    "you'll": "you will",
    "can't": "cannot",
    "won't": "will not",
    "don't": "do not",
    "doesn't": "does not",
    "didn't": "did not",
    "isn't": "is not",
    "aren't": "are not",
    "couldn't": "could not",
    "wouldn't": "would not",
    "o'clock": "o clock",
    "oclock": "o clock",
    "ok": "okay",
}
"""Contracted forms and their full words; only what requests contain."""

SYMBOLS = {
    "+": " plus ",
    "*": " times ",
    "×": " times ",
    "/": " divided by ",
    "÷": " divided by ",
    "=": " is ",
    "%": " percent ",
    "^": " to the power of ",
    "√": " the square root of ",
    "&": " and ",
    "(": " ( ",
    ")": " ) ",
}

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SPLIT_LETTER = re.compile(r"(?<=\d)(?!(?:st|nd|rd|th)\b)(?=[a-z])")
_MINUS = re.compile(r"(?<![a-z])-\s*(?=[\d.(])")
_TIMES = re.compile(r"(?<=[\d)])\s*x\s*(?=[\d(])")
_INITIALS = re.compile(r"\b([ap])\.\s?m\b\.?")
_UNSPOKEN = re.compile(r"[^\w\s().:']|_")
_POSSESSIVE = re.compile(r"'s\b")
_LOOSE_POINT = re.compile(r"\.(?!\d)|(?<!\d):|:(?!\d)|(?<!\w)'|'(?!\w)")


def normalise(text: str) -> str:
    """Return the words of `text`: lower case, one space apart, numbers as digits or words.

    Contractions are spelled out, arithmetic signs become words, all other punctuation goes.
    """
    text = unicodedata.normalize("NFKC", text[:MAX_TEXT_CHARACTERS]).lower().replace("’", "'")
    text = text.replace("−", "-").replace("–", "-")
    text = _THOUSANDS.sub("", text)
    text = _INITIALS.sub(r"\1m", text)
    text = _TIMES.sub(" times ", text)
    text = _MINUS.sub(" minus ", text)
    for symbol, words in SYMBOLS.items():
        text = text.replace(symbol, words)
    text = _UNSPOKEN.sub(" ", text)
    text = _LOOSE_POINT.sub(" ", text)
    text = _SPLIT_LETTER.sub(" ", text)
    full = " ".join(CONTRACTIONS.get(word, word) for word in text.split())
    return _POSSESSIVE.sub("", full)


def sentence(words: str) -> str:
    """Turn `words` into a sentence: capitalised, with a full stop unless a mark ends it."""
    words = words.strip()
    if not words:
        return ""
    ended = words if words[-1] in ".?!" else words + "."
    return ended[0].upper() + ended[1:]


def enumeration(items: list[str]) -> str:
    """Join items for speech: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def turned_around(words: str) -> str:
    """Turn the caller's words round: "call my wife" → "call your wife"."""
    swaps = {
        "my": "your",
        "mine": "yours",
        "me": "you",
        "i": "you",
        "am": "are",
        "myself": "yourself",
    }
    return " ".join(swaps.get(word, word) for word in words.split())
