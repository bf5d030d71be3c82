"""Programs that run in the peers' own environment; they import nothing that is not there."""
