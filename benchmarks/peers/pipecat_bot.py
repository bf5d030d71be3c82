"""pipecat's local services over its LiveKit transport: one pipeline a room, all in this process.

Rooms come as lines `ROOM TOKEN` on standard input. What it measures goes to standard output, a
JSON object a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    TranscriptionFrame,
    TTSSpeakFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.piper.tts import PiperTTSService
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transcriptions.language import Language
from pipecat.transports.livekit.transport import LiveKitParams, LiveKitTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from benchmarks.peers.alike import work_alike

STOP_SECONDS = 0.3
"""Silence that ends a turn."""


class Bot:
    """Holds a conversation in each room it is told of."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve rooms until standard input ends."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        print("pipecat ready", flush=True)
        while line := await reader.readline():
            room, token = line.decode().split()
            task = asyncio.create_task(self._converse(room, token), name=room)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        for task in self._tasks:
            task.cancel()

    async def _converse(self, room: str, token: str) -> None:
        arguments = self._arguments
        transport = LiveKitTransport(
            url=arguments.url,
            token=token,
            room_name=room,
            params=LiveKitParams(audio_in_enabled=True, audio_out_enabled=True),
        )
        stt = WhisperSTTService(
            device="cpu",
            compute_type="int8",
            settings=WhisperSTTService.Settings(
                model=str(arguments.asr),
                language=Language.EN,
            ),
        )
        tts = PiperTTSService(
            download_dir=arguments.voice.parent,
            settings=PiperTTSService.Settings(voice=arguments.voice.stem),
        )
        llm = OpenAILLMService(
            api_key="none",
            base_url=arguments.llm,
            settings=OpenAILLMService.Settings(model=arguments.llm_model),
        )
        aggregators = LLMContextAggregatorPair(
            LLMContext(), user_params=_turn_taking(arguments.turns == "default")
        )
        steps = [transport.input(), stt, aggregators.user(), llm, tts, transport.output()]
        worker = PipelineWorker(
            Pipeline([*steps, aggregators.assistant()]),
            params=PipelineParams(enable_metrics=False),
            observers=[TranscriptClock(room)],
            enable_rtvi=False,
        )

        @transport.event_handler("on_first_participant_joined")  # type: ignore[untyped-decorator]
        async def _greet(transport: Any, participant: str) -> None:
            await worker.queue_frame(TTSSpeakFrame(arguments.greeting))

        @transport.event_handler("on_participant_left")  # type: ignore[untyped-decorator]
        async def _end(transport: Any, participant: str, reason: str) -> None:
            await worker.cancel()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()


def _turn_taking(default: bool) -> LLMUserAggregatorParams:
    """As it ships, with Smart Turn, or by silence alone, as all systems of `benchmarks.bench`."""
    if default:
        return LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    return LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=STOP_SECONDS)),
        user_turn_strategies=UserTurnStrategies(
            stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)]
        ),
    )


class TranscriptClock:
    """An observer: tells how long after the end of speech the transcript came."""

    observe_every_push = False

    def __init__(self, room: str) -> None:
        self._room = room
        self._stopped: float | None = None

    async def on_push_frame(self, data: Any) -> None:
        """Look at a frame that a processor pushed."""
        if isinstance(data.frame, VADUserStoppedSpeakingFrame):
            self._stopped = time.monotonic()
        elif isinstance(data.frame, TranscriptionFrame) and self._stopped is not None:
            seconds = time.monotonic() - self._stopped
            self._stopped = None
            record = {"room": self._room, "transcript_seconds": STOP_SECONDS + seconds}
            print(json.dumps(record), flush=True)

    async def on_process_frame(self, data: Any) -> None:
        """Nothing."""

    async def on_processor_setup(self, data: Any) -> None:
        """Nothing."""

    async def setup(self, task_manager: Any) -> None:
        """Nothing."""

    async def on_pipeline_started(self) -> None:
        """Nothing."""

    async def on_pipeline_finished(self) -> None:
        """Nothing."""

    async def cleanup(self) -> None:
        """Nothing."""


def main() -> None:
    """Serve rooms with the models on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asr", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--llm", required=True)
    parser.add_argument("--llm-model", required=True)
    parser.add_argument("--greeting", required=True)
    parser.add_argument("--turns", choices=("silence", "default"), default="silence")
    work_alike()
    asyncio.run(Bot(parser.parse_args()).run())


if __name__ == "__main__":
    main()
