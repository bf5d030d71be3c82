"""How long a pause is waited for."""

from __future__ import annotations

import pytest

from services.endpointing.evidence import Evidence
from services.endpointing.policy import EndpointingPolicy, TurnTiming
from services.endpointing.verdict import WaitReason

_TIMING = TurnTiming(complete_seconds=0.25, incomplete_seconds=1.5)


@pytest.fixture
def policy() -> EndpointingPolicy:
    return EndpointingPolicy(_TIMING)


@pytest.mark.parametrize(
    "text", ["what time is it", "set a timer for five minutes", "tell me a joke", "goodbye"]
)
def test_a_complete_request_waits_shortest(policy: EndpointingPolicy, text: str) -> None:
    assert policy.judge(Evidence(text)).wait_seconds == _TIMING.complete_seconds


@pytest.mark.parametrize(
    "text", ["what is", "remind me in ten minutes to", "set a timer for the", "coffee and"]
)
def test_a_broken_off_request_waits_long(policy: EndpointingPolicy, text: str) -> None:
    assert policy.judge(Evidence(text)).wait_seconds > 1.2


def test_what_is_not_understood_yet_waits_longest(policy: EndpointingPolicy) -> None:
    assert policy.judge(Evidence("")).wait_seconds == _TIMING.incomplete_seconds


def test_a_request_that_usually_goes_on_waits_a_little(policy: EndpointingPolicy) -> None:
    wait = policy.judge(Evidence("what is the weather")).wait_seconds
    assert _TIMING.complete_seconds < wait < _TIMING.incomplete_seconds


def test_an_unsure_decode_waits_longer(policy: EndpointingPolicy) -> None:
    sure = policy.judge(Evidence("what time is it", -0.05)).wait_seconds
    assert policy.judge(Evidence("what time is it", -0.8)).wait_seconds > sure


def test_a_voice_that_sounds_unfinished_waits_longer(policy: EndpointingPolicy) -> None:
    finished = policy.judge(Evidence("call alice", acoustic_probability=0.9)).wait_seconds
    assert policy.judge(Evidence("call alice", acoustic_probability=0.1)).wait_seconds > finished


def test_a_caller_who_goes_on_after_whole_sentences_is_given_time(
    policy: EndpointingPolicy,
) -> None:
    said = Evidence("what time is it")
    for _ in range(3):
        policy.note_inner_pause(0.35, said)
    assert policy.judge(said).wait_seconds == pytest.approx(0.45)
    for _ in range(3):
        policy.note_turn()
    assert policy.judge(said).wait_seconds == _TIMING.complete_seconds


def test_breaks_within_a_sentence_do_not_slow_its_end(policy: EndpointingPolicy) -> None:
    for _ in range(4):
        policy.note_inner_pause(0.9, Evidence("what is"))
    assert policy.judge(Evidence("what time is it")).wait_seconds == _TIMING.complete_seconds


@pytest.mark.parametrize(
    "text",
    [
        "My phone number is 555.",
        "My number is 415, 555.",
        "you can reach me on my mobile zero seven nine",
        "My phone number is five",
        "The card number is 4111 1111",
        "4111 1111",
        "It's J-O-H-N",
        "that is spelled M. A. R",
        "My email is john.smith",
        "my e-mail address is anna.k at",
        "My address is 221",
        "Let me think.",
        "hold on please",
        "well, you know",
    ],
)
def test_what_is_dictated_or_thought_over_is_given_time(
    policy: EndpointingPolicy, text: str
) -> None:
    assert policy.judge(Evidence(text)).wait_seconds >= 0.8


@pytest.mark.parametrize(
    "text",
    [
        "My phone number is 415 555 01 32.",
        "My card number is 4111 1111 1111 1111.",
        "My email is john.smith@example.org.",
        "my e-mail is john at example dot org",
        "I was born on May 5, 2024.",
        "What is 17 times 25?",
        "It cost 1,000,000.",
        "I live in the U.S.",
        "what do you know",
        "I want to order 2.",
        "I would like a new phone or two.",
        "The mobile costs me 2.",
    ],
)
def test_a_whole_number_or_address_waits_little(policy: EndpointingPolicy, text: str) -> None:
    assert policy.judge(Evidence(text)).wait_seconds <= 0.6


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Ich möchte gerne einen"),
        ("de", "Ich weiß nicht, ob"),
        ("de-DE", "ich möchte"),
        ("de", "Meine Telefonnummer ist 030 12"),
        ("es", "Quiero reservar una"),
        ("es", "Me gustaría"),
        ("fr", "Je voudrais réserver une table pour"),
        ("it", "vorrei prenotare un tavolo per"),
        ("nl", "zet een timer voor"),
        ("pt", "eu quero uma mesa para"),
    ],
)
def test_a_broken_off_request_of_another_language_waits_long(
    policy: EndpointingPolicy, language: str, text: str
) -> None:
    assert policy.judge(Evidence(text, language=language)).wait_seconds >= 0.8


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Mach das Licht an."),
        ("de", "Was ist das?"),
        ("es", "¿Qué hora es?"),
        ("fr", "Quelle heure est-il ?"),
        ("it", "Che ore sono?"),
        ("nl", "Hoe laat is het nu?"),
        ("pt", "Que horas são?"),
    ],
)
def test_a_complete_request_of_another_language_waits_little(
    policy: EndpointingPolicy, language: str, text: str
) -> None:
    assert policy.judge(Evidence(text, language=language)).wait_seconds <= 0.6


@pytest.mark.parametrize(
    ("language", "text"), [("ja", "今何時ですか"), ("zh", "现在几点了？"), ("ru", "Который час?")]
)
def test_a_language_without_rules_is_not_waited_for_longest(
    policy: EndpointingPolicy, language: str, text: str
) -> None:
    assert policy.judge(Evidence(text, language=language)).wait_seconds <= 1.0


def test_english_rules_do_not_judge_another_language(policy: EndpointingPolicy) -> None:
    text = "Mach die Tür to"
    assert (
        policy.judge(Evidence(text)).wait_seconds
        > policy.judge(Evidence(text, language="de")).wait_seconds
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("what time is it", WaitReason.COMPLETE),
        ("set a timer for", WaitReason.UNSURE),
        ("My phone number is 555.", WaitReason.DICTATING),
        ("My phone number is 555,", WaitReason.DICTATING),
        ("7, 2, 7,", WaitReason.DICTATING),
        ("J-O-H-", WaitReason.DICTATING),
        ("It's J-O-H-N", WaitReason.DICTATING),
        ("My email is john.smith", WaitReason.DICTATING),
        ("My address is 221", WaitReason.DICTATING),
        ("Let me think.", WaitReason.THINKING),
        ("I would like, um", WaitReason.THINKING),
        ("", WaitReason.NOTHING_HEARD),
    ],
)
def test_a_wait_has_its_reason(policy: EndpointingPolicy, text: str, reason: WaitReason) -> None:
    assert policy.judge(Evidence(text)).reason is reason
