"""A Whisper tokenizer is put together from whichever files a checkpoint has."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from services.models import ConversionError
from services.models.tokens import (
    language_numbers,
    load_tokenizer,
    recover_merges,
    vocabulary_list,
)

READY = Path(__file__).parents[3] / "models" / "demo-hf" / "tokenizer.json"
CONTENT = json.loads(READY.read_text())
VOCABULARY: dict[str, int] = CONTENT["model"]["vocab"]
MERGES = [tuple(pair) for pair in CONTENT["model"]["merges"]]
ADDED = {token["content"]: token["id"] for token in CONTENT["added_tokens"]}
SENTENCES = ["what time is it", " set a timer for ten minutes", "naïve café — 12:30\n", "  two  "]


def write(folder: Path, **files: object) -> Path:
    for stem, content in files.items():
        if stem == "merges":
            (folder / "merges.txt").write_text(str(content))
        else:
            (folder / f"{stem}.json").write_text(json.dumps(content))
    return folder


def same(one: Tokenizer, other: Tokenizer) -> bool:
    return all(one.encode(s).ids == other.encode(s).ids for s in SENTENCES)


def test_merges_are_recovered_from_the_order_of_the_vocabulary() -> None:
    assert recover_merges(VOCABULARY) == MERGES


def test_a_vocabulary_that_did_not_grow_by_merges_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"'abc'.*merges\.txt"):
        recover_merges({"a": 0, "b": 1, "c": 2, "abc": 3})


def test_a_ready_tokenizer_is_taken(tmp_path: Path) -> None:
    write(tmp_path, tokenizer=CONTENT, vocab={"a": 0})
    assert same(load_tokenizer(tmp_path), Tokenizer.from_file(str(READY)))


def test_one_is_built_without_merges(tmp_path: Path) -> None:
    built = load_tokenizer(write(tmp_path, vocab=VOCABULARY, added_tokens=ADDED))
    assert same(built, Tokenizer.from_file(str(READY)))
    assert built.token_to_id("<|startoftranscript|>") == 601
    assert built.decode(built.encode(SENTENCES[2]).ids) == SENTENCES[2]


def test_one_is_built_with_merges(tmp_path: Path) -> None:
    lines = "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in MERGES)
    write(tmp_path, vocab=VOCABULARY, added_tokens=ADDED, merges=lines)
    assert same(load_tokenizer(tmp_path), Tokenizer.from_file(str(READY)))


def test_special_tokens_inside_the_vocabulary_stay_special(tmp_path: Path) -> None:
    write(tmp_path, vocab=VOCABULARY | {"<|endoftext|>": 600})
    assert load_tokenizer(tmp_path).encode("<|endoftext|>").ids == [600]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "neither"),
        ({"vocab": ["a"]}, "does not map"),
        ({"vocab": {"a": "0"}}, "does not map"),
        ({"vocab": VOCABULARY, "merges": "a b c\n"}, "no pair"),
        ({"vocab": VOCABULARY, "merges": "a unknown\n"}, "lacks"),
        ({"vocab": VOCABULARY, "added_tokens": {"<|endoftext|>": 700}}, "number 700"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    tmp_path: Path, files: dict[str, object], said: str
) -> None:
    with pytest.raises(ConversionError, match=said):
        load_tokenizer(write(tmp_path, **files))


def test_timestamps_fill_the_end_of_the_vocabulary(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write(tmp_path, vocab=VOCABULARY))
    tokens = vocabulary_list(tokenizer, 603)
    assert tokens[-4:] == [tokens[599], "<|0.00|>", "<|0.02|>", "<|0.04|>"]
    assert vocabulary_list(tokenizer, 10) == tokens[:10]


def test_a_hole_in_the_vocabulary_is_refused(tmp_path: Path) -> None:
    with_hole = {token: number for token, number in VOCABULARY.items() if number != 7}
    (tmp_path / "merges.txt").write_text("")
    tokenizer = load_tokenizer(write(tmp_path, vocab=with_hole))
    with pytest.raises(ConversionError, match="number 7"):
        vocabulary_list(tokenizer, 600)


def test_language_tokens_are_told_from_the_others() -> None:
    tokens = ["en", "<|en|>", "<|haw|>", "<|transcribe|>", "<|0.00|>"]
    assert language_numbers(tokens) == [1, 2]
