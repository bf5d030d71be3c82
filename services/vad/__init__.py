"""Voice activity detection in streams and recordings."""
