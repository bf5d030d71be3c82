"""Complete requests are told from broken-off ones by their words."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.endpointing.completeness import judge_completeness

DATA = Path(__file__).parents[3] / "support" / "data"
REQUESTS = (DATA / "requests.txt").read_text().splitlines()
BROKEN_OFF = (DATA / "broken_off.txt").read_text().splitlines()

COMPLETE = """
what time is it
What's the time?
set a timer for five minutes
set a timer for 10 minutes
set an alarm for seven thirty
set an alarm for 7:30
wake me up at seven
remind me in ten minutes to open the door
turn it on
turn off the lights
who are you
how are you
where are you from
what are you looking at
what is it for
tell me a joke
can you help me
please stop talking
what can you do
what do you think
how does it work
say that again
can you repeat that
i think so
yes i do
what is the capital of france
who wrote hamlet
how many people live in london
what happened
add milk to my list
count to ten
spell water
roll a dice
my name is alice
hang up
never mind
it is raining
tell me more
i want to go home
what is seven times eight
what is 7 times 8
are you there
what about tomorrow
how old are you
do you know what time it is
thank you very much
What's the weather like?
good
when is christmas
who is it
heads
call carol on wednesday the fifth of may
""".strip().splitlines()

INCOMPLETE = """
what is
what is the
set a
set a timer for
set a timer for five
set a timer for twenty five
remind me
remind me in
remind me in ten minutes
remind me in ten minutes to
can you
could you please
i want
i want to
tell me
tell me a
tell me about
get me
please find me
what time
what time is
what is seven
what is seven plus
what is seven times
add milk to
add milk to my
my name is
what is my
how many
how many people live in
where is
because
and
the
call alice on
call alice on friday the
if i go there
i think that
so um
uh
turn on the
turn off
please
hello there how
pick a number between
pick a number between five and
count to
spell
repeat after me
no thank
open the red
what do you
how do i
I'm going to
do you know what
and then
let me
what if
for ten minutes and
is there a
is it
hello ...
so I was,
what kind of
""".strip().splitlines()


@pytest.mark.parametrize("text", COMPLETE)
def test_complete_requests(text: str) -> None:
    judgement = judge_completeness(text)
    assert judgement.probability >= 0.6, judgement.reason


@pytest.mark.parametrize("text", INCOMPLETE)
def test_broken_off_requests(text: str) -> None:
    judgement = judge_completeness(text)
    assert judgement.probability <= 0.3, judgement.reason


def test_no_request_of_the_demo_is_taken_for_broken_off() -> None:
    words_only = [text for text in REQUESTS if text[0].islower()]
    low = {text for text in words_only if judge_completeness(text).probability < 0.5}
    assert len(low) <= 0.01 * len(REQUESTS), low


def test_most_beginnings_of_requests_are_seen_to_be_broken_off() -> None:
    """The rest are complete as they stand, such as "alice will open the door" (to bob)."""
    low = [text for text in BROKEN_OFF if judge_completeness(text).probability < 0.5]
    assert len(low) >= 0.75 * len(BROKEN_OFF)


@pytest.mark.parametrize("text", ["", "  ", "...", "?!", "😀"])
def test_nothing_said_is_not_complete(text: str) -> None:
    assert judge_completeness(text).probability <= 0.5


@pytest.mark.parametrize("text", ["什么时间", "сколько времени", "こんにちは"])
def test_other_scripts_are_left_open(text: str) -> None:
    assert judge_completeness(text).probability in (0.0, 0.5)


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "the " * 10**5, "'" * 1000, "what " * 999, "1 " * 999]
)
def test_odd_text_is_judged_all_the_same(text: str) -> None:
    judgement = judge_completeness(text)
    assert 0.0 <= judgement.probability <= 1.0
    assert judgement.reason
