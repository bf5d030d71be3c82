"""`transcribe` writes down any number of files of any length, with one load and clean output."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.shared.engines import SharedEngines
from tests.support.commands import Commands, commands
from tests.support.recordings import SAMPLE_RATE, SPEECH_FOLDER, recording, recordings
from tests.support.word_errors import word_error_rate

# A command loads its own models.
pytestmark = pytest.mark.own_copy

REPOSITORY = Path(__file__).parents[4]
TIME = SPEECH_FOLDER / "turn_05_en-us-f2.wav"
YES = SPEECH_FOLDER / "turn_03_rms.wav"
SILENCE = SPEECH_FOLDER / "nonspeech_silence.wav"


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Commands]:
    with commands(monkeypatch, capfd, tmp_path) as found:
        yield found


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[SharedEngines]:
    """Every set of models that a command makes."""
    made: list[SharedEngines] = []
    init = SharedEngines.__init__

    def noting(self: SharedEngines, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(SharedEngines, "__init__", noting)
    return made


def test_one_file_is_its_text_and_nothing_else(terminal: Commands) -> None:
    ran = terminal.run("transcribe", TIME)
    assert (ran.status, ran.out, ran.err) == (0, "what time is it\n", "")


def test_several_files_have_headings_and_one_load(
    terminal: Commands, loads: list[SharedEngines]
) -> None:
    ran = terminal.run("transcribe", TIME, YES, SILENCE)
    assert ran.out == f"{TIME}:\nwhat time is it\n\n{YES}:\nyes\n\n{SILENCE}:\n"
    (speech,) = loads
    assert (speech.asr.loads, speech.tts.loads) == (1, 0)


def test_bad_files_do_not_stop_the_others(terminal: Commands) -> None:
    text = terminal.folder / "text.wav"
    text.write_text("no sound")
    ran = terminal.run("transcribe", text, terminal.folder / "none.wav", TIME)
    assert ran.status == 1
    assert "what time is it" in ran.out
    first, second = ran.err.splitlines()
    assert "text.wav is no audio file" in first
    assert "none.wav does not exist" in second


def test_json_has_segments_and_words_with_times(terminal: Commands) -> None:
    ran = terminal.run("transcribe", "--format", "json", "--words", TIME, SILENCE)
    spoken, silent = json.loads(ran.out)
    assert spoken["file"] == str(TIME)
    assert (spoken["text"], spoken["language"]) == ("what time is it", "en")
    (segment,) = spoken["segments"]
    assert [word["word"] for word in segment["words"]] == ["what", "time", "is", "it"]
    times = [edge for word in segment["words"] for edge in (word["start"], word["end"])]
    assert times == sorted(times)
    assert (segment["start"], segment["end"]) == (times[0], times[-1])
    assert 0 < segment["confidence"] <= 1
    assert (silent["text"], silent["segments"]) == ("", [])


def test_words_are_left_out_unless_asked_for(terminal: Commands) -> None:
    (file,) = json.loads(terminal.run("transcribe", "--format", "json", TIME).out)
    assert "words" not in file["segments"][0]


def test_long_recording_is_whole_and_its_times_run_on(terminal: Commands) -> None:
    long = recordings("long")[0]
    ran = terminal.run("transcribe", "--format", "json", long.path)
    (file,) = json.loads(ran.out)
    assert word_error_rate([(file["text"], long.text)]) < 0.25
    edges = [edge for s in file["segments"] for edge in (s["start"], s["end"])]
    assert edges == sorted(edges)
    assert edges[-1] == pytest.approx(long.speech_end_seconds or long.seconds, abs=1.0)


def test_no_word_of_a_file_is_missing_from_any_format(terminal: Commands) -> None:
    file = recordings("long")[0].path
    (as_json,) = json.loads(terminal.run("transcribe", "--format", "json", "--words", file).out)
    words = as_json["text"].split()
    assert [w["word"].strip() for s in as_json["segments"] for w in s["words"]] == words
    for subtitles in ("srt", "vtt"):
        shown = terminal.run("transcribe", "--format", subtitles, file).out
        lines = [
            line
            for line in shown.splitlines()
            if line and "-->" not in line and not line.isdigit() and line != "WEBVTT"
        ]
        assert " ".join(lines).split() == words


def test_subtitles_are_well_formed(terminal: Commands) -> None:
    ran = terminal.run("transcribe", "--format", "srt", recordings("long")[0].path)
    blocks = ran.out.strip().split("\n\n")
    stamp = r"\d\d:\d\d:\d\d,\d{3}"
    for number, block in enumerate(blocks, start=1):
        assert re.fullmatch(rf"{number}\n{stamp} --> {stamp}(\n[^\n]{{1,42}}){{1,2}}", block)
    assert len(blocks) > 4


def _call(path: Path, *channels: np.ndarray[Any, np.dtype[np.int16]]) -> Path:
    """A recording with these channels, the shorter ones silent at their end."""
    length = max(map(len, channels))
    padded = [np.pad(channel, (0, length - len(channel))) for channel in channels]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.stack(padded, axis=1).astype(np.int16).tobytes())
    return path


def test_each_channel_of_a_call_is_written_down_under_its_name(terminal: Commands) -> None:
    time, yes = recording("turn_05").pcm, recording("turn_03").pcm
    later = np.pad(yes, (len(time) + SAMPLE_RATE, 0))
    call = _call(terminal.folder / "call.wav", later, time)
    run = ("transcribe", "--speakers", "Ben Okri, Ada", call)
    assert terminal.run(*run).out == "Ada: what time is it\nBen Okri: yes\n"
    (file,) = json.loads(terminal.run(*run, "--format", "json").out)
    assert [segment["speaker"] for segment in file["segments"]] == ["Ada", "Ben Okri"]
    assert "\nAda: what time is it\n" in terminal.run(*run, "--format", "srt").out
    vtt = terminal.run(*run, "--format", "vtt").out
    assert vtt.startswith("WEBVTT\n\n00:00:0")
    assert vtt.endswith("\n<v Ben Okri>yes\n")


def test_speakers_without_a_channel_each_are_refused(terminal: Commands) -> None:
    ran = terminal.run("transcribe", "--speakers", "Ada,Ben", TIME)
    assert (ran.status, ran.out) == (1, "")
    assert "has 1 channel, not one for each of 2 speakers" in ran.err


def test_channels_that_cancel_each_other_are_heard_and_told_of(terminal: Commands) -> None:
    said = recording("turn_05").pcm
    call = _call(terminal.folder / "inverted.wav", said, -said)
    ran = terminal.run("transcribe", call)
    assert (ran.status, ran.out) == (0, "what time is it\n")
    (line,) = ran.err.splitlines()
    assert "inverted.wav has two channels that cancel each other" in line


def test_long_silence_before_the_speech_moves_its_times(terminal: Commands) -> None:
    path = terminal.folder / "late.wav"
    silence = np.zeros(45 * SAMPLE_RATE, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.concatenate((silence, recording("turn_05").pcm)).tobytes())
    (content,) = json.loads(terminal.run("transcribe", "--format", "json", path).out)
    (segment,) = content["segments"]
    assert segment["text"] == "what time is it"
    assert segment["start"] == pytest.approx(45.0, abs=0.6)


def test_folder_gets_a_file_for_each_input(terminal: Commands) -> None:
    folder = terminal.folder / "out"
    folder.mkdir()
    ran = terminal.run("transcribe", "--format", "srt", TIME, YES, "-o", folder)
    assert (ran.status, ran.out) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == [f"{YES.stem}.srt", f"{TIME.stem}.srt"]
    assert "what time is it" in (folder / f"{TIME.stem}.srt").read_text()


def test_one_output_file_takes_all(terminal: Commands) -> None:
    ran = terminal.run("transcribe", TIME, YES, "-o", terminal.folder / "all.txt")
    assert (ran.status, ran.out) == (0, "")
    text = (terminal.folder / "all.txt").read_text()
    assert text == f"{TIME}:\nwhat time is it\n\n{YES}:\nyes\n"


def test_impossible_output_is_refused_before_any_work(
    terminal: Commands, loads: list[SharedEngines]
) -> None:
    several = terminal.run("transcribe", "--format", "srt", TIME, YES)
    nowhere = terminal.run("transcribe", TIME, "-o", terminal.folder / "none" / "a.txt")
    twice = terminal.folder / TIME.name
    twice.write_bytes(TIME.read_bytes())
    same = terminal.run("transcribe", TIME, twice, "-o", terminal.folder)
    assert [several.status, nowhere.status, same.status] == [2, 2, 2]
    assert "one file" in several.err
    assert "does not exist" in nowhere.err
    assert "same name" in same.err
    assert loads == []


def test_missing_model_is_said_once_and_replaced(terminal: Commands) -> None:
    terminal.set(MODELS="auto", WHISPER_MODEL_PATH="none")
    ran = terminal.run("transcribe", TIME)
    assert (ran.status, ran.out) == (0, "what time is it\n")
    (line,) = ran.err.splitlines()
    assert "python -m agent download-files --asr base" in line
    assert "The demo recogniser takes its place" in line


def test_whole_program_writes_only_the_text_to_its_output() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "agent", "transcribe", str(TIME)],
        cwd=REPOSITORY,
        env={"PATH": "", "MODELS": "demo"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "what time is it\n", "")


def test_ctrl_c_in_the_middle_ends_it_without_a_word() -> None:
    long = str(recordings("long")[0].path)
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "transcribe", *[long] * 50],
        cwd=REPOSITORY,
        env={"PATH": "", "MODELS": "demo"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{long}:\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
