"""OpenAI's audio endpoints on the models of this process, for programs that hold a key."""
