"""How an owner tests what an agent keeps: two calls of one caller, and an end to it."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import remember
from livekit.agents import AgentSession

from agent.llm.language_models import endpoint_llm


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "memory.sqlite3"
    monkeypatch.setattr(remember, "FILE", file)
    return file


async def call(*words: str) -> str:
    """Type to the agent; return how it greeted."""
    llm = endpoint_llm(os.environ["LLM_BASE_URL"], os.environ["LLM_MODEL"])
    async with llm, AgentSession(llm=llm) as session:
        begun = await session.start(remember.Memory(), capture_run=True)
        for line in words:
            await session.run(user_input=line)
        return begun.expect.contains_message(role="assistant").event().item.text_content


def test_what_a_caller_asks_to_keep_is_there_in_the_next_call(memory: Path) -> None:
    greeting = asyncio.run(call("Please remember that I am allergic to nuts."))
    assert greeting.endswith("until you say: forget me.")
    assert "nuts" in remember.known_of("terminal")[0]
    assert asyncio.run(call()).startswith("Welcome back.")
    assert memory.stat().st_mode & 0o777 == 0o600


def test_nothing_is_left_of_a_caller_who_is_forgotten(memory: Path) -> None:
    remember.keep("terminal", "allergic to nuts")
    remember.keep("another", "fond of nuts")
    remember.erase("terminal")
    assert b"allergic" not in memory.read_bytes()
    assert remember.known_of("another") == ["fond of nuts"]


def test_rooms_in_threads_share_the_file() -> None:
    with ThreadPoolExecutor(8) as rooms:
        kept = [rooms.submit(remember.keep, f"caller {n % 4}", f"fact {n}") for n in range(100)]
    assert sum(one.result() for one in kept) == 4 * remember.MOST_FACTS
    assert len(remember.known_of("caller 1")) == remember.MOST_FACTS
