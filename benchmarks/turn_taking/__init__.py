"""When a turn ends: false cut-offs against added wait, on people's recordings."""
