"""A record of a call as text for people."""

from __future__ import annotations

import unicodedata
from typing import Any


def as_text(record: dict[str, Any]) -> str:
    """Return the record, a line for each entry that is of interest to a reader.

    Whatever callers or tools wrote stays within its line and has no control characters.
    """
    lines = [
        f"Call with {_plain(record['agent'])}",
        f"Room {_plain(record['room'])}, {record['started_at']}, {record['seconds']:.0f} s",
        f"Ended: {_plain(record['ended_by'])}",
        "",
    ]
    if record["sound"] is not None:
        lines[3:3] = [f"Sound: {record['sound']['file']}, from {_time(record['sound'])} on"]
    lines += [text for entry in record["entries"] if (text := _line(entry))]
    return "\n".join(lines) + "\n"


def _line(entry: dict[str, Any]) -> str:
    match entry["kind"]:
        case "said":
            who = "Agent" if entry["by"] == "agent" else _plain(entry.get("who", "")) or "Caller"
            marks = [mark for mark in ("typed", "interrupted", "unfinished") if entry.get(mark)]
            note = f" ({', '.join(marks)})" if marks else ""
            text = f"{who}{note}: {_plain(entry['text'])}"
        case "backchannel":
            text = (
                f"{_plain(entry.get('who', '')) or 'Caller'} (listening): {_plain(entry['text'])}"
            )
        case "tool":
            outcome = "failed" if entry.get("failed") else "returned"
            result = _plain(entry.get("result", ""))
            text = f"* {_plain(entry['name'])} {_plain(entry['arguments'])} {outcome}: {result}"
        case "notice":
            text = f"* notice: {_plain(entry['text'])}"
        case "presence":
            text = f"* {_plain(entry['who'])} {entry['event']}"
        case "handover":
            text = f"* the call was handed over to {_plain(entry['to'])}"
        case _:
            return ""
    return f"[{_time(entry)}] {text}"


def _time(entry: dict[str, Any]) -> str:
    minutes, seconds = divmod(entry["offset_seconds"], 60)
    return f"{int(minutes):02}:{seconds:04.1f}"


def _plain(text: object) -> str:
    """Return a text as part of one line, without control, format and unpaired characters."""
    kept = (
        " " if character.isspace() else character
        for character in str(text)
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    return " ".join("".join(kept).split())
