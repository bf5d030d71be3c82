"""Recognition of speech: the engine, the streaming recogniser, and what becomes of a recording."""
