"""An agent of somebody who has the plugin and nothing else of this project.

It greets, and says that it has heard whatever it hears.
"""

import math
import os

from livekit.agents import (
    Agent,
    AgentServer,
    AgentSession,
    JobContext,
    JobExecutorType,
    UserInputTranscribedEvent,
)
from livekit.plugins import local_speech  # type: ignore[attr-defined]

server = AgentServer(
    job_executor_type=JobExecutorType[os.environ["EXECUTOR"]],
    # A busy machine is not what the test is about, nor how many jobs the framework lets begin at
    # once, by its number of idle processes.
    load_fnc=lambda: 0.0,
    load_threshold=math.inf,
    num_idle_processes=1,
    initialize_process_timeout=60.0,
    host="127.0.0.1",
    port=0,
)


@server.rtc_session(agent_name="plugin-under-test")
async def converse(ctx: JobContext) -> None:
    session: AgentSession[None] = AgentSession(
        stt=local_speech.STT(model="base"),
        tts=local_speech.TTS(voice="en_US-joe-medium"),
        vad=local_speech.VAD(),
        turn_handling={"turn_detection": local_speech.TurnDetector()},
    )

    @session.on("user_input_transcribed")
    def answer(heard: UserInputTranscribedEvent) -> None:
        if heard.is_final and heard.transcript:
            # Else the end of the turn, which comes after its words, would interrupt it.
            session.say("I have heard that.", allow_interruptions=False)

    await session.start(Agent(instructions=""), room=ctx.room)
    session.say("Hello, I am here.")
