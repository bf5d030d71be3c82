"""The voice agent: worker, session, assistant."""
