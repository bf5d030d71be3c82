"""Measurements against a real LiveKit server, and the caller they are made with."""

import os

# See services/__init__.py; the peers that are measured import onnxruntime by themselves.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
