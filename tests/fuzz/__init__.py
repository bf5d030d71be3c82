"""Made-up input for every door, by hypothesis: seconds in `make test`, hours in `make fuzz`."""
