"""Makes stock libraries work under the same terms: one thread a call, greedy decoding."""

from __future__ import annotations

from typing import Any

import faster_whisper
import onnxruntime


def work_alike() -> None:
    """From now on, in this process, whatever the code that uses these libraries asks for.

    onnxruntime's default is a thread for each core. faster-whisper's defaults are a beam of five,
    and up to five more decodes of what it is unsure of; it pads audio to 30 s even for a model
    whose window is shorter and that cannot take so much.
    """
    _onnxruntime()
    _whisper(faster_whisper.WhisperModel)


def _onnxruntime() -> None:
    make = onnxruntime.SessionOptions

    def one_thread() -> Any:
        options = make()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        return options

    onnxruntime.SessionOptions = one_thread


def _whisper(model: Any) -> None:
    encode, transcribe = model.encode, model.transcribe

    def encode_window(self: Any, features: Any) -> Any:
        return encode(self, features[..., : self.feature_extractor.nb_max_frames])

    def transcribe_greedily(self: Any, audio: Any, **options: Any) -> Any:
        options |= {"beam_size": 1, "temperature": 0.0, "without_timestamps": True}
        return transcribe(self, audio, **options)

    model.encode = encode_window
    model.transcribe = transcribe_greedily
