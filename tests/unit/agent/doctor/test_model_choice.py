"""The doctor judges what other sizes would take by what the one in use takes."""

import pytest

from agent.doctor.model_choice import better_in_time, other_sizes, quicker
from services.models import ASR_CATALOGUE


def test_what_other_sizes_take_follows_from_the_one_that_was_measured() -> None:
    assert other_sizes("base", 0.2) == {"tiny": 0.1, "small": 1.0}
    assert other_sizes("tiny.en", 0.1) == {"base.en": 0.2, "small.en": 1.0}
    assert other_sizes("mine", 0.1) == {}


@pytest.mark.parametrize("name", ["tiny", "base.en", "small"])
def test_every_recommended_model_can_be_fetched(name: str) -> None:
    assert set(other_sizes(name, 0.2)) <= ASR_CATALOGUE.keys()


@pytest.mark.parametrize(
    ("name", "seconds", "said"),
    [
        ("base", 0.08, "ASR_MODEL=small, which makes fewer errors, would take about 0.40 s"),
        ("tiny.en", 0.1, "ASR_MODEL=base.en, which makes fewer errors, would take about 0.20 s"),
        ("base", 0.2, ""),
        ("small", 0.4, ""),
        ("demo", 0.05, ""),
    ],
)
def test_a_larger_model_is_named_where_it_would_be_in_time(
    name: str, seconds: float, said: str
) -> None:
    assert better_in_time(name, seconds) == said


@pytest.mark.parametrize(
    ("name", "seconds", "said"),
    [
        ("base", 0.8, "choose ASR_MODEL=tiny: it would take about 0.40 s"),
        ("small", 2.0, "choose ASR_MODEL=base: it would take about 0.40 s"),
        ("small", 8.0, "ASR_MODEL=tiny would take 0.80 s"),
        ("tiny", 0.9, "it is the smallest model"),
        ("my-folder", 0.9, "choose a smaller model"),
    ],
)
def test_where_a_model_is_slow_the_cure_is_one_that_is_not(
    name: str, seconds: float, said: str
) -> None:
    assert said in quicker(name, seconds)
