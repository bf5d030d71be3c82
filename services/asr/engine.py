"""The speech recogniser: one Whisper model behind the inference scheduler."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial

import numpy as np
from faster_whisper import WhisperModel

from ..audio.samples import SAMPLE_RATE, Samples
from ..inference import DynamicPriority, InferenceScheduler, Priority, Run
from ..program import program
from .config import ASRConfig, ASRError, ASRLoadError, DecodeOptions
from .decoder import decode
from .device import GPU, gpu_problem, gpu_remedy
from .interface import ASRFacts
from .pieces import transcribe_in_pieces
from .transcription import Transcription
from .whisper import Whisper


class StreamingASR:
    """A recogniser in this process (an `ASREngine`)."""

    def __init__(self, whisper: Whisper, scheduler: InferenceScheduler) -> None:
        self.config = config = whisper.config
        # Kept here, as a model whose weights are freed cannot be asked.
        self.facts = ASRFacts(
            name=config.name,
            language=config.language,
            languages=whisper.languages,
            multilingual=whisper.multilingual,
            window_seconds=config.window_seconds,
            context_seconds=config.context_seconds,
            workers=config.workers,
            prompts=config.prompts,
            timestamps=config.timestamps,
            device=config.device,
            compute_type=config.compute_type,
            gpu_problem=config.gpu_problem,
        )
        self.scheduler = scheduler
        self.on_recognition: Callable[[float, float], object] | None = None
        """Called after each transcription with seconds of audio and seconds of computing."""
        self._whisper: Whisper | None = whisper
        self._lock = threading.Lock()
        self._users = 0
        self._closed = False
        self._successor: Callable[[], Awaitable[StreamingASR]] | None = None

    @classmethod
    def load(cls, config: ASRConfig, *, scheduler: InferenceScheduler) -> StreamingASR:
        """Load the model; blocks for seconds and never touches the network.

        Raises ASRLoadError.
        """
        for name in ("model.bin", "config.json", "tokenizer.json"):
            if not (config.model / name).is_file():
                raise _load_error(config, f"has no {name}")
        if config.device == GPU and (why := gpu_problem()):
            raise ASRLoadError(f"recognition cannot use the GPU: {why}")
        try:
            model = WhisperModel(
                str(config.model),
                device=config.device,
                compute_type=config.compute_type,
                cpu_threads=config.threads,
                num_workers=config.workers,
                local_files_only=True,
            )
        except Exception as error:
            raise _load_error(config, "does not load", error) from error
        return cls(Whisper(model, config), scheduler)

    def warm(self) -> None:
        """Run one inference, so that no room pays for the first.

        Raises ASRLoadError: a model whose files do not fit together loads, but does not work.
        """
        noise = np.random.default_rng(0).normal(0.0, 0.05, SAMPLE_RATE).astype(np.float32)
        try:
            self.decode(noise, DecodeOptions(), Run())
        except Exception as error:
            raise _load_error(self.config, "does not work", error) from error

    async def transcribe(
        self,
        samples: Samples,
        *,
        owner: str,
        priority: Priority | DynamicPriority,
        deadline_seconds: float,
        queue_seconds: float | None = None,
        options: DecodeOptions | None = None,
        start_seconds: float = 0.0,
        supersede: str | None = None,
        work: str = "",
    ) -> Transcription:
        """As `ASREngine.transcribe`."""

        async def transcribe(piece: Samples, start_seconds: float) -> Transcription:
            async with self.serving() as asr:
                return await asr.scheduler.run(
                    partial(
                        asr.decode, piece, options or DecodeOptions(), start_seconds=start_seconds
                    ),
                    engine=asr.config.engine,
                    owner=owner,
                    priority=priority,
                    deadline_seconds=deadline_seconds,
                    queue_seconds=queue_seconds,
                    supersede=supersede,
                    work=work,
                )

        whole = await transcribe_in_pieces(
            samples,
            transcribe,
            window_seconds=self.config.window_seconds,
            context_seconds=self.config.context_seconds,
            start_seconds=start_seconds,
        )
        if self.on_recognition is not None:
            self.on_recognition(whole.audio_seconds, whole.compute_seconds)
        return whole

    def decode(
        self, samples: Samples, options: DecodeOptions, run: Run, *, start_seconds: float = 0.0
    ) -> Transcription:
        """Transcribe one piece within the window, in the calling thread."""
        with self._using() as whisper:
            return decode(whisper, samples, options, run, start_seconds)

    def close(self) -> None:
        """Free the weights once the calls that run or wait have ended. Idempotent."""
        with self._lock:
            self._closed = True
        self._free_if_unused()

    def retire(self, successor: Callable[[], Awaitable[StreamingASR]]) -> None:
        """Close it; whoever still holds it is served by what `successor` returns."""
        self._successor = successor
        self.close()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[StreamingASR]:
        """Hold this or its successor for a call, from before it waits in the queue."""
        with ExitStack() as held:
            try:
                held.enter_context(self._using(new=True))
            except ASRError:
                if self._successor is None:
                    raise
                async with (await self._successor()).serving() as successor:
                    yield successor
            else:
                yield self

    @contextmanager
    def _using(self, *, new: bool = False) -> Iterator[Whisper]:
        """Keep the model from being freed; with `new`, raise once it is closed."""
        with self._lock:
            if self._whisper is None or (self._closed and (new or not self._users)):
                raise ASRError("the speech recogniser has been closed")
            whisper = self._whisper
            self._users += 1
        try:
            yield whisper
        finally:
            with self._lock:
                self._users -= 1
            self._free_if_unused()

    def _free_if_unused(self) -> None:
        with self._lock:
            if not self._closed or self._users or self._whisper is None:
                return
            whisper, self._whisper = self._whisper, None
        whisper.model.model.unload_model()


def _load_error(config: ASRConfig, problem: str, error: Exception | None = None) -> ASRLoadError:
    if error is not None and config.device == GPU and (remedy := gpu_remedy(error)):
        return ASRLoadError(f"recognition {problem} on the GPU ({error}): {remedy}")
    why = f" ({error})" if error is not None else ""
    return ASRLoadError(
        f"speech recognition model {config.model} {problem}{why}: "
        f"fetch it again with `{program()} download-files --asr {config.name}`"
    )
