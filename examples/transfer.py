"""Two agents: one finds out what the caller wants and hands over to the other."""

from livekit.agents import Agent, function_tool


class Billing(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You answer questions about bills, in one short sentence.")

    async def on_enter(self) -> None:
        self.session.say("This is the billing department.")


class FrontDesk(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="Ask what the call is about; transfer questions about bills.")

    async def on_enter(self) -> None:
        self.session.say("Hello, what is this about?")

    @function_tool
    async def transfer_to_billing(self) -> tuple[Agent, str]:
        """Transfer the caller to the billing department."""
        return Billing(), "One moment please."


agent = FrontDesk
