"""The process and the machine it runs on: memory, cores, threads, files, event loops."""
