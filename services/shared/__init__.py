"""The models of a process, each loaded once and shared by every room."""
