"""The process: what it starts, watches and ends."""
