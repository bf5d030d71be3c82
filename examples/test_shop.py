"""How an owner tests an agent: typed turns, with the test helpers of livekit-agents.

Run it where the agent's language model is: LLM_BASE_URL=… LLM_MODEL=… pytest examples/test_shop.py
"""

import asyncio
import os

from livekit.agents import AgentSession
from shop import Shop

from agent.llm.language_models import endpoint_llm


async def order(words: str) -> None:
    llm = endpoint_llm(os.environ["LLM_BASE_URL"], os.environ["LLM_MODEL"])
    async with llm, AgentSession(llm=llm) as session:
        await session.start(Shop())
        result = await session.run(user_input=words)
        result.expect.contains_function_call(
            name="add_to_order", arguments={"item": "rolls", "number": 3}
        )
        result.expect.contains_message(role="assistant")


def test_rolls_are_ordered() -> None:
    asyncio.run(order("Three rolls please."))
