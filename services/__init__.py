"""Speech services shared by every room of a worker."""
