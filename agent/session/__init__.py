"""One room: the conversation that is held there."""
