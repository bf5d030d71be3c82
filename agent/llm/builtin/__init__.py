"""Replies without a language model: an LLM that understands spoken requests by rules."""

from agent.llm.builtin.stream import BuiltinLLM

__all__ = ["BuiltinLLM"]
