"""Agents as their owner writes them: a folder of files, read, checked and chosen from."""
