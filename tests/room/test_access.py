"""Who has no right to be let in is not, and disturbs nobody who has."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from livekit import api, rtc

from services.livekit_server.credentials import LiveKitCredentials
from services.web.routes.tokens import TokenIssuer
from tests.room.workers import call_the_worker, health_address, start
from tests.support.caller import Caller

ADMIN_TOKEN = "the admin token of this test"
GUESSES = 1000
AT_ONCE = 20


def issuer(livekit: LiveKitCredentials, *, secret: str = "", ttl_seconds: int = 300) -> TokenIssuer:
    """What gives the page its tokens."""
    return TokenIssuer(
        livekit.api_key, secret or livekit.api_secret, livekit.url, "", ttl_seconds=ttl_seconds
    )


async def rooms_of(livekit: LiveKitCredentials) -> set[str]:
    url = livekit.url.replace("ws", "http", 1)
    async with api.LiveKitAPI(url, livekit.api_key, livekit.api_secret) as client:
        return {room.name for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms}


async def test_a_forged_or_expired_token_opens_no_room(livekit: LiveKitCredentials) -> None:
    forged = issuer(livekit, secret="f" * 40).issue(room="forged")
    expired = issuer(livekit, ttl_seconds=-600).issue(room="expired")
    unknown_key = TokenIssuer("nobody", livekit.api_secret, livekit.url, "").issue(room="unknown")
    for issued in (forged, expired, unknown_key):
        with pytest.raises(rtc.ConnectError):
            await rtc.Room().connect(livekit.url, issued.token)
    assert not {"forged", "expired", "unknown"} & await rooms_of(livekit)


async def test_a_token_that_is_used_again_opens_its_own_room_as_its_own_holder(
    livekit: LiveKitCredentials,
) -> None:
    issued = issuer(livekit).issue(room="own")
    replaced = asyncio.Event()
    async with Caller(issued.identity) as holder, Caller("other") as other, Caller() as thief:
        await other.join(livekit.url, issuer(livekit).issue(room="another").token)
        await holder.join(livekit.url, issued.token)
        holder.room.on("disconnected", lambda *_: replaced.set())
        await thief.join(livekit.url, issued.token)
        # There is never a second one of the same name: the first learns of it by being replaced.
        await asyncio.wait_for(replaced.wait(), 20)
        assert thief.room.name == "own"
        assert thief.room.local_participant.identity == issued.identity
        assert not thief.room.remote_participants
        assert not other.room.remote_participants


@pytest.mark.timeout(240)
async def test_a_thousand_wrong_admin_tokens_are_refused_and_disturb_no_call(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    variables = {"ADMIN_TOKEN": ADMIN_TOKEN, "LOOP_LAG_LIMIT_SECONDS": "60"}
    async with start(livekit, tmp_path, variables) as worker, aiohttp.ClientSession() as session:
        await worker.wait_for_log("worker ready")
        address = f"{health_address(worker)}/admin/memory"
        refusals: list[tuple[int, str, str]] = []

        async def guess(numbers: range) -> None:
            for number in numbers:
                headers = {"X-Admin-Token": f"{ADMIN_TOKEN[:-4]}{number:04}"}
                async with session.get(address, headers=headers) as response:
                    error = (await response.json())["error"]
                    refusals.append((response.status, error["code"], error["message"]))

        async with call_the_worker(livekit, "guessed-at") as caller:
            await caller.send_text("what is two plus three")
            await asyncio.gather(
                *(guess(range(start, GUESSES, AT_ONCE)) for start in range(AT_ONCE))
            )
            assert "five" in (await caller.wait_for_transcript(2, of_agent=True))[1]
        assert len(refusals) == GUESSES
        assert {(status, code) for status, code, _ in refusals} == {
            (401, "admin_token"),
            (429, "rate_limited"),
        }
        # Nothing in the answer tells how near a guess was.
        assert len({message for status, _, message in refusals if status == 401}) == 1
        assert not [message for _, _, message in refusals if ADMIN_TOKEN[:-4] in message]
        async with asyncio.timeout(30):
            while (wait_seconds := await asked(session, address)) is not None:
                await asyncio.sleep(wait_seconds)


async def asked(session: aiohttp.ClientSession, address: str) -> float | None:
    """Ask with the right token; seconds to wait when that was too soon, None when answered."""
    async with session.get(address, headers={"X-Admin-Token": ADMIN_TOKEN}) as response:
        body = await response.json()
        if response.status == 429:
            wait_seconds: float = body["error"]["retry_after_seconds"]
            return wait_seconds
        assert response.status == 200
        return None
