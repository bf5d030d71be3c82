"""`python -m benchmarks.load`: callers against any deployment, with a table and a plot of waits."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import aiohttp

from benchmarks.bench.plots import draw_times
from benchmarks.load.calls import by_key, by_page, run, summary
from benchmarks.speech import complete_requests


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    made.add_argument("--rooms", type=int, default=1, help="callers, each in a room of its own")
    made.add_argument("--minutes", type=float, default=1.0)
    made.add_argument("--page", default="", help="address of the page, which gives the tokens")
    made.add_argument("--access-key", default=os.environ.get("WEB_ACCESS_KEY", ""))
    made.add_argument("--url", default=os.environ.get("LIVEKIT_URL", ""), help="LiveKit server")
    made.add_argument("--key", default=os.environ.get("LIVEKIT_API_KEY", ""))
    made.add_argument("--secret", default=os.environ.get("LIVEKIT_API_SECRET", ""))
    made.add_argument(
        "--agent-name", default="", help="AGENT_NAME, where the worker has AGENT_DISPATCH=explicit"
    )
    made.add_argument(
        "--speech", type=Path, nargs="+", help="16 kHz WAV files to say; default: those of tests"
    )
    made.add_argument("--plot", type=Path, default=Path("load.png"))
    return made


async def _run(arguments: argparse.Namespace, recordings: list[Path]) -> int:
    async with aiohttp.ClientSession() as session:
        if arguments.page:
            get_ticket = by_page(session, arguments.page, arguments.access_key)
        else:
            get_ticket = by_key(
                arguments.url, arguments.key, arguments.secret, arguments.agent_name
            )
        started = time.monotonic()
        found = await run(arguments.rooms, arguments.minutes, get_ticket, recordings, started)
    print(summary(found))
    good = [t for t in found.turns if t.answered is not None and not t.cut_off]
    if good:
        times = [t.ended - started for t in good]
        responses = [(t.answered or 0.0) - t.ended for t in good]
        draw_times(times, responses, arguments.plot)
        print(f"plot: {arguments.plot}")
    return 1 if found.failures or not found.turns else 0


def main() -> int:
    """Call; the exit status is 1 when a caller could not be served."""
    parser = _parser()
    arguments = parser.parse_args()
    if not arguments.page and not (arguments.url and arguments.key and arguments.secret):
        parser.error("give --page, or --url with --key and --secret")
    recordings = arguments.speech or [r.path for r in complete_requests()]
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_run(arguments, recordings))
    return 130


if __name__ == "__main__":
    sys.exit(main())
