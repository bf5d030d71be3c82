"""Samples and files of sound, whatever is to be done with them."""
