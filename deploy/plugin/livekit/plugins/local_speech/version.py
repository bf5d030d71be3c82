"""The version of the plugin."""

from importlib import metadata

__version__ = metadata.version("livekit-plugins-local-speech")
