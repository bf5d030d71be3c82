"""How an owner tests an agent: typed turns by the test helpers of livekit-agents, and spoken ones.

Run it where the agent's language model is: LLM_BASE_URL=… LLM_MODEL=… pytest examples/test_shop.py
"""

import asyncio
import os

from livekit.agents import AgentSession
from shop import Shop

from agent.llm.language_models import endpoint_llm
from agent.testing import spoken_call

WORDS = "I would like three rolls please."


async def order_in_writing() -> None:
    llm = endpoint_llm(os.environ["LLM_BASE_URL"], os.environ["LLM_MODEL"])
    async with llm, AgentSession(llm=llm) as session:
        await session.start(Shop())
        result = await session.run(user_input=WORDS)
        result.expect.contains_function_call(
            name="add_to_order", arguments={"item": "rolls", "number": 3}
        )
        result.expect.contains_message(role="assistant")


async def order_aloud() -> None:
    shop = Shop()
    async with spoken_call() as call:
        await call.session.start(shop)
        turn = await call.say(WORDS)
    assert [made.name for made in turn.calls] == ["add_to_order"], turn
    assert shop.order == ["3 rolls"], turn


def test_rolls_are_ordered_in_writing() -> None:
    asyncio.run(order_in_writing())


def test_rolls_are_ordered_aloud() -> None:
    asyncio.run(order_aloud())
