"""Voice activity: where in a stream or a recording somebody speaks."""
