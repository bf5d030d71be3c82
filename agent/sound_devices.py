"""The microphone and the speaker of this machine, through PortAudio."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agent.command_line import CommandError

_INSTALL_ON_LINUX = "apt install libportaudio2"


def sound_library() -> Any:
    """The `sounddevice` module; raises CommandError that says how to install what is missing."""
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise CommandError(
            "sound needs the Python package sounddevice: install it with `pip install sounddevice`"
        ) from None
    except OSError:
        install = "brew install portaudio" if sys.platform == "darwin" else _INSTALL_ON_LINUX
        raise CommandError(
            f"sound needs the PortAudio library: install it with `{install}` or the like"
        ) from None


def device_name(library: Any, kind: str) -> str | None:
    """Name of the default device for `input` or `output`; None where there is none."""
    try:
        return str(library.query_devices(kind=kind)["name"])
    except (library.PortAudioError, ValueError):
        return None


@contextmanager
def speaker(sample_rate: int) -> Iterator[Any]:
    """An open mono int16 output stream that is written to with `write(bytes)`, which blocks.

    What was written is played to its end, unless the block ends with an error. Raises CommandError
    where nothing can be played.
    """
    library = sound_library()
    if device_name(library, "output") is None:
        raise CommandError("there is no sound device to speak on: write a file with -o FILE.wav")
    try:
        stream = library.RawOutputStream(samplerate=sample_rate, channels=1, dtype="int16")
        stream.start()
    except library.PortAudioError as error:
        raise CommandError(
            f"the sound device cannot be used ({error}): write a file with -o FILE.wav"
        ) from None
    try:
        yield stream
        stream.stop()
    finally:
        stream.close()
