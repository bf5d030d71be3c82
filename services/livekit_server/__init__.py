"""The LiveKit server: one of our own, and what is asked of any about its rooms."""
