"""Measurements against a real LiveKit server, and the caller they are made with."""
