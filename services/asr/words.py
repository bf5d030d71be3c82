"""Builds the words of a text, punctuation included, from the timed pieces of an alignment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .scripts import begins_word, is_spoken, opens, split_words
from .transcription import RecognizedWord


@dataclass(frozen=True, slots=True)
class TimedPiece:
    """The smallest piece of a text that decodes to whole characters, and when it is heard."""

    text: str
    start_seconds: float
    end_seconds: float
    probability: float
    """Mean of its tokens."""
    tokens: int = 1


def join_pieces(pieces: Iterable[TimedPiece]) -> tuple[RecognizedWord, ...]:
    """Join pieces (" It", " cost", "s", " $", "5", ".", "99", ".") into the words of their text.

    Words begin at a space or where the script has none (`begins_word`), in mixed text too, and
    nothing of the text is lost: punctuation joins the word that it is written at. Marks between
    spaces join the word before them (French "Bonjour !"), if they open something the next one. A
    word has the time of what is spoken of it, and the mean probability of its tokens.
    """
    return tuple(_word(group) for group in _attached(_groups(pieces)) if _text(group).strip())


def words_of(text: str, words: Sequence[RecognizedWord]) -> tuple[RecognizedWord, ...]:
    """Return the words of `text`, which was made from that of `words` by leaving characters out.

    Where it was not, its words share the time of `words` in proportion to their length.
    """
    if not words:
        return ()
    left = _squashed(text)
    kept: list[RecognizedWord] = []
    for word in words:
        written = ""
        for character in word.text:
            if left.startswith(character):
                written += character
                left = left[1:]
            elif character.isspace() and written:
                written += character
        written = written.strip()
        if is_spoken(written) or (written and not kept):
            kept.append(replace(word, text=written))
        elif written:
            kept[-1] = replace(kept[-1], text=kept[-1].text + written)
    if left:
        first, last = words[0], words[-1]
        return estimated_words(
            text, first.start_seconds, last.end_seconds, min(word.probability for word in words)
        )
    return tuple(kept)


def estimated_words(
    text: str, start_seconds: float, end_seconds: float, probability: float
) -> tuple[RecognizedWord, ...]:
    """Return the words of a text without word times, timed in proportion to their length."""
    texts = split_words(text)
    total = sum(map(len, texts))
    rate = (end_seconds - start_seconds) / max(1, total)
    words = []
    before = 0
    for written in texts:
        start = start_seconds + rate * before
        before += len(written)
        end = start_seconds + rate * before
        if written.strip():
            words.append(RecognizedWord(written.strip(), start, end, probability))
    return tuple(words)


def written_words(text: str, words: Sequence[RecognizedWord]) -> list[str]:
    """Return each word as it stands in the text, with the spaces after it: joined they are it.

    Raises ValueError if the words are not those of the text.
    """
    if _squashed(text) != _squashed("".join(word.text for word in words)):
        raise ValueError("these words are not those of the text")
    written: list[str] = []
    place = 0
    for word in words:
        end = place
        for _ in _squashed(word.text):
            while text[end].isspace():
                end += 1
            end += 1
        while end < len(text) and text[end].isspace():
            end += 1
        written.append(text[place:end])
        place = end
    return written


def _groups(pieces: Iterable[TimedPiece]) -> Iterator[list[TimedPiece]]:
    """Gather the pieces between two places where a word may begin."""
    group: list[TimedPiece] = []
    for piece in _single(pieces):
        if group and begins_word(_text(group), piece.text) and _text(group).strip():
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _single(pieces: Iterable[TimedPiece]) -> Iterator[TimedPiece]:
    """Take marks apart where one closes and the next opens."""
    for piece in pieces:
        if is_spoken(piece.text):
            yield piece
        else:
            yield from (replace(piece, text=part) for part in split_words(piece.text))


def _attached(groups: Iterable[list[TimedPiece]]) -> list[list[TimedPiece]]:
    """Attach groups of marks alone to the word before, or the word after that they open."""
    attached: list[list[TimedPiece]] = []
    opening: list[TimedPiece] = []
    for group in groups:
        text = _text(group).strip()
        if is_spoken(text):
            attached.append([*opening, *group])
            opening = []
        elif attached and not opens(text) and not opening:
            attached[-1].extend(group)
        else:
            opening.extend(group)
    if opening and attached:
        attached[-1].extend(opening)
    elif opening:
        attached.append(opening)
    return attached


def _word(group: Sequence[TimedPiece]) -> RecognizedWord:
    # The time of a punctuation mark is a guess in the silence after the word.
    spoken = [piece for piece in group if is_spoken(piece.text)] or group
    tokens = sum(piece.tokens for piece in spoken)
    return RecognizedWord(
        text=_text(group).strip(),
        start_seconds=spoken[0].start_seconds,
        end_seconds=max(piece.end_seconds for piece in spoken),
        probability=sum(piece.probability * piece.tokens for piece in spoken) / max(1, tokens),
    )


def _text(group: Sequence[TimedPiece]) -> str:
    return "".join(piece.text for piece in group)


def _squashed(text: str) -> str:
    return "".join(text.split())
