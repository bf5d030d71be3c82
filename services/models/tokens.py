"""The tokenizer and the vocabulary of a Whisper checkpoint, from whichever files it has."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from .errors import ConversionError, ModelCorrupt
from .structure import read_json

LANGUAGE_TOKEN = re.compile(r"<\|[a-z]{2,3}\|>")
SECONDS_PER_TIMESTAMP = 0.02

Merge = tuple[str, str]


def load_tokenizer(folder: Path) -> Tokenizer:
    """The checkpoint's tokenizer: `tokenizer.json`, else built from `vocab.json`.

    With `vocab.json` goes `added_tokens.json` where there is one, and `merges.txt`; checkpoints
    without it (FUTO's) get the merges from the order of their vocabulary. ConversionError.
    """
    ready = folder / "tokenizer.json"
    if ready.is_file():
        try:
            return Tokenizer.from_file(str(ready))
        except Exception as error:  # the library raises plain Exception
            raise ConversionError(f"{ready} is no tokenizer that can be read: {error}") from error
    listed = folder / "vocab.json"
    if not listed.is_file():
        raise ConversionError(f"{folder} has neither tokenizer.json nor vocab.json.")
    vocabulary = _ids(listed)
    added_file = folder / "added_tokens.json"
    added = _ids(added_file) if added_file.is_file() else {}
    merges_file = folder / "merges.txt"
    merges = read_merges(merges_file) if merges_file.is_file() else recover_merges(vocabulary)
    return build_tokenizer(vocabulary, merges, added)


def build_tokenizer(
    vocabulary: dict[str, int], merges: list[Merge], added: dict[str, int]
) -> Tokenizer:
    """A byte-level BPE tokenizer as GPT-2's and Whisper's, with the special tokens `added`."""
    known = set(vocabulary)
    unusable = [m for m in merges if not {m[0], m[1], m[0] + m[1]} <= known]
    if unusable:
        raise ConversionError(f"A merge has tokens that the vocabulary lacks: {unusable[0]}.")
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = {token: i for token, i in vocabulary.items() if _is_special(token)} | added
    in_order = sorted(special, key=lambda token: special[token])
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in in_order]
    )
    for token in in_order:
        if tokenizer.token_to_id(token) != special[token]:
            raise ConversionError(f"The token {token} cannot get its number {special[token]}.")
    return tokenizer


def read_merges(path: Path) -> list[Merge]:
    """The merges of a `merges.txt`, first rank first."""
    merges: list[Merge] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        parts = line.split(" ")
        if not line.strip() or line.startswith("#version"):
            continue
        if len(parts) != 2:
            raise ConversionError(f"{path} has a line that is no pair of tokens: {line!r}.")
        merges.append((parts[0], parts[1]))
    return merges


def recover_merges(vocabulary: dict[str, int]) -> list[Merge]:
    """The merges behind a byte-level BPE vocabulary whose numbers follow their order.

    Such a vocabulary is grown one merge at a time. So a token's merge is what is left when the
    earlier merges alone have been applied to its letters: exactly two parts.
    """
    merges: list[Merge] = []
    for token, number in sorted(vocabulary.items(), key=lambda item: item[1]):
        if len(token) < 2 or _is_special(token):
            continue
        parts = _apply_earlier(token, number, vocabulary)
        if len(parts) != 2:
            raise ConversionError(
                f"The merges cannot be recovered from the vocabulary: {token!r} would take "
                f"{len(parts)} parts; put the checkpoint's merges.txt or tokenizer.json beside it."
            )
        merges.append((parts[0], parts[1]))
    return merges


def vocabulary_list(tokenizer: Tokenizer, size: int) -> list[str]:
    """The tokens by number, `size` of them; timestamps fill the end where they are not listed."""
    known: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    by_number = {number: token for token, number in known.items()}
    count = max(by_number) + 1
    tokens: list[str] = []
    for number in range(min(count, size)):
        if number not in by_number:
            raise ConversionError(f"The vocabulary has no token with the number {number}.")
        tokens.append(by_number[number])
    tokens.extend(f"<|{i * SECONDS_PER_TIMESTAMP:.2f}|>" for i in range(size - len(tokens)))
    return tokens


def language_numbers(tokens: list[str]) -> list[int]:
    """The numbers of the tokens that name a language."""
    return [number for number, token in enumerate(tokens) if LANGUAGE_TOKEN.fullmatch(token)]


def _apply_earlier(token: str, number: int, vocabulary: dict[str, int]) -> list[str]:
    parts = list(token)
    while len(parts) > 2:
        ranks = [vocabulary.get(left + right, number) for left, right in pairwise(parts)]
        best = min(ranks)
        if best >= number:
            break
        at = ranks.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def _is_special(token: str) -> bool:
    return token.startswith("<|") and token.endswith("|>")


def _ids(path: Path) -> dict[str, int]:
    try:
        content: Any = read_json(path)
    except ModelCorrupt as error:
        raise ConversionError(str(error)) from error
    fits = isinstance(content, dict) and all(type(number) is int for number in content.values())
    if not fits:
        raise ConversionError(f"{path} does not map tokens to numbers.")
    return dict(content)
