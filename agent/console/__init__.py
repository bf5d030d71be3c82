"""A conversation in a terminal, typed or spoken."""
