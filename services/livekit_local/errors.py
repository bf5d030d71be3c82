"""Errors of the engines as the framework's."""

from __future__ import annotations

from livekit.agents import APIConnectionError, APIError, APITimeoutError

from ..inference import EngineLost, EngineUnavailable, InferenceTimeout, QueueFull
from ..tts.types import SynthesisTimeout


def api_error(what: str, error: Exception) -> APIError:
    """Return the framework's error for a failure of `what`, with a truthful `retryable`."""
    if isinstance(error, APIError):
        return error
    if isinstance(error, (SynthesisTimeout, InferenceTimeout)):
        return APITimeoutError(f"{what}: {error}", retryable=True)
    if isinstance(error, (QueueFull, EngineUnavailable)):
        return APIConnectionError(f"{what} is busy: {error}", retryable=True)
    if isinstance(error, EngineLost):
        return APIConnectionError(f"{what} is out of reach: {error}", retryable=True)
    return APIConnectionError(f"{what} failed: {error}", retryable=False)
