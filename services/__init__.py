"""Speech services shared by every room of a worker."""

import os

# From its import on, onnxruntime reports its use to its makers; this must be set before that.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
