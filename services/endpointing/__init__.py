"""Whether the caller is done: what the words and the silence say of it."""
