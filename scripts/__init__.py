"""Chores of the repository, run by its Makefile."""
