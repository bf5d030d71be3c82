"""Language models behind HTTP: asked so that any of them can answer, heard so that it is speech."""
