"""Piper: from text to phonemes to sound, piece by piece."""
