"""What tests and benchmarks share: callers, recordings, models, processes, checks for leaks."""
