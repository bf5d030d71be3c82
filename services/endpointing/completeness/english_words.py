"""The English words that tell whether an utterance is complete."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


CONTRACTIONS = {"'s": "is", "'re": "are", "'m": "am", "'ll": "will", "'d": "would", "'ve": "have"}

WHOLE_UTTERANCES = _set(
    "hello hi hey goodbye bye yes no okay ok thanks stop wait why yeah yep nope sure cancel help "
    "continue pardon sorry quiet enough heads tails alright good great nice fine perfect right "
    "exactly correct cool"
) | {
    "thank you",
    "no thank you",
    "thank you very much",
    "good morning",
    "good afternoon",
    "good evening",
    "good night",
    "excuse me",
    "never mind",
    "come on",
    "go on",
    "go ahead",
    "of course",
    "not yet",
    "how come",
    "so what",
    "what for",
    "me too",
    "i do",
    "what else",
    "hang up",
    "shut up",
    "wake up",
    "sit down",
    "slow down",
    "speak up",
    "come in",
    "anything else",
}

ARTICLES = _set("a an the my your our their every each another its his")
CONJUNCTIONS = _set("and or but because if when while than as which whose unless although nor")
SUBORDINATORS = _set("if because while although unless")
FILLERS = _set("um uh er erm hmm mm ah")
SUBJECTS = _set("i you he she it we they this that there")
OBJECTS = _set("me him her it us them this that you")
BE = _set("is are am was were")
DO = _set("do does did have has had")
MODALS = _set("will would can could should shall must might may")
AUXILIARIES = BE | DO | MODALS | _set("be been being cannot don't doesn't didn't isn't")
QUESTION_WORDS = _set("what who where when why how which whose")
MEASURES = _set("time day date kind sort type year month number color many much far long old often")
PREPOSITIONS = _set(
    "for to at of with from by between until till into onto after before against through during "
    "without within toward towards under among per via since"
)
PARTICLES = _set("in on up down off out over back about away around")
PARTICLE_VERBS = _set(
    "hang shut wake give stand sit calm slow speed come go log sign carry hold move watch "
    "shut stay get back keep"
)
ADVERBS_OF_DEGREE = _set("very too really quite more most much extremely rather pretty even")
ADJECTIVES = _set(
    "red green blue black white yellow small big large little old new happy sad warm cold quick "
    "slow bright dark quiet loud good bad great nice first second next last other same whole "
    "main best"
)
DEMANDING_VERBS = _set(
    "set spell add tell give show remind pick roll flip find call send bring take make put buy "
    "keep want need let get say repeat count turn switch play put translate calculate convert "
    "choose rename create delete remove schedule book order thank"
)
OPENABLE_VERBS = _set("open close read write start move check help")
INDIRECT_OBJECT_VERBS = _set(
    "tell give show remind bring send let make buy read teach ask get find fetch hand pass order "
    "pour lend"
)
OPERATORS = _set("plus minus times divided multiplied over squared percent")
USUALLY_DETAILED = _set("weather forecast number timer alarm reminder meeting appointment")
USUALLY_DATED_VERBS = _set("call meet visit email text invite")
TIME_UNITS = _set("second minute hour day week month year")
NUMBERS = _set(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million oh zero point"
)
HOURS = _set("one two three four five six seven eight nine ten eleven twelve")
TENS = _set("twenty thirty forty fifty sixty seventy eighty ninety")
POLITE = _set("please can could would will you okay so well hey hello hi there now and just um uh")
VERBS_OF_OPINION = _set("think hope believe guess feel so")
VERBS_WITH_PREPOSITION = _set("look talk looking talking listening made used")
BEFORE_A_VERB = _set("to please will no i we")

THINKING_ALOUD = (
    "let me think",
    "let me see",
    "let me check",
    "let me look",
    "give me a second",
    "give me a moment",
    "give me a minute",
    "just a second",
    "just a moment",
    "just a minute",
    "one second",
    "one moment",
    "hold on",
    "hang on",
    "you know",
    "i mean",
    "how do i say",
    "what is the word",
)
"""A caller who says so has not finished."""
