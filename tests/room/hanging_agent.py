"""`python -m tests.room.hanging_agent start`: the product, whose first decode never comes back."""

from __future__ import annotations

import sys
import threading

import pytest
from livekit.agents import JobContext

from agent.__main__ import main
from agent.runtime import worker
from agent.session.room import RoomServices, converse
from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.transcription import Transcription
from services.audio.samples import Samples
from services.inference import Run

_decode = StreamingASR.decode
_hangs = threading.Semaphore(0)
"""How many decodes are still to hang."""
_armed = threading.Event()


async def _converse(ctx: JobContext, services: RoomServices) -> None:
    """Let one decode hang from the first room on."""
    if not _armed.is_set():
        _armed.set()
        _hangs.release()
    await converse(ctx, services)


def _hang(
    self: StreamingASR, samples: Samples, options: DecodeOptions, run: Run, **times: float
) -> Transcription:
    """As native code that hears of nothing, not even of its end."""
    if _hangs.acquire(blocking=False):
        threading.Event().wait()
    return _decode(self, samples, options, run)


vars(worker)["converse"] = _converse
pytest.MonkeyPatch().setattr(StreamingASR, "decode", _hang)

if __name__ == "__main__":
    sys.exit(main())
