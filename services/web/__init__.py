"""The page, its tokens, health and status over HTTP."""
