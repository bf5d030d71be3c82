"""What the built-in replies say of themselves. They are in English only, as their tools are.

Their words are among those that the demo voice and the demo ASR both know, as far as they can be.
What the agent says in every language is in `agent.languages`.
"""

from __future__ import annotations

TOOL_FAILED = "Sorry, something went wrong. Please try again."
"""A tool raised an error."""
HOW_CAN_I_HELP = "How can I help?"
DID_NOT_UNDERSTAND = "Sorry, I did not understand that."
DID_NOT_CATCH = "Sorry, I did not catch that. Please say it again."
CANNOT_DO = "Sorry, I cannot do that from here."
ABILITIES = (
    "I can tell the time and the date, set a timer, do arithmetic, spell a word, or tell a joke."
)
NO_LLM = "No language model is set up, so I know only a few things."
LOCAL = "I run on your own machine, and nothing leaves it."

FIXED_PHRASES = (DID_NOT_UNDERSTAND, DID_NOT_CATCH, CANNOT_DO, HOW_CAN_I_HELP)
"""Phrases worth keeping ready as audio."""
