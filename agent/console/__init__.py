"""A conversation on a terminal, without a server."""
