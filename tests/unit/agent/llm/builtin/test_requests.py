"""Every kind of spoken request gets its answer; `data/requests.txt` has those of the demo ASR."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
from livekit.agents import llm

from agent import phrases
from agent.llm.builtin import BuiltinLLM
from agent.llm.builtin.small_talk import JOKES
from agent.tools import RoomState, Toolbox
from tests.support.manual_clock import ManualClock

REQUESTS = (
    (Path(__file__).parents[4] / "support" / "data" / "requests.txt").read_text().splitlines()
)
N = r"[a-z ]+"
"""A number in words."""

EXPECTED = (
    (r"what (?:time is it|is the time now)", r"It is three forty five in the afternoon\."),
    (r"what day is it today|what is the date today", r"Today is Saturday the .+ of November\."),
    (rf"what is ({N}) (?:plus|minus|times|divided by) ({N})", rf"{N.title()}.* is (?:about )?.+\."),
    (rf"set a timer for ({N})s", r"Timer set for \1s?\."),
    (rf"remind me in ({N}) minutes to (.+)", r"I will remind you in \1 minutes to \2\."),
    (r"my name is (.+)", r"Nice to meet you, \1\."),
    (r"what is my name", r"I do not know your name yet\."),
    (r"who are you", r"I am your local voice assistant\..+"),
    (r"what can you do", r"I can tell the time .+"),
    (r"tell me a joke", "|".join(re.escape(joke) for joke in JOKES)),
    (r"hello", r"Hello, how can I help you\?"),
    (r"hello there how are you", r"I am good, thank you\..+"),
    (r"good morning", r"Good morning, how can I help you\?"),
    (r"thank you very much|okay thanks", r"You are welcome\."),
    (r"goodbye", r"Goodbye, talk to you soon\."),
    (r"please stop talking|no|no thank you|it is .+ in the .+", r"Okay\."),
    (r"yes|yes please", r"Okay, how can I help\?"),
    (r"can you repeat that", r"How can I help\?"),
    (r"repeat after me (.+)", r"\1\."),
    (r"what is the weather .+", r"I cannot see the weather from here\."),
    (r"call .+", r"Sorry, I cannot call anybody from here\."),
    (r"flip a coin", r"Heads\.|Tails\."),
    (r"roll a dice", r"You rolled an? (?:one|two|three|four|five|six)\."),
    (rf"pick a number between ({N}) and ({N})", rf"The answer is {N}\."),
    (rf"count to ({N})", r"One.*\1\."),
    (r"spell (.+)", r"\1 is spelled [A-Z](?:, [A-Z])*\."),
    (r"add (.+) to my list", r"Added \1 to your list\."),
)

ONLY_ASKS_AGAIN = (
    phrases.DID_NOT_UNDERSTAND,
    phrases.DID_NOT_CATCH,
    phrases.CANNOT_DO,
    "Sorry, I cannot play anything from here.",
    "Sorry, I cannot send or read messages from here.",
)


async def reply_to(*turns: str, state: RoomState | None = None) -> str:
    """Have the caller say these, running the tools that are called; the last reply."""
    state = state or RoomState(clock=ManualClock(), random=Random(1))
    toolbox = Toolbox(state)
    builtin = BuiltinLLM(toolbox)
    chat_ctx = llm.ChatContext.empty()
    said = ""
    for turn in turns:
        chat_ctx.add_message(role="user", content=turn)
        response = await builtin.chat(chat_ctx=chat_ctx, tools=[*toolbox.function_tools]).collect()
        said = response.text
        for call in response.tool_calls:
            result = await llm.execute_function_call(call, llm.ToolContext(toolbox.function_tools))
            assert result.fnc_call_out is not None
            chat_ctx.insert([result.fnc_call, result.fnc_call_out])
        if response.tool_calls:
            again = builtin.chat(chat_ctx=chat_ctx, tools=[*toolbox.function_tools])
            said = f"{said} {(await again.collect()).text}".strip()
        # What was spoken in a room ends with a space.
        chat_ctx.add_message(role="assistant", content=f"{said} ")
    await state.aclose()
    return said


def is_answered(request: str, said: str) -> bool:
    for pattern, expected in EXPECTED:
        found = re.fullmatch(pattern, request)
        if found:
            return re.fullmatch(found.expand(expected), said, re.IGNORECASE) is not None
    return said in ONLY_ASKS_AGAIN


async def test_each_request_of_the_demo_gets_its_answer() -> None:
    replies = {request: await reply_to(request) for request in REQUESTS}
    assert {q: a for q, a in replies.items() if not is_answered(q, a)} == {}


def test_the_requests_hold_every_kind() -> None:
    for pattern, _ in EXPECTED:
        assert any(re.fullmatch(pattern, request) for request in REQUESTS), pattern


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("What's 7 x 8?", "Seven times eight is fifty six."),
        ("Hey, could you please tell me what time it is now?", "It is three forty five"),
        ("uh what time is it um", "It is three forty five"),
        ("thank you what time is it", "It is three forty five"),
        ("I would like to know the time.", "It is three forty five"),
        ("What's the date tomorrow?", "Tomorrow is Sunday"),
        ("What day was it yesterday?", "Yesterday was Friday"),
        ("how many days until christmas", "There are thirty four days"),
        ("what year is it", "It is twenty twenty six."),
        ("how much is fifteen percent of eighty", "The answer is twelve."),
        ("two plus two", "Two plus two is four."),
        ("Set a timer for 5 minutes, please.", "Timer set for five minutes."),
        ("can you set a 20-minute timer for me", "Timer set for twenty minutes."),
        ("start a timer for an hour and a half", "Timer set for one hour and thirty minutes."),
        ("set an alarm for seven", "Timer set for seven in the evening."),
        ("wake me up at 6 a.m.", "Timer set for six in the morning."),
        ("set a timer for ten days", "Sorry, a timer can be one week long"),
        (
            "remind me to call my mom in ten minutes",
            "I will remind you in ten minutes to call your",
        ),
        ("remind me at half past five to feed the cat", "I will remind you at five thirty in the"),
        ("what time is it and what day is it", "It is three forty five in the afternoon. Today is"),
        ("set a timer for five minutes and what time is it", "It is three forty five"),
        ("count down from three", "Three, two, one."),
        ("how do you spell rhythm", "Rhythm is spelled R, H, Y, T, H, M."),
        ("call me Ada", "Nice to meet you, Ada."),
        ("call me a taxi", "Sorry, I cannot call anybody from here."),
        ("are you a robot", "I am your local voice assistant."),
        ("who is listening to this", phrases.LOCAL),
        ("are you there", "Yes, I am here."),
        ("can you hear me", "Yes, I can hear you."),
        ("who wrote hamlet", phrases.NO_LLM),
        ("tell me about the moon", phrases.NO_LLM),
        ("play some music", "Sorry, I cannot play anything from here."),
        ("send an email to bob", "Sorry, I cannot send or read messages from here."),
        ("search the web for cats", "Sorry, I cannot look that up."),
        ("turn on the lights", phrases.CANNOT_DO),
        ("will it rain tomorrow", "I cannot see the weather from here."),
        ("asdf qwerty", phrases.DID_NOT_UNDERSTAND),
        ("what is ten divided by zero", "Sorry, nothing can be divided by zero."),
        ("hang up please", "Goodbye, talk to you soon."),
        ("Let me think.", "Take your time."),
        ("well let me think about it", "Take your time."),
        ("Just a second, please.", "Take your time."),
    ],
)
async def test_people_ask_in_many_ways(request_text: str, expected: str) -> None:
    assert (await reply_to(request_text)).startswith(expected)


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("Add milk, eggs and bread to my list.", "Added milk, eggs and bread to your list."),
        (
            "Please put eggs,milk, and 1,000 nails on my shopping list, thanks.",
            "Added eggs, milk and 1000 nails to your list.",
        ),
        (
            "Add mac and cheese, salt and pepper, and O'Brien potatoes to the list.",
            "Added mac and cheese, salt, pepper and o'brien potatoes to your list.",
        ),
        ("Add half and half to my list", "Added half and half to your list."),
        ("My name is O'Brien.", "Nice to meet you, O'Brien."),
        ("Hi, my name is Anne-Marie O’Connor-Smith.", "Nice to meet you, Anne-Marie O’Connor-"),
        ("Call me José.", "Nice to meet you, José."),
        ("My name is Dr. McDonald and I live in Boston.", "Nice to meet you, Dr. McDonald."),
        ("My name is Juan de la Cruz.", "Nice to meet you, Juan de la Cruz."),
        ("my name is o'brien", "Nice to meet you, O'Brien."),
        ("Set an alarm for 7.30.", "Timer set for seven thirty in the evening."),
        ("Set an alarm for 7.30am", "Timer set for seven thirty in the morning."),
        ("Set a timer for 7.30 p.m.", "Timer set for seven thirty in the evening."),
        ("Set an alarm for 19.45.", "Timer set for seven forty five in the evening."),
        ("Set an alarm for half seven.", "Timer set for seven thirty in the evening."),
        ("set an alarm for 730", "Timer set for seven thirty in the evening."),
        ("Wake me at quarter till eight.", "Timer set for seven forty five in the evening."),
        ("Set a timer for 7.5 minutes.", "Timer set for seven minutes and thirty seconds."),
        ("Set a timer for 2.30 minutes.", "Timer set for two minutes and eighteen seconds."),
        ("Set an alarm for half.", "For how much time?"),
        ("What is 7.30 plus 1?", "The answer is eight point three."),
        ("What day is December 25th?", "December twenty fifth is Friday the twenty fifth of Dec"),
        ("What day is December 25?", "December twenty fifth is Friday"),
        ("What day is the 3rd of May?", "The third of May is Monday the third of May."),
        ("What day is May 3rd, 2027?", "May third twenty twenty seven is Monday"),
        ("What day is 2026-12-25?", "December twenty fifth twenty twenty six is Friday"),
        ("What day was the 4th of July 1976?", "The fourth of July nineteen seventy six was Sun"),
        ("How many days until Jan 1st?", "There are forty one days until January first."),
    ],
)
async def test_what_is_written_as_in_print_is_understood(request_text: str, expected: str) -> None:
    assert (await reply_to(request_text)).startswith(expected)


@pytest.mark.parametrize(
    "request_text", ["", "   ", "...", "😀😀", "\x00", "什么时间", "uh", "um er"]
)
async def test_nothing_intelligible_is_asked_for_again(request_text: str) -> None:
    assert await reply_to(request_text) == phrases.DID_NOT_CATCH


@pytest.mark.parametrize(
    "request_text",
    [
        "a" * 10**5,
        "what is " + "one plus " * 2000,
        "set " * 3000,
        "( " * 2000,
        "remind me to " * 300,
        "add " * 20_000 + "to my list",
        "add a, " * 20_000,
    ],
)
async def test_endless_requests_are_answered_too(request_text: str) -> None:
    assert len(await reply_to(request_text)) < 400


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("what is", "seven times eight"), "Seven times eight is fifty six."),
        (("set a timer", "five minutes"), "Timer set for five minutes."),
        (("set a timer for", "five minutes"), "Timer set for five minutes."),
        (("set a timer for five", "minutes"), "Timer set for five minutes."),
        (("set a timer for banana", "five minutes"), "Timer set for five minutes."),
        (("set a timer for", "um", "five minutes"), "Timer set for five minutes."),
        (
            ("remind me in ten minutes to", "call bob"),
            "I will remind you in ten minutes to call bob.",
        ),
        (("remind me in ten minutes", "call bob"), "I will remind you in ten minutes to call bob."),
        (("remind me to call bob", "ten minutes"), "I will remind you in ten minutes to call bob."),
        (("repeat after me", "red door"), "Red door."),
        (("spell", "door"), "Door is spelled D, O, O, R."),
        (("what is the", "what time is it"), "It is three forty five in the afternoon."),
        (("set a timer for", "never mind"), "Okay."),
    ],
)
async def test_a_request_broken_off_is_completed_by_the_next_turn(
    turns: tuple[str, ...], expected: str
) -> None:
    assert await reply_to(*turns) == expected


async def test_what_lacks_is_asked_for() -> None:
    assert await reply_to("set a timer for") == "For how much time?"
    assert await reply_to("remind me in ten minutes to") == "Remind you to do what?"
    assert await reply_to("remind me to call bob") == "In how much time?"
    assert await reply_to("what is") == phrases.DID_NOT_CATCH


async def test_the_second_time_in_a_row_it_helps() -> None:
    said = await reply_to("asdf qwerty", "qwerty asdf")
    assert said == f"{phrases.DID_NOT_UNDERSTAND} {phrases.ABILITIES}"


async def test_the_last_reply_is_repeated() -> None:
    for repeat in ("say that again", "can you repeat that", "pardon", "what did you say"):
        assert await reply_to("what is two plus two", repeat) == "Two plus two is four."
    assert await reply_to("hello there", "what did i say") == "You said hello there."


async def test_the_callers_name_is_remembered() -> None:
    assert await reply_to("my name is ada", "hello", "what is my name") == "Your name is Ada."
    assert await reply_to("I'm called Bob", "call me Ada", "who am i") == "Your name is Ada."


async def test_a_joke_is_not_told_twice_in_a_row() -> None:
    for seed in range(10):
        state = RoomState(clock=ManualClock(), random=Random(seed))
        first = JOKES[0]
        while (await reply_to("tell me a joke", state=state)) != first:
            pass
        state.random.seed(seed)
        told = [await reply_to("tell me a joke", "another joke", state=state) for _ in range(3)]
        assert set(told) <= set(JOKES)


async def test_the_agents_own_name_is_understood_and_told() -> None:
    state = RoomState(agent_name="Robin", clock=ManualClock())
    assert (await reply_to("who are you", state=state)).startswith("I am Robin,")
    assert (await reply_to("Robin, what time is it?", state=state)).startswith("It is three")


async def test_lists_and_timers_live_through_a_conversation() -> None:
    assert (
        await reply_to(
            "add milk to my list", "put eggs and bread on my shopping list", "what's on my list"
        )
        == "Your list has three things, milk, eggs and bread."
    )
    assert (
        await reply_to("set a timer for five minutes", "how much time is left")
        == "There are five minutes left."
    )
    assert (
        await reply_to("set a timer for five minutes", "cancel the timer", "how much time is left")
        == "There are no timers."
    )
