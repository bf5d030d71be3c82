"""A model that is here is loaded without any network."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path

def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise AssertionError(f"the network was used: {event} {args}")

sys.addaudithook(refuse)

from faster_whisper import WhisperModel
from piper import PiperVoice
from services.models import resolve_asr, resolve_voice

model = resolve_asr("demo", cache=Path("nowhere"))
WhisperModel(str(model.folder), device="cpu", compute_type="int8", cpu_threads=1)
voice = resolve_voice("demo", cache=Path("nowhere"))
PiperVoice.load(voice.model, voice.config)
print("loaded")
"""


def test_the_demo_models_load_without_any_network() -> None:
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("loaded\n"), done.stderr
