"""The LiveKit server: one that this process starts, and the API of any for its rooms."""
