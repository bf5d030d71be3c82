"""A live view of a worker's memory in the terminal: `python -m agent memory`."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

REFRESH_SECONDS = 2.0
REQUEST_SECONDS = 5.0
MOMENTS = 40

_ROOMS = "rooms"
"""The part that each room adds to."""
_BARS = "▁▂▃▄▅▆▇█"
_STYLES = {"healthy": "green", "warning": "yellow", "high": "red", "critical": "bold red"}


class MemoryViewError(Exception):
    """The worker did not answer; the text says why and what to do."""


def show_memory(
    url: str,
    token: str,
    *,
    once: bool = False,
    refresh_seconds: float = REFRESH_SECONDS,
    console: Console | None = None,
) -> None:
    """Show the memory of the worker at `url` until interrupted; `once` prints it and returns.

    Raises:
        MemoryViewError: the worker does not answer, or not to this token.
    """
    console = console or Console()
    answer = fetch_memory(url, token, moments=MOMENTS)
    series = Series(answer)
    if once or not console.is_terminal:
        console.print(render(answer, series))
        return
    with Live(render(answer, series), console=console, auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(refresh_seconds)
            try:
                answer = fetch_memory(url, token, moments=0)
            except MemoryViewError as error:
                # A worker that restarts is back in a moment; what was seen last stays.
                live.update(Group(Text(str(error), style="red"), render(answer, series)))
            else:
                series.add(answer)
                live.update(render(answer, series))
            live.refresh()


def fetch_memory(url: str, token: str, *, moments: int) -> dict[str, Any]:
    """Ask the worker at `url` (such as `http://127.0.0.1:8081`); blocks up to 5 s.

    Raises:
        MemoryViewError: it does not answer as expected.
    """
    if not token:
        raise MemoryViewError(
            "ADMIN_TOKEN is not set: set the worker's, which it needs as well, in .env"
        )
    address = f"{url.rstrip('/')}/admin/memory?history={moments}"
    # A proxy of the environment would get the token.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(address, headers={"X-Admin-Token": token})
        with opener.open(request, timeout=REQUEST_SECONDS) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise MemoryViewError(_refusal(error)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise MemoryViewError(f"no worker answers at {url} ({reason}): is it running?") from error
    if not isinstance(answer, dict) or "breakdown_mb" not in answer:
        raise MemoryViewError(f"what answers at {url} is not a worker of this version")
    return answer


class Series:
    """The last sizes of the process and of each part, in MB, oldest first."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        """Begin with the worker's history."""
        self._moments: deque[dict[str, float]] = deque(maxlen=MOMENTS)
        for moment in answer.get("history", ()):
            self._moments.append(_sizes(moment["process_mb"], moment["breakdown_mb"]))
        self.add(answer)

    def add(self, answer: Mapping[str, Any]) -> None:
        """Add the latest answer."""
        self._moments.append(_sizes(answer["memory"]["process_mb"], answer["breakdown_mb"]))

    def of(self, part: str) -> list[float]:
        """Return the sizes of one part; 0 where it did not exist yet."""
        return [moment.get(part, 0.0) for moment in self._moments]


def sparkline(values: Sequence[float]) -> str:
    """Draw one character per value, scaled to the range of all values."""
    if not values:
        return ""
    low, high = min(values), max(values)
    # A change of less than 1 MB is noise, not a mountain.
    span = max(high - low, 1.0)
    top = len(_BARS) - 1
    return "".join(_BARS[round((value - low) / span * top)] for value in values)


def render(answer: Mapping[str, Any], series: Series) -> RenderableType:
    """Build the whole view."""
    memory = answer["memory"]
    table = Table(expand=False, show_edge=False, pad_edge=False)
    table.add_column("part")
    table.add_column("MB", justify="right")
    table.add_column("share", justify="right")
    table.add_column("over time", no_wrap=True)
    whole = memory["process_mb"]
    table.add_row(Text("process", style="bold"), *_cells(whole, whole, series.of("process")))
    parts = sorted(answer["breakdown_mb"].items(), key=lambda part: part[1], reverse=True)
    for name, size in parts:
        table.add_row(Text(name), *_cells(size, whole, series.of(name)))
        if name == _ROOMS:
            for room, held in answer["members_mb"].items():
                table.add_row(Text(f"  {room}", style="dim"), f"{held:.2f}", "", "")
    return Panel(
        Group(_headline(answer), Text(), table, *_footnotes(answer)),
        title="memory of the worker",
        expand=False,
    )


def _headline(answer: Mapping[str, Any]) -> Text:
    memory, bounds = answer["memory"], answer["thresholds_mb"]
    line = Text()
    line.append(memory["level"], style=_STYLES.get(memory["level"], ""))
    line.append(
        f"  {memory['process_mb']:.0f} MB of {memory['limit_mb']:.0f} MB ({memory['limit_source']})"
        f"   warning {bounds['warning']:.0f}, high {bounds['high']:.0f}, "
        f"critical {bounds['critical']:.0f}\n"
        f"machine {memory['system_percent']:.0f} %"
    )
    if memory["gpu_mb"]:
        line.append(f"   GPU {memory['gpu_mb']:.0f} MB ({memory['gpu_percent']:.0f} %)")
    line.append(
        f"   rooms {memory['rooms']}   threads {memory['threads']}"
        f"   descriptors {memory['descriptors']}"
    )
    return line


def _footnotes(answer: Mapping[str, Any]) -> list[Text]:
    notes = []
    growth = answer.get("fastest_growing")
    if growth:
        name = f"{growth['part']} ({growth['member']})" if growth["member"] else growth["part"]
        notes.append(f"fastest growing: {name}, {growth['mb_per_hour']:+.1f} MB an hour")
    files, model = answer["temp_files"], answer["model"]
    notes.append(
        f"temp files {files['count']} ({files['size_mb']:.1f} MB)"
        f"   model reloads {model['reload_count']}"
    )
    cleaning = answer.get("last_cleaning")
    if cleaning:
        notes.append(f"last cleaning ({cleaning['reason']}): {cleaning['freed_mb']:+.1f} MB freed")
    return [Text(), *(Text(note, style="dim") for note in notes)]


def _cells(size: float, whole: float, sizes: Sequence[float]) -> tuple[str, str, Text]:
    share = f"{100.0 * size / whole:.0f} %" if whole else ""
    return f"{size:.1f}", share, Text(sparkline(sizes), style="cyan")


def _sizes(process_mb: float, breakdown_mb: Mapping[str, float]) -> dict[str, float]:
    return {**breakdown_mb, "process": process_mb}


def _refusal(error: urllib.error.HTTPError) -> str:
    try:
        message = json.load(error)["error"]["message"]
    except (ValueError, KeyError, TypeError, OSError):
        message = error.reason
    return f"the worker refuses ({error.code}): {message}"
