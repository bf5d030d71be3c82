"""Measurements against a real LiveKit server.

`bench` compares the product with its peers, `soak` watches its memory, `load` calls any deployment.
"""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The repository."""
PROBE = ROOT / "benchmarks" / "probe"
"""On PYTHONPATH it measures or changes a program from inside."""

# See services/__init__.py; the peers that are measured import onnxruntime by themselves.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
