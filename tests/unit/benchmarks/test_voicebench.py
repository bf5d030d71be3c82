"""The scripted call for voicebench: its sounds, and what is made of its report."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import yaml

from benchmarks.voicebench.__main__ import SCENARIO, describe, onsets
from benchmarks.voicebench.sounds import PEOPLE, SPOKEN, write_sounds
from services.models import DEMO_VOICE, resolve_voice
from tests.support.sound import audible_span, read_sound

NOT_FOUND = dict.fromkeys(("response_latency_ms", "stop_latency_ms"))


def turn(name: str, expect: str, start: float, **found: Any) -> dict[str, Any]:
    return {
        "id": name,
        "expect": expect,
        "start_s": start,
        "passed": True,
        "notes": [],
        **NOT_FOUND,
        **found,
    }


def report() -> dict[str, Any]:
    """Of a call in which a cough has stopped the agent, which then went on."""
    notes = ["agent stopped 300 ms after non-speech input"]
    cough = turn("cough", "ignore", 5.0, passed=False, notes=notes)
    session = {
        "turns": [turn("question", "respond", 1.0, response_latency_ms=800.0), cough],
        "duration_s": 20.0,
        "agent_segments": [[0.1, 0.9], [2.0, 5.3], [7.0, 12.0]],
    }
    summary = {
        "turns": 2,
        "turns_passed": 1,
        "response_latency_ms": {"p50": 800.0, "p90": 800.0},
        "barge_in_stop_ms": {"p50": None},
        "false_barge_ins": 1,
        "noise_turns": 1,
        "missed_responses": 0,
    }
    return {"voicebench_version": "0.2.0", "summary": summary, "sessions": [session]}


def test_the_agent_that_goes_on_after_a_sound_has_begun_anew() -> None:
    assert onsets(report()["sessions"][0]) == [1, 1]
    lines = describe(report())
    assert "| 1: question | respond | 0.80 s | – | 1 | yes |" in lines
    assert "| no: agent stopped 300 ms after non-speech input |" in lines[3]
    assert "1 of 2 turns passed" in lines[-1]
    assert "stopped by 1 of 1 sounds" in lines[-1]


def test_every_sound_of_the_call_is_written_and_begins_and_ends_with_itself(
    tmp_path: Path,
) -> None:
    scenario = yaml.safe_load(SCENARIO.read_text(encoding="utf-8"))
    named = {turn["audio"]["file"] for turn in scenario["turns"]}
    assert named == {f"{name}.wav" for name in (*PEOPLE, *SPOKEN)}
    write_sounds(tmp_path, resolve_voice(DEMO_VOICE.name, cache=tmp_path).model)
    for name in named:
        samples = read_sound(tmp_path / name)
        first, last = audible_span(samples)
        assert 0 < first < 0.2 * 16_000
        assert 0 < len(samples) - last < 0.2 * 16_000
        with wave.open(str(tmp_path / name)) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
