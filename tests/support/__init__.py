"""What tests share: recordings, genuine models, processes, checks for leaks."""
