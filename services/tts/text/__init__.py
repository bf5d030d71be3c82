"""Text for synthesis: normalization, sentences, clauses."""
