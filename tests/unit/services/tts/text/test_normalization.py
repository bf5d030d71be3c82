"""Text made speakable: what is read, what is silent, and which word came from which."""

from __future__ import annotations

import pytest

from services.tts.text.normalization import MAXIMUM_CHARACTERS, is_speakable, speakable_words


def spoken(text: str, language: str = "en") -> str:
    return " ".join(word.spoken for word in speakable_words(text, language=language) if word.spoken)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**Bold**, *it*, _under_ and ~~gone~~.", "Bold, it, under and gone."),
        ("_Note_: **done**.", "Note: done."),
        ("Call `set_timer()` now.", "Call set timer now."),
        ("See [the docs](https://a.example/b?c=d).", "See the docs."),
        ("Go to https://www.example.com/a/b?c=d. Bye.", "Go to example dot com. Bye."),
        ("![a cat](cat.png)", "a cat"),
        ("Look! ![a cat](cat.png) here", "Look! a cat here"),
    ],
)
def test_markdown_is_not_read_aloud(text: str, expected: str) -> None:
    assert spoken(text) == expected


def test_list_items_and_headings_become_pauses() -> None:
    assert spoken("# Shopping\n- milk\n* eggs\n• bread") == "Shopping, milk, eggs, bread"
    assert spoken("1. Milk\n2) Eggs") == "one, Milk, two, Eggs"
    assert spoken("| a | b |\n|---|---|\n| 1 | 2 |") == "a, b, one, two"


def test_code_blocks_are_silent() -> None:
    assert spoken("```python\nprint('no')\n``` Done.") == "Done."
    assert spoken("```never closed") == ""


def test_tags_and_entities_are_not_read_aloud() -> None:
    assert spoken('<speak>Hello <break time="1s"/> you</speak>') == "Hello you"
    assert spoken("<!-- a note --> Tom &amp; Jerry &lt;b&gt;") == "Tom and Jerry b"
    assert spoken("3 < 5") == "three is less than five"


def test_emoji_and_invisible_characters_are_silent() -> None:
    assert spoken("Great! 🎉🎉 👍🏽 👨\u200d👩\u200d👧 go 1️⃣ ✓ ★") == "Great! go one"
    assert spoken("\u202eabc\u202c ze\u200bro \x00nul\x07\ufeff") == "abc zero nul"
    assert spoken("\ud83d half a pair") == "half a pair"


def test_signs_with_a_name_are_read() -> None:
    text = "20°C, 50%, $3, 2 + 2 = 4"
    assert spoken(text) == (
        "twenty degrees Celsius, fifty percent, three dollars, two plus two equals four"
    )
    assert spoken("2*3 and 5 - 3") == "two times three and five minus three"
    assert spoken(text, "xx") == text


def test_dashes_and_ellipses_become_pauses() -> None:
    assert spoken("Well... I think… so...") == "Well, I think, so."
    assert spoken("Paris — the capital - is big") == "Paris, the capital, is big"
    assert spoken("...") == spoken("—") == spoken("***") == ""


def test_brackets_become_pauses() -> None:
    assert spoken("It is 20°C (68°F) now (outside).") == (
        "It is twenty degrees Celsius, sixty eight degrees Fahrenheit, now, outside."
    )
    assert spoken("Two item(s) of f(x) here") == "Two items of f of x here"


def test_a_title_does_not_end_the_sentence() -> None:
    assert spoken("Dr. Smith met Mrs. Jones.") == "Doctor Smith met Missus Jones."


@pytest.mark.parametrize(
    "text",
    [
        "**Bold** words, [a link](https://a.example) and 🎉 emoji.",
        '<break time="1s"/> tags   with\nnew lines',
        "```code with words``` then text",
        "- a\n- b",
        "",
        "   ",
    ],
)
def test_written_words_joined_are_the_text(text: str) -> None:
    assert " ".join(word.written for word in speakable_words(text)) == " ".join(text.split())


def test_each_written_word_keeps_what_is_spoken_for_it() -> None:
    words = [(w.written, w.spoken) for w in speakable_words("**Hi** 🎉 see https://a.example/x.")]
    assert words == [
        ("**Hi**", "Hi"),
        ("🎉", ""),
        ("see", "see"),
        ("https://a.example/x.", "a dot example slash x."),
    ]


@pytest.mark.parametrize(
    "unit",
    ["a", "word ", "[", "](", "<a ", "`", "*_", "&#", "http://", "\u0301", "- ", "🎉", "<!--", "("],
)
def test_hostile_text_is_bounded(unit: str) -> None:
    words = speakable_words(unit * 100_000)
    assert sum(len(word.written) for word in words) <= MAXIMUM_CHARACTERS
    assert sum(len(word.spoken) for word in words) <= MAXIMUM_CHARACTERS


def test_a_word_no_language_has_is_cut() -> None:
    assert len(spoken("abcdefghij" * 500)) <= 60
    assert spoken("nooooooooo") == "nooo"
    assert spoken("!!!!!") == ""
    assert spoken("What?!?!") == "What?"


def test_marks_piled_on_a_letter_are_thinned_out() -> None:
    assert len(spoken("a" + "\u0301" * 50)) <= 5


def test_scripts_without_spaces_are_kept_whole() -> None:
    text = "今天天气很好" * 20
    assert spoken(text, "zh") == text


def test_other_scripts_are_read_by_their_sounds() -> None:
    assert spoken("Hello 世界 and Привет!") == "Hello Shi Jie and Privet!"


@pytest.mark.parametrize("unit", ["- \n", "a\n", "- ", "…\n"])
def test_the_work_is_in_proportion_to_the_length(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.tts.text import normalization as speakable

    looks = 0
    has_sound = speakable._has_sound

    def counted(word: str) -> bool:
        nonlocal looks
        looks += 1
        return has_sound(word)

    monkeypatch.setattr(speakable, "_has_sound", counted)
    speakable_words(unit * 200)
    few, looks = looks, 0
    speakable_words(unit * 800)
    assert looks <= 5 * few


@pytest.mark.parametrize(
    ("text", "heard"),
    [("Yes.", True), ("```\nprint(1)\n```", False), ("👍", False), ("---", False), ("", False)],
)
def test_it_knows_whether_anything_is_heard(text: str, heard: bool) -> None:
    assert is_speakable(text) is heard
