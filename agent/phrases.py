"""The agent's fixed phrases: apologies, questions, and what it says of itself.

Their words are among those that the demo voice and the demo ASR both know, as far as they can be.
"""

from __future__ import annotations

BACK = "Sorry, something went wrong. I am back now."
"""The greeting of an agent that takes over from one that is gone."""

CALL_ENDED = "The call has ended."
"""What callers read, not hear, once the agent has said goodbye."""

LLM_DOWN = "Sorry, something went wrong. Please try again."
"""The LLM could not be reached, or refused."""
LLM_SLOW = "Sorry, that took too long. Please try again."
"""The LLM did not answer in time."""
LLM_CUT_OFF = "Sorry, something went wrong. Please say it again."
"""The LLM's answer ended in the middle."""
LLM_SILENT = "Sorry, I did not understand that."
"""The LLM answered with nothing at all."""
LLM_UNSPEAKABLE = "Sorry, I cannot say that aloud."
"""The LLM answered with nothing that can be read aloud, such as a block of code or an emoji."""
TOOLS_WITHOUT_END = "Sorry, I could not do that. Please ask me again."
"""The LLM called one tool after another and never answered."""
WAKING = "One moment please, I am just waking up."
"""The LLM's model may have to be loaded, and the first word takes long."""
TOOL_FAILED = "Sorry, something went wrong. Please try again."
"""A tool raised an error."""

STILL_THERE = "Are you still there?"
"""Asked once after a long silence."""
NOBODY_ANSWERS = "I did not hear you, so I will end the call now. Goodbye."
"""Said before ending the call of a caller who did not answer that."""

HOW_CAN_I_HELP = "How can I help?"
DID_NOT_UNDERSTAND = "Sorry, I did not understand that."
DID_NOT_CATCH = "Sorry, I did not catch that. Please say it again."
CANNOT_HEAR = "Sorry, I cannot hear you now. Please type, or try again in a minute."
"""The recogniser keeps failing and is left alone for a while."""
CANNOT_DO = "Sorry, I cannot do that from here."
ABILITIES = (
    "I can tell the time and the date, set a timer, do arithmetic, spell a word, or tell a joke."
)
NO_LLM = "No language model is set up, so I know only a few things."
LOCAL = "I run on your own machine, and nothing leaves it."

FIXED_PHRASES = (
    BACK,
    LLM_DOWN,
    LLM_SLOW,
    LLM_CUT_OFF,
    LLM_UNSPEAKABLE,
    TOOLS_WITHOUT_END,
    WAKING,
    DID_NOT_UNDERSTAND,
    DID_NOT_CATCH,
    CANNOT_HEAR,
    CANNOT_DO,
    HOW_CAN_I_HELP,
    STILL_THERE,
    NOBODY_ANSWERS,
)
"""Phrases worth keeping ready as audio."""
