"""Callers who join, talk and listen until their time is over, and what they met with."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.callers import GREETING_SECONDS, QUIET_SECONDS, Turn, take_turn
from benchmarks.statistics import Spread
from tests.support.caller import Caller, room_token
from tests.support.sound import read_sound

_PAUSE_SECONDS = (0.5, 2.5)
"""A caller thinks for so long, from and to, before speaking again."""
_JOIN_EVERY_SECONDS = 0.5
_REPLY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a caller needs to join."""

    url: str
    token: str
    room: str
    identity: str


GetTicket = Callable[[int], Awaitable[Ticket]]


@dataclass(slots=True)
class Found:
    """What all callers met with, as it comes."""

    turns: list[Turn] = field(default_factory=list)
    greetings: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """One sentence for each caller who could not join or lost the agent."""


async def call(
    number: int, get_ticket: GetTicket, recordings: list[Path], until: float, found: Found
) -> None:
    """One caller: join, hear the greeting, then ask and listen until the monotonic time `until`."""
    chance = random.Random(number)
    try:
        ticket = await get_ticket(number)
        async with Caller(ticket.identity) as caller:
            began = time.monotonic()
            await caller.join(ticket.url, ticket.token)
            greeted = await caller.wait_for_sound(began, GREETING_SECONDS)
            if greeted is None:
                found.failures.append(f"caller {number}: no agent spoke in room {ticket.room}")
                return
            found.greetings.append(greeted - began)
            await caller.wait_for_silence(QUIET_SECONDS)
            while time.monotonic() < until:
                await asyncio.sleep(chance.uniform(*_PAUSE_SECONDS))
                path = chance.choice(recordings)
                turn = await take_turn(
                    caller, ticket.room, path.stem, read_sound(path), reply_seconds=_REPLY_SECONDS
                )
                found.turns.append(turn)
    except Exception as error:
        found.failures.append(f"caller {number}: {error or type(error).__name__}")


async def run(
    rooms: int, minutes: float, get_ticket: GetTicket, recordings: list[Path], started: float
) -> Found:
    """So many callers, each in a room of its own, for so long."""
    found = Found()
    until = started + 60 * minutes
    async with asyncio.TaskGroup() as group:
        for number in range(rooms):
            group.create_task(
                call(number, get_ticket, recordings, until, found), name=f"caller-{number}"
            )
            await asyncio.sleep(_JOIN_EVERY_SECONDS)
    return found


def by_key(url: str, key: str, secret: str, agent_name: str) -> GetTicket:
    """Tickets that we sign ourselves."""
    run_name = f"load-{os.getpid()}"

    async def make(number: int) -> Ticket:
        room, identity = f"{run_name}-{number}", f"caller-{number}"
        token = room_token(key, secret, room, identity, agent_name=agent_name or None)
        return Ticket(url, token, room, identity)

    return make


def by_page(session: aiohttp.ClientSession, page: str, access_key: str) -> GetTicket:
    """Tickets from the page's own route, as a browser gets them."""
    headers = {"Authorization": f"Bearer {access_key}"} if access_key else {}

    async def ask(number: int) -> Ticket:
        url = f"{page.rstrip('/')}/api/token"
        async with session.post(url, json={}, headers=headers) as response:
            answer = await response.json(content_type=None)
            if response.status != 200:
                raise RuntimeError(f"the page gives no token: {answer}")
        return Ticket(answer["url"], answer["token"], answer["room"], answer["identity"])

    return ask


def summary(found: Found) -> str:
    """The table that is printed."""
    responses = [t.answered - t.ended for t in found.turns if t.answered and not t.cut_off]
    silent = sum(t.answered is None for t in found.turns)
    cut_off = sum(t.cut_off for t in found.turns)
    lines = [
        f"{'seconds':<28}{'p50':>8}{'p95':>8}{'least':>8}{'most':>8}{'count':>8}",
        _line("join → greeting", found.greetings),
        _line("last word → first sound", responses),
        f"turns: {len(found.turns)}, without a reply: {silent}, cut off: {cut_off}",
        *found.failures,
    ]
    return "\n".join(lines)


def _line(name: str, values: list[float]) -> str:
    spread = Spread.of(values)
    if spread is None:
        return f"{name:<28}{'none':>8}"
    figures = (spread.p50, spread.p95, spread.least, spread.most)
    return f"{name:<28}" + "".join(f"{v:>8.2f}" for v in figures) + f"{spread.count:>8}"
