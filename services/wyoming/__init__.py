"""Hearing and voice for Home Assistant and other clients of the Wyoming protocol."""
