"""The conversation of one room."""
