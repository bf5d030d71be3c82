"""Language models behind HTTP: requests that any of them can answer, and answers made speakable."""
