"""Calls for minutes or hours, and what they leave in a worker's memory."""
