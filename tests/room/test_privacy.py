"""Nothing leaves the machine: held below Python, where WebRTC and native libraries connect."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import sys

import pytest

from tests.support.isolation import NAME_SERVER, run_isolated


async def test_whatever_goes_beyond_loopback_is_counted() -> None:
    counted = await run_isolated("tests.room.send_outside", timeout_seconds=60)
    assert counted["loopback"] == 0
    assert counted["one packet"] == 1
    assert counted["destinations"] == [
        "udp 192.0.2.1:9",
        "udp 224.0.0.251:5353",
        f"udp {NAME_SERVER}:53 name.invalid",
    ]


@pytest.mark.timeout(240)
async def test_nothing_leaves_the_machine_in_a_whole_conversation() -> None:
    seen = await run_isolated("tests.room.private_conversation", timeout_seconds=220)
    assert "what is forty two plus seventeen" in seen["heard"]
    assert "fifty nine" in seen["answered"]
    assert seen["ended"] == 0
    assert (seen["packets"], seen["destinations"]) == (0, [])
    # What the page asked for may not have gone beyond loopback only because nothing is there.
    assert set(seen["hosts"]) <= {"localhost", "127.0.0.1"}
    assert seen["ice_servers"]
    for url in seen["ice_servers"]:
        assert ipaddress.ip_address(url.split(":")[1]).is_loopback


async def test_the_speech_engines_do_not_report_to_their_makers() -> None:
    code = "import services, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert output.strip() == b"1"
