"""What an operator sees: log lines, traces, and errors of the network in plain words."""
