"""An agent in Python, as livekit-agents describes them; speech comes from the worker."""

from livekit.agents import Agent, RunContext, function_tool


class Shop(Agent):
    def __init__(self) -> None:
        super().__init__(
            instructions="You take orders in a bakery. Answer in one short spoken sentence."
        )
        self.order: list[str] = []

    async def on_enter(self) -> None:
        self.session.say("Hello, what would you like?")

    @function_tool
    async def add_to_order(self, context: RunContext, item: str, number: int) -> str:
        """Add something to the order.

        Args:
            item: what the caller wants, such as "rolls".
            number: how many.
        """
        self.order.append(f"{number} {item}")
        return f"The order is now {', '.join(self.order)}."
