"""The subcommands of `python -m agent`, a module each."""
