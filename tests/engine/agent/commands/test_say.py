"""`say` writes what it is given as sound that the recogniser understands."""

from __future__ import annotations

import asyncio
import io
import signal
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.audio.files import AudioFile
from services.inference import Run
from tests.support.audio_api import until
from tests.support.commands import Commands, commands

# A command loads its own models.
pytestmark = pytest.mark.own_copy


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Commands]:
    with commands(monkeypatch, capfd, tmp_path) as found:
        yield found


def heard(asr: StreamingASR, path: Path) -> str:
    with AudioFile(path, sample_rate=16_000) as file:
        samples = np.concatenate(list(file.chunks()))
    return asr.decode(samples, DecodeOptions(), Run()).text


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return float(file.getnframes() / file.getframerate())


class Speaker:
    """A device that remembers what it was given."""

    def __init__(self) -> None:
        self.sound = io.BytesIO()
        self.options: dict[str, Any] = {}
        self.stopped = self.closed = False

    def open(self, **options: Any) -> Any:
        self.options = options
        return SimpleNamespace(
            start=lambda: None,
            write=self.sound.write,
            stop=lambda: setattr(self, "stopped", True),
            close=lambda: setattr(self, "closed", True),
        )


def library(speaker: Speaker | None) -> Any:
    """The sound library of a machine with this speaker, or without any."""

    def query_devices(kind: str) -> dict[str, str]:
        if speaker is None:
            raise ValueError(f"no {kind} device")
        return {"name": "speaker"}

    return SimpleNamespace(
        PortAudioError=OSError,
        query_devices=query_devices,
        RawOutputStream=speaker.open if speaker else None,
    )


def test_text_becomes_a_wav_file(terminal: Commands) -> None:
    ran = terminal.run("say", "Hello,", "how can I help you?", "-o", "hello.wav")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert 0.8 < seconds_of(terminal.folder / "hello.wav") < 4.0


def test_recogniser_understands_what_was_said(terminal: Commands, asr: StreamingASR) -> None:
    terminal.run("say", "What time is it?", "-o", "time.wav")
    assert heard(asr, terminal.folder / "time.wav") == "what time is it"


def test_what_is_no_word_sounds_like_the_words_it_stands_for(
    terminal: Commands, asr: StreamingASR
) -> None:
    terminal.run("say", "It is 7:30, and 12 of 20 cost $5.", "-o", "written.wav")
    terminal.run(
        "say",
        "It is seven thirty, and twelve of twenty cost five dollars.",
        "-o",
        "in-words.wav",
    )
    assert heard(asr, terminal.folder / "written.wav") == heard(
        asr, terminal.folder / "in-words.wav"
    )
    lengths = [seconds_of(terminal.folder / f"{name}.wav") for name in ("written", "in-words")]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.05)


def test_text_of_standard_input_is_said_sentence_by_sentence(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "This is a sentence about nothing. " * 5
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert terminal.run("say", "-", "-o", "long.wav").status == 0
    assert terminal.run("say", text[:34], "-o", "short.wav").status == 0
    short = seconds_of(terminal.folder / "short.wav")
    assert seconds_of(terminal.folder / "long.wav") == pytest.approx(5 * short, rel=0.1)


@pytest.mark.parametrize("text", ["  ", "🙂", "***"])
def test_text_without_words_leaves_no_file(terminal: Commands, text: str) -> None:
    ran = terminal.run("say", text, "-o", "none.wav")
    assert ran.status != 0
    assert ran.err.startswith("say: there is nothing")
    assert list(terminal.folder.iterdir()) == []


def test_place_that_cannot_be_written_to_is_refused(terminal: Commands) -> None:
    ran = terminal.run("say", "hello", "-o", "none/hello.wav")
    assert ran.status == 2
    assert "does not exist" in ran.err


def test_without_a_file_the_same_sound_goes_to_the_speaker(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = Speaker()
    monkeypatch.setattr("agent.console.devices.sound_library", lambda: library(speaker))
    assert terminal.run("say", "What time is it?").status == 0
    assert terminal.run("say", "What time is it?", "-o", "time.wav").status == 0
    with wave.open(str(terminal.folder / "time.wav")) as file:
        assert speaker.options["samplerate"] == file.getframerate()
        assert speaker.sound.getvalue() == file.readframes(file.getnframes())
    assert speaker.stopped
    assert speaker.closed


class SlowSpeaker(Speaker):
    """A device that takes its time, while the person presses Ctrl-C once or more."""

    def __init__(self, presses: int) -> None:
        super().__init__()
        self.presses = presses
        self.writing = False
        self.closed_while_writing = False

    def open(self, **options: Any) -> Any:
        loop, command = asyncio.get_running_loop(), asyncio.current_task()
        assert command is not None

        def write(_part: bytes) -> None:
            self.writing = True
            main = threading.main_thread().ident
            assert main is not None
            for press in range(self.presses):
                signal.pthread_kill(main, signal.SIGINT)
                until(lambda number=press: command.cancelling() > number)  # type: ignore[misc]
            # Whatever the command does about it is done after these.
            for _ in range(20):
                turn = threading.Event()
                loop.call_soon_threadsafe(turn.set)
                assert turn.wait(60.0)
            self.writing = False

        def close() -> None:
            self.closed = True
            self.closed_while_writing = self.writing

        opened = super().open(**options)
        opened.write, opened.close = write, close
        return opened


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_closes_the_speaker_once_nobody_writes_to_it_any_more(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch, presses: int
) -> None:
    speaker = SlowSpeaker(presses)
    monkeypatch.setattr("agent.console.devices.sound_library", lambda: library(speaker))
    assert terminal.run("say", "What time is it?").status == 130
    assert speaker.closed
    # PortAudio crashes.
    assert not speaker.closed_while_writing


def test_without_a_device_it_says_how_to_get_a_file(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.console.devices.sound_library", lambda: library(None))
    ran = terminal.run("say", "hello")
    assert ran.status == 1
    assert ran.err == "say: there is no sound device to speak on: write a file with -o FILE.wav\n"


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (ImportError(), "pip install sounddevice"),
        (OSError("PortAudio library not found"), "the PortAudio library"),
    ],
)
def test_missing_library_says_how_to_install_it(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch, error: Exception, cure: str
) -> None:
    def fail(name: str) -> Any:
        raise error

    monkeypatch.setattr("agent.console.devices.importlib", SimpleNamespace(import_module=fail))
    ran = terminal.run("say", "hello")
    assert ran.status == 1
    assert cure in ran.err
