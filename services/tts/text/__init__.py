"""What is to be said, in sentences and clauses that can be read aloud."""
