"""Clients of every kind who come at once and vanish at any moment, and what that leaves behind."""
