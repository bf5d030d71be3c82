"""`python -m livekit.plugins.local_speech`: lists and fetches models."""

import sys

from ._services.livekit_plugin.command import main

sys.exit(main())
