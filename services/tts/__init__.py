"""Synthesis of speech: the engine, its text and its voices."""
