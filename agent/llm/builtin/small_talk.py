"""Answers that are talk rather than tools: greetings, names, repeating, spelling, jokes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from agent import phrases
from agent.llm.builtin.conversation import Conversation, said_name
from agent.tools.room_state import RoomState
from agent.tools.spoken.numbers import parse_number, spoken_number
from agent.tools.spoken.text import normalise, sentence

MAX_COUNTED = 100
"""How far the agent counts aloud."""
MAX_SPELLED_LETTERS = 60

JOKES = (
    "Why did the computer go to the doctor? Because it had a virus.",
    "What do you call a fish with no eyes? A fsh.",
    "I told my phone a joke, but it did not get it.",
)


@dataclass(frozen=True)
class Heard:
    """A matched request and its context."""

    words: str
    groups: dict[str, str]
    state: RoomState
    conversation: Conversation


Answer = Callable[[Heard], str | None]
"""Returns the reply, or None if the words mean something else."""

_ANSWERS: list[tuple[re.Pattern[str], Answer]] = []


def small_talk(words: str, state: RoomState, conversation: Conversation) -> str | None:
    """Return the reply to the request `words` (normalised), or None if it is no small talk."""
    for pattern, answer in _ANSWERS:
        found = pattern.fullmatch(words)
        if found:
            groups = {name: value for name, value in found.groupdict().items() if value}
            reply = answer(Heard(words, groups, state, conversation))
            if reply is not None:
                return reply
    return None


def _to(*patterns: str) -> Callable[[Answer], Answer]:
    def register(answer: Answer) -> Answer:
        _ANSWERS.extend((re.compile(pattern), answer) for pattern in patterns)
        return answer

    return register


@_to("(?:hello|hi|hey|greetings|welcome back)(?: there| again| you)*")
def _hello(heard: Heard) -> str:
    return "Hello, how can I help you?"


@_to("good (?P<part>morning|afternoon|evening|day)(?: to you| there)?")
def _good_morning(heard: Heard) -> str:
    return f"Good {heard.groups['part']}, how can I help you?"


@_to(
    "(?:hello |hi |hey |so )?(?:there )?how (?:are|do) you(?: do| doing| feeling)?(?: today| now)?",
    "how is it going(?: today)?|what is up|how have you been",
)
def _how_are_you(heard: Heard) -> str:
    return "I am good, thank you. How can I help?"


@_to(
    "(?:okay |great |yes |alright )?(?:many )?(?:thanks|thank you)(?: you)?"
    "(?: so much| very much| a lot| again| for .+)*",
    "i (?:love|like) you|you are (?:great|good|nice|the best|very good)|(?:very )?well done",
)
def _thanks(heard: Heard) -> str:
    return "You are welcome."


@_to("(?:okay |oh )?(?:yes|yeah|yep|sure|of course)(?: please| i (?:do|am|would))?|please")
def _yes(heard: Heard) -> str:
    return "Okay, how can I help?"


@_to(
    "(?:no|nope|nothing|never mind|not now)(?: thanks| thank you)?(?: very much| so much)?",
    "(?:okay |very )?(?:okay|alright|right|fine|good|great|cool|nice|correct|perfect|i see)",
    "(?:no )?(?:wait|hold on|one moment|just a moment)(?: a (?:minute|moment|second))?(?: please)?",
    "(?:no )?(?:stop|quiet|be quiet|silence|enough|that is enough|shut up|cancel)"
    "(?: it| that| talking| speaking)?(?: now)?",
    "it is .+ in the (?:morning|afternoon|evening)",
)
def _okay(heard: Heard) -> str:
    return "Okay."


@_to(
    "(?:(?:okay|well|hmm|um|so) )*let (?:me|us) (?:think|see|check|look)"
    "(?: about (?:it|that)| it up)?(?: for a (?:second|moment|minute))?(?: please)?",
    "(?:please )?(?:give me |just )?(?:a|one|just a|just one) (?:second|moment|minute)(?: please)?",
    "hang on(?: a (?:minute|moment|second))?(?: please)?|i am (?:still )?thinking",
)
def _thinking(heard: Heard) -> str:
    return "Take your time."


@_to("(?:goodbye|bye)(?: bye| for now| now)?|good night|(?:i will )?(?:see|talk to) you .+")
def _goodbye(heard: Heard) -> str:
    return "Goodbye, talk to you soon."


@_to("(?:are you|is (?:anybody|anyone|somebody)) (?:still )?(?:there|here)|hello are you there")
def _are_you_there(heard: Heard) -> str:
    return "Yes, I am here."


@_to("(?:can|do|could) you hear me(?: now)?|(?:one two )?(?:test|testing)(?: one two)?(?: three)?")
def _can_you_hear_me(heard: Heard) -> str:
    return "Yes, I can hear you."


@_to(
    "(?:who|what) are you|what is your name|(?:do you have|say|tell me) (?:a|your) name",
    "(?:introduce|describe) yourself|are you (?:a |an )?(?:real |really )?"
    "(?:robot|human|person|computer|machine|real|ai|chatbot|assistant)(?: .+)?",
    "who (?:made|built|created) you|how old are you",
)
def _who_are_you(heard: Heard) -> str:
    name = heard.state.agent_name
    called = f"I am {name}, your local voice assistant." if name else ""
    return f"{called or 'I am your local voice assistant.'} {phrases.LOCAL}"


@_to(
    "(?:where (?:are|do) you(?: run| live| from)?|are you (?:local|private|safe|online))",
    "(?:are you|is this|is anybody|is anyone|who is) (?:listening|recording|recorded|private)"
    "(?: .+)?|where (?:does|do) (?:my|the) (?:data|voice|words) go",
)
def _where_are_you(heard: Heard) -> str:
    return phrases.LOCAL


@_to(
    "what (?:else )?can (?:you do|i (?:say|ask)(?: you)?)(?: for me)?|help(?: me)?",
    "what do you know|(?:how|what) can you help(?: me)?(?: with)?|what (?:are your|can i ask).*",
)
def _what_can_you_do(heard: Heard) -> str:
    return f"{phrases.ABILITIES} {phrases.NO_LLM}"


@_to("(?:what is|do you know|say|tell me|remember|what was) my name|who am i|what am i called")
def _what_is_my_name(heard: Heard) -> str:
    name = heard.conversation.caller_name or heard.state.caller_name
    return f"Your name is {name}." if name else "I do not know your name yet."


@_to("(?:.* )?(?:my name is|call me|they call me|i am called) .+")
def _nice_to_meet_you(heard: Heard) -> str | None:
    # The request as it is written has the name as it is written.
    name = said_name(heard.conversation.request or "") or said_name(heard.words)
    return f"Nice to meet you, {name}." if name else None


@_to(
    "(?:tell|say|give|make)(?: me| us)? (?:a|another|one more|the)(?: new| good)? jokes?",
    "(?:another|one more) joke|(?:do you )?know (?:a|any) jokes?|make me laugh|(?:a )?joke",
    "say something funny|something funny",
)
def _joke(heard: Heard) -> str:
    others = [joke for joke in JOKES if joke != heard.conversation.last_reply]
    return heard.state.random.choice(others)


@_to("(?:what did i (?:just )?say|(?:repeat|say) what i (?:just )?said)(?: again)?")
def _what_did_i_say(heard: Heard) -> str:
    said = normalise(heard.conversation.last_request)
    return sentence(f"you said {said}") if said else phrases.DID_NOT_CATCH


@_to(
    "(?:(?:can|could|would|will) you )?(?:please )?(?:repeat|say)(?: that| it| this| yourself)?"
    "(?: again| once more| one more time| please)*",
    "(?:(?:can|could|would|will) you )?(?:please )?(?:repeat|say) what you (?:just )?said(?: .+)?",
    "pardon(?: me)?|come again|again|once more|one more time|sorry|excuse me|what|huh|say what",
    "what (?:did you (?:just )?say|was that|is that)(?: again)?|(?:i )?beg your pardon",
    "i (?:did|could|do) not (?:hear|catch|get|understand)(?: that| you| it)?",
)
def _repeat(heard: Heard) -> str:
    return heard.conversation.last_reply or phrases.HOW_CAN_I_HELP


@_to(
    "(?:repeat|say)(?: this)? after me (?P<echo>.+)",
    "(?:repeat|say) (?!(?:this )?after me$)(?:the words? )?(?P<echo>.+)",
)
def _echo(heard: Heard) -> str:
    return sentence(heard.groups["echo"])


@_to("(?:how (?:do you|is|do i|to) )?(?:spell|spelled|spelt)(?: the| a)?(?: word)? (?P<word>.+)")
@_to("how is (?P<word>.+) (?:spelled|spelt|written)")
def _spell(heard: Heard) -> str | None:
    word = heard.groups["word"]
    letters = [letter.upper() for letter in word if letter.isalnum()]
    if not letters:
        return None
    if len(letters) > MAX_SPELLED_LETTERS:
        return "Sorry, that is too long to spell."
    return sentence(f"{word} is spelled {', '.join(letters)}")


@_to(
    "count(?: up)?(?: for me)?(?: from (?P<start>.+?))? (?:to|until|till) (?P<end>.+)",
    "count (?:down|backwards)(?: from)? (?P<start>.+?)(?: to (?P<end>.+))?",
    "count (?P<end>.+)",
)
def _count(heard: Heard) -> str | None:
    down = "down" in heard.words or "backwards" in heard.words
    start = _whole_number(heard.groups.get("start", "one"))
    end = _whole_number(heard.groups.get("end", "one"))
    if start is None or end is None:
        return None
    if max(start, end) > MAX_COUNTED or min(start, end) < 0:
        return f"Sorry, I can count to {spoken_number(MAX_COUNTED)}."
    step = -1 if down or end < start else 1
    return sentence(", ".join(spoken_number(n) for n in range(start, end + step, step)))


def _whole_number(words: str) -> int | None:
    number = parse_number(words)
    return int(number) if number is not None and number.denominator == 1 else None


_REFUSALS = (
    (
        r"\b(?:weather|forecast|temperature|rain|raining|snow|snowing|sunny|umbrella)\b",
        "I cannot see the weather from here.",
    ),
    (r"^(?:call|phone|dial|ring)\b", "Sorry, I cannot call anybody from here."),
    (
        r"^(?:send|text|message|email|mail|write)\b|\b(?:an? (?:email|message)|my e?mails?)\b",
        "Sorry, I cannot send or read messages from here.",
    ),
    (
        r"^(?:play|sing|watch|skip|pause)\b",
        "Sorry, I cannot play anything from here.",
    ),
    (
        r"\b(?:news|google|internet|web|website|online|search|stocks?|scores?|traffic|directions?"
        r"|wikipedia|look up)\b",
        "Sorry, I cannot look that up. Nothing leaves this machine.",
    ),
    (r"^tell (?:me|us) (?:about|more|why|how|who|what|where|when|something)\b", phrases.NO_LLM),
    (
        r"^(?:open|close|find|read|start|stop|show|give|take|bring|make|keep|turn|move|check|tell"
        r"|switch|put|buy|get|order|book|lock|unlock|go to|clean|cook|drive|pay|set|change|help)"
        r" (?:the|my|a|an|me|us|all|some|it|that|this|off|on|up|down)\b",
        phrases.CANNOT_DO,
    ),
    (
        r"^(?:who|what|where|when|why|how|which|whose|is|are|does|do|did|can|could|should|will"
        r"|explain|translate|define|describe)\b",
        phrases.NO_LLM,
    ),
)
"""Requests that cannot be fulfilled, each with the honest answer; the first match counts."""


def refusal(words: str) -> str | None:
    """Return the honest answer to a request that cannot be fulfilled, or None if unknown."""
    for pattern, answer in _REFUSALS:
        if re.search(pattern, words):
            return answer
    return None


def unknown(conversation: Conversation) -> str:
    """Return the answer to words that mean nothing: ask again, and the second time offer help."""
    if conversation.last_reply.startswith(phrases.DID_NOT_UNDERSTAND):
        return f"{phrases.DID_NOT_UNDERSTAND} {phrases.ABILITIES}"
    return phrases.DID_NOT_UNDERSTAND
