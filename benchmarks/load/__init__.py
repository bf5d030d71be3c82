"""Callers against any deployment."""
