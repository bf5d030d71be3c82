"""The adapter that the field writes: whole utterances, 30 s of padding, whole sentences.

It stands for the faster-whisper and Piper plugins that people share for LiveKit: recognition
begins when the framework's adapter says that an utterance is over, both models run in
`asyncio.to_thread`, everything else is the framework's default. Models are loaded once for all
rooms, at the start, which most of them do not do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    Agent,
    AgentServer,
    AgentSession,
    APIConnectOptions,
    JobContext,
    JobExecutorType,
    JobProcess,
    LanguageCode,
    inference,
    llm,
    stt,
    tts,
)
from livekit.agents.types import NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer
from livekit.agents.voice.turn import TurnHandlingOptions
from livekit.plugins import openai, silero
from piper import PiperVoice

from benchmarks.peers.alike import work_alike

_ASR_RATE = 16_000


class WholeUtteranceSTT(stt.STT[Any]):
    """faster-whisper over a finished utterance."""

    def __init__(self, model: WhisperModel) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._model = model

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        text = await asyncio.to_thread(self._transcribe, buffer)
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[stt.SpeechData(language=LanguageCode("en"), text=text)],
        )

    def _transcribe(self, buffer: AudioBuffer) -> str:
        segments, _ = self._model.transcribe(_samples_16k(buffer), language="en")
        return " ".join(segment.text.strip() for segment in segments)


class WholeSentenceTTS(tts.TTS[Any]):
    """Piper, a sentence at a time."""

    def __init__(self, voice: PiperVoice) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False),
            sample_rate=voice.config.sample_rate,
            num_channels=1,
        )
        self.voice = voice

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """The sound of `text`, once all of it is made."""
        return _Sentence(self, text, conn_options)


class _Sentence(tts.ChunkedStream):
    def __init__(self, owner: WholeSentenceTTS, text: str, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=owner, input_text=text, conn_options=conn_options)
        self._voice = owner.voice

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="sentence",
            sample_rate=self._voice.config.sample_rate,
            num_channels=1,
            mime_type="audio/pcm",
        )
        chunks = await asyncio.to_thread(lambda: list(self._voice.synthesize(self._input_text)))
        for chunk in chunks:
            output_emitter.push(chunk.audio_int16_bytes)
        output_emitter.flush()


def _samples_16k(buffer: AudioBuffer) -> np.ndarray[Any, np.dtype[np.float32]]:
    frame = rtc.combine_audio_frames(buffer)
    resampler = rtc.AudioResampler(frame.sample_rate, _ASR_RATE)
    frames = (
        [*resampler.push(frame), *resampler.flush()] if frame.sample_rate != _ASR_RATE else [frame]
    )
    pcm = np.concatenate([np.frombuffer(f.data, dtype=np.int16) for f in frames])
    return pcm.astype(np.float32) / 32768.0


class NaiveAgent:
    """The worker with its two models."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._model = WhisperModel(
            str(arguments.asr), device="cpu", compute_type="int8", cpu_threads=1
        )
        self._voice = PiperVoice.load(arguments.voice)
        self.server = AgentServer(
            job_executor_type=JobExecutorType.THREAD,
            setup_fnc=_prewarm,
            # By default a worker refuses rooms when its machine is busy, as it is here.
            load_fnc=lambda: 0.0,
            host="127.0.0.1",
            port=0,
        )
        self.server.rtc_session(self._converse, agent_name=arguments.agent_name)

    async def run(self) -> None:
        """Register and serve rooms until the process is ended."""
        self.server.on("worker_registered", lambda *_: print("naive ready", flush=True))
        await self.server.run(devmode=False)

    async def _converse(self, ctx: JobContext) -> None:
        default = self._arguments.turns == "default"
        vad = inference.VAD() if default else ctx.proc.userdata["vad"]
        session = AgentSession[None](
            stt=stt.StreamAdapter(stt=WholeUtteranceSTT(self._model), vad=vad),
            vad=vad,
            tts=WholeSentenceTTS(self._voice),
            llm=openai.LLM(
                model=self._arguments.llm_model,
                base_url=self._arguments.llm,
                api_key="none",
            ),
            turn_handling=_turn_handling(default),
        )
        sender = _TurnSender(ctx.room, session)
        ctx.add_shutdown_callback(sender.aclose)
        await session.start(_Greeter(self._arguments.greeting), room=ctx.room)


def _turn_handling(default: bool) -> TurnHandlingOptions:
    """The defaults as far as they run on the machine, or by silence alone.

    By itself the framework asks services of LiveKit's when a turn ends and what is an interruption.
    """
    if default:
        detector = inference.TurnDetector(version="v1-mini")
        return TurnHandlingOptions(turn_detection=detector, interruption={"mode": "vad"})
    return TurnHandlingOptions(turn_detection="vad", interruption={"mode": "vad"})


class _Greeter(Agent):
    def __init__(self, greeting: str) -> None:
        super().__init__(instructions="Answer.")
        self._greeting = greeting

    async def on_enter(self) -> None:
        self.session.say(self._greeting)


class _TurnSender:
    """Tells the caller what the framework measured of each turn, as the product does."""

    def __init__(self, room: rtc.Room, session: AgentSession[None]) -> None:
        self._room = room
        self._heard: llm.ChatMessage | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """End what is being sent."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_item(self, event: Any) -> None:
        item = event.item
        if not isinstance(item, llm.ChatMessage):
            return
        if item.role == "user":
            self._heard = item
        elif self._heard is not None:
            record = {
                "transcript_seconds": self._heard.metrics.get("transcription_delay"),
                "end_of_speech_seconds": self._heard.metrics.get("end_of_turn_delay"),
                "first_sound_seconds": item.metrics.get("tts_node_ttfb"),
            }
            self._heard = None
            task = asyncio.create_task(self._send(json.dumps(record)), name="send-turn")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, text: str) -> None:
        await self._room.local_participant.send_text(text, topic="agent.turn")


def _prewarm(process: JobProcess) -> None:
    process.userdata["vad"] = silero.VAD.load()


def main() -> None:
    """Serve rooms with the models on the command line; LIVEKIT_* come from the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asr", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True)
    parser.add_argument("--agent-name", required=True)
    parser.add_argument("--llm", required=True)
    parser.add_argument("--llm-model", required=True)
    parser.add_argument("--greeting", required=True)
    parser.add_argument("--turns", choices=("silence", "default"), default="silence")
    os.environ["OMP_NUM_THREADS"] = "1"
    work_alike()
    threading.current_thread().name = "naive"
    asyncio.run(NaiveAgent(parser.parse_args()).run())


if __name__ == "__main__":
    main()
