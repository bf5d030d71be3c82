"""A recogniser that computes in a speech process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..asr.config import AUTO, ASRError, DecodeOptions
from ..asr.pieces import transcribe_in_pieces
from ..asr.transcription import Transcription
from ..audio.samples import Samples
from ..inference import DynamicPriority, Priority
from .frames import FrameError, float_samples
from .messages import Terms, options_header, read_asr_facts, read_transcription
from .remote_calls import Calls, RemoteModel, current, wait_seconds


class RemoteASR:
    """A recogniser of the speech process (an `ASREngine`)."""

    def __init__(
        self, model: RemoteModel, calls: Calls, *, language: str | None, engine: str
    ) -> None:
        """`language` is what it hears unless a call says. Raises FrameError."""
        self.facts = read_asr_facts(model.facts, language=language)
        self._engine = engine
        self._calls = calls
        self._wanted = model.wanted

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
        """As `ASREngine.transcribe`; raises EngineLost too."""
        options = options or DecodeOptions()
        options = replace(options, language=options.language or self.facts.language or AUTO)

        async def transcribe(piece: Samples, start_seconds: float) -> Transcription:
            encoding, payload = float_samples(piece)
            header = {
                "type": "transcribe",
                "model": self._wanted["model"],
                **encoding,
                **Terms(owner, current(priority), deadline_seconds, queue_seconds).header(),
                "options": options_header(options),
                "start_seconds": start_seconds,
                "supersede": supersede,
                "work": work,
            }
            with self._calls.counted(self._engine, priority, work=work):
                answer = await self._calls.link.request(
                    header, payload, wait_seconds=wait_seconds(queue_seconds), priority=priority
                )
                try:
                    return read_transcription(answer)
                except FrameError as error:
                    raise ASRError(f"the speech process answers oddly: {error}") from error

        return await transcribe_in_pieces(
            samples,
            transcribe,
            window_seconds=self.facts.window_seconds,
            context_seconds=self.facts.context_seconds,
            start_seconds=start_seconds,
        )

    def close(self) -> None:
        """Let the speech process unload it, once no client uses it."""
        self._calls.link.send_soon({"type": "release", **self._wanted})

    def retire(self, successor: Callable[[], Awaitable[object]]) -> None:
        """Close it; whoever still holds it is served by the speech process as before."""
        self.close()
