"""How an owner tests a tool: as the plain function that it is."""

import asyncio
from pathlib import Path

import pytest
from tools import search_texts


def answer(words: str) -> str:
    return asyncio.run(search_texts.search_texts(words))


def test_the_texts_answer_in_other_words_than_their_own() -> None:
    assert answer("is a dog welcome?").startswith("Small dogs are welcome")


@pytest.mark.parametrize(
    "words", ["", "\0", '"*()', 'NEAR("', "x' OR 1=1 --", "file:*", "?" * 9999]
)
def test_whatever_a_caller_says_is_words_to_look_for(words: str) -> None:
    assert answer(words) == "The texts say nothing about that."


def test_a_text_that_changes_is_read_again(tmp_path: Path) -> None:
    index = search_texts.Index(tmp_path)
    assert index.search("sauna") == []
    text = tmp_path / "new.txt"
    text.write_text("The sauna is hot.\n\n" + "All about the sauna. " * 1000)
    found = [words for _, words in index.search("sauna")]
    assert sorted(map(len, found))[0] == len("The sauna is hot.")
    assert sum(map(len, found)) < search_texts.ANSWER_CHARACTERS
    text.unlink()
    assert index.search("sauna") == []
