"""German, French, Spanish, Italian, Dutch and Portuguese are read as people read them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.spoken_text import corpus
from services.tts.text.normalization import speakable_words
from services.tts.text.sentences import split_sentences

LANGUAGES = ("de", "fr", "es", "it", "nl", "pt")


def spoken(text: str, language: str) -> str:
    return " ".join(word.spoken for word in speakable_words(text, language=language) if word.spoken)


def words(text: str) -> list[str]:
    """The words to compare: a mark or a capital makes no difference to the ear."""
    return re.sub(r"[^\w']+", " ", text.lower()).split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_line_of_the_corpus_is_read_in_one_of_its_ways(language: str) -> None:
    lines = corpus(language)
    assert len(lines) >= 60
    wrong = {
        line.written: read
        for line in lines
        if words(read := spoken(line.written, language)) not in map(words, line.readings)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("de", "Am 3. Oktober kommt Dr. Vogt um 9 Uhr. Er bleibt z. B. bis zum 5. Mai.", 2),
        ("de", "Das ist seine ganz eigene Art. Er kommt aus Berlin usw. und ist nett.", 2),
        ("de", "Wir verstehen Art. 5 nicht so ganz genau.", 1),
        ("fr", "Nous sommes arrivés après le vol. Il fait beau à Paris.", 2),
        ("fr", "Nous attendons M. Dupont ce soir. Il apporte du vin, p. ex. du rouge.", 2),
        ("es", "Esperamos al Sr. Pérez esta tarde. Trae vino, p. ej. vino tinto.", 2),
        ("it", "Aspettiamo il sig. Rossi questa sera. Porta il vino, per es. rosso.", 2),
        ("nl", "We wachten op dhr. Jansen vanavond. Hij brengt bijv. wijn mee.", 2),
        ("pt", "Esperamos o Sr. Silva esta noite. Ele traz vinho, p. ex. vinho tinto.", 2),
    ],
)
def test_an_abbreviation_or_an_ordinal_ends_no_sentence(
    language: str, text: str, sentences: int
) -> None:
    assert len(split_sentences(text, language=language)) == sentences


@given(
    st.sampled_from(LANGUAGES),
    st.lists(
        st.integers(0, 10**7) | st.sampled_from(["Haus", "casa", "Ärzte", "où", "5,5", "7.5"])
    ),
)
def test_every_number_is_read_in_words_and_no_other_word_is_lost(
    language: str, parts: list[int | str]
) -> None:
    text = " und ".join(str(part) for part in parts)
    found = speakable_words(text, language=language)
    assert [word.written for word in found] == text.split()
    assert not re.search(r"\d", "".join(word.spoken for word in found))
    for word in found:
        assert word.spoken.strip(",.") != ""
        if word.written.isalpha():
            assert word.spoken.strip(",") == word.written
