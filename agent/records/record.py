"""Makes the record of a call from its journal; docs/records.md describes the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

FORMAT: Final = "local-voice-agent/call"
VERSION: Final = 1

_JOURNAL_ONLY = frozenset({"heard", "words", "sound", "ended"})


@dataclass(frozen=True, slots=True)
class Header:
    """Which call it is, and where its record goes."""

    id: str
    agent: str
    room: str
    started: float
    """`time.time()`."""
    job: str = ""
    folder: str = ""
    """That gets the record; empty for none."""
    max_mb: int = 0
    """Bound of that folder in MB."""
    max_days: int = 0
    """Bound of that folder in days."""
    webhook: str = ""
    """Address that gets the record; empty for none."""


def assemble(header: Header, lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of a call; JSON.

    Where the call was cut, the last words of either side that are in no turn yet are its last.
    """
    entries: list[dict[str, Any]] = []
    heard: list[dict[str, Any]] = []
    words: list[dict[str, Any]] = []
    sound: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    last = header.started
    for line in lines:
        kind = line["kind"]
        last = max(last, line.get("until") or line["at"])
        match kind:
            case "heard":
                heard.append(line)
            case "words":
                words.append(line)
            case "sound":
                sound = line
            case "ended":
                end = line
            case "said" if line.get("typed"):
                typed = [
                    other for other in heard if other.get("typed") and other["text"] == line["text"]
                ]
                if typed:
                    heard.remove(typed[0])
            case "said" if line["by"] == "caller":
                heard = [other for other in heard if other.get("typed")]
            case "said":
                words = []
        if kind not in _JOURNAL_ONLY:
            entries.append(line)
    entries += _left([line for line in heard if not line.get("typed")], "caller", " ")
    for line in heard:
        if line.get("typed"):
            entries += [{**said, "typed": True} for said in _left([line], "caller", " ")]
    if end is None:
        spoken = [entry["text"] for entry in entries if entry.get("by") == "agent"]
        # The last words of a reply may be shown a moment after it is known to be spoken.
        entries += [
            said
            for said in _left(words, "agent", "")
            if not (spoken and spoken[-1].endswith(said["text"]))
        ]
    entries.sort(key=lambda entry: entry["at"])
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": header.id,
        "agent": header.agent,
        "room": header.room,
        "job": header.job,
        "started_at": _iso(header.started),
        "ended_at": _iso(last),
        "seconds": round(last - header.started, 3),
        "complete": end is not None,
        "ended_by": end["reason"] if end is not None else "the worker was lost",
        "entries": [_shown(entry, header.started) for entry in entries],
        "sound": None
        if sound is None
        else {
            "file": None,
            "channels": ["caller", "agent"],
            "started_at": _iso(sound["at"]),
            "offset_seconds": round(sound["at"] - header.started, 3),
        },
        "session_report": end.get("report") if end is not None else None,
    }


def _left(lines: list[dict[str, Any]], by: str, between: str) -> list[dict[str, Any]]:
    """Return what was said and never became a turn or a whole reply, as one entry at most."""
    text = between.join(line["text"] for line in lines).strip()
    if not text:
        return []
    who = ", ".join(dict.fromkeys(line["who"] for line in lines if line.get("who")))
    said = {"kind": "said", "at": lines[0]["at"], "until": lines[-1]["at"], "by": by, "text": text}
    return [{**said, **({"who": who} if who else {}), "unfinished": True}]


def _shown(entry: dict[str, Any], started: float) -> dict[str, Any]:
    """Return an entry with its times as a reader wants them."""
    rest = {name: value for name, value in entry.items() if name not in ("kind", "at", "until")}
    shown = {
        "kind": entry["kind"],
        "at": _iso(entry["at"]),
        "offset_seconds": round(max(0.0, entry["at"] - started), 3),
    }
    if "until" in entry:
        shown["spoken_seconds"] = round(max(0.0, entry["until"] - entry["at"]), 3)
    return {**shown, **rest}


def _iso(moment: float) -> str:
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
