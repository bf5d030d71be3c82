"""The plugin's logger; its parts log below it."""

import logging

logger = logging.getLogger("livekit.plugins.local_speech")
