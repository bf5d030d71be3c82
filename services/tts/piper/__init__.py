"""Piper voices: text to phonemes to sound, piece by piece."""
