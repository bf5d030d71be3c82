"""The microphone and the speaker of this machine, through PortAudio."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.console.audio import Microphone, Speaker

_INSTALL_ON_LINUX = "apt install libportaudio2"


class SoundDeviceError(Exception):
    """No sound device can be used; the text says why and what helps."""


def sound_library() -> Any:
    """Return the `sounddevice` module. Raises SoundDeviceError if it is missing."""
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise SoundDeviceError(
            "sound needs the Python package sounddevice: install it with `pip install sounddevice`"
        ) from None
    except OSError:
        install = "brew install portaudio" if sys.platform == "darwin" else _INSTALL_ON_LINUX
        raise SoundDeviceError(
            f"sound needs the PortAudio library: install it with `{install}` or the like"
        ) from None


@dataclass(frozen=True, slots=True)
class Devices:
    """Names of the default devices."""

    microphone: str
    speaker: str


@contextmanager
def open_devices(microphone: Microphone, speaker: Speaker) -> Iterator[Devices]:
    """Connect both to the default devices of this machine, with echo cancellation between them.

    Raises SoundDeviceError if one is missing or cannot be used.
    """
    from agent.console.audio import BLOCK_SAMPLES, SAMPLE_RATE, EchoCanceller

    library = sound_library()
    names = {kind: device_name(library, kind) for kind in ("input", "output")}
    for kind, word in (("input", "microphone"), ("output", "speaker")):
        if names[kind] is None:
            raise SoundDeviceError(f"there is no {word}: connect one, or use `console --text`")
    echo = EchoCanceller()

    def hear(block: Any, _frames: int, _time: Any, _status: Any) -> None:
        microphone.push(echo.heard(bytes(block)))

    def play(block: Any, frames: int, _time: Any, _status: Any) -> None:
        sound = speaker.render(frames)
        block[:] = sound
        echo.played(sound)

    options = {
        "samplerate": SAMPLE_RATE,
        "blocksize": BLOCK_SAMPLES,
        "channels": 1,
        "dtype": "int16",
    }
    with ExitStack() as streams:
        try:
            output = streams.enter_context(library.RawOutputStream(callback=play, **options))
            input_ = streams.enter_context(library.RawInputStream(callback=hear, **options))
        except library.PortAudioError as error:
            raise SoundDeviceError(
                f"the sound devices cannot be used ({error}): try `console --text`"
            ) from None
        echo.set_delay(output.latency + input_.latency)
        yield Devices(str(names["input"]), str(names["output"]))


def device_name(library: Any, kind: str) -> str | None:
    """Return the name of the default device for `input` or `output`, if there is one."""
    try:
        return str(library.query_devices(kind=kind)["name"])
    except (library.PortAudioError, ValueError):
        return None


@contextmanager
def speaker(sample_rate: int) -> Iterator[Any]:
    """Open a mono int16 output stream whose `write(bytes)` blocks.

    Plays what was written to its end, unless the `with` block ends with an error.
    Raises SoundDeviceError if nothing can be played.
    """
    library = sound_library()
    try:
        stream = library.RawOutputStream(samplerate=sample_rate, channels=1, dtype="int16")
        stream.start()
    except library.PortAudioError as error:
        raise SoundDeviceError(
            f"the sound device cannot be used ({error}): write a file with -o FILE.wav"
        ) from None
    try:
        yield stream
        stream.stop()
    finally:
        stream.close()
