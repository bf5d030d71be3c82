"""The configuration of a Piper voice; it may come from anywhere, so all values are bounded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

_ID = Annotated[int, Field(ge=0, le=1_000_000)]
_Text = Annotated[str, Field(max_length=100)]


class VoiceConfigError(ValueError):
    """Not the configuration of a Piper voice; the message names the first wrong place."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class _Audio(_Part):
    sample_rate: int = Field(ge=4_000, le=192_000)


class _Espeak(_Part):
    voice: str = Field(min_length=1, max_length=100, pattern=r"^[\w+-]+$")


class _Inference(_Part):
    noise_scale: float = Field(default=0.667, ge=0, le=10)
    length_scale: float = Field(default=1.0, ge=0.05, le=20)
    noise_w: float = Field(default=0.8, ge=0, le=10)


class _Language(_Part):
    code: _Text = ""


class VoiceConfig(_Part):
    """The parts that Piper and this project read; anything else is ignored."""

    audio: _Audio
    espeak: _Espeak
    phoneme_id_map: dict[str, list[_ID]] = Field(min_length=1, max_length=10_000)
    num_symbols: int = Field(ge=1, le=1_000_000)
    num_speakers: int = Field(default=1, ge=1, le=100_000)
    phoneme_type: Literal["espeak", "text", "pinyin", "hebrew", "japanese", "thai"] = "espeak"
    inference: _Inference = _Inference()
    speaker_id_map: dict[str, _ID] = {}
    hop_length: int = Field(default=256, ge=1, le=16_384)
    default_speaker_id: _ID = 0
    vowel_clusters: list[list[_Text]] | None = None
    language: _Language = _Language()

    @model_validator(mode="after")
    def _has_its_speaker(self) -> VoiceConfig:
        if self.default_speaker_id >= self.num_speakers:
            raise ValueError(f"default_speaker_id is not below num_speakers {self.num_speakers}")
        return self


def check_voice_config(content: Any) -> VoiceConfig:
    """Validate the content of a voice's `.onnx.json`; raises VoiceConfigError."""
    try:
        return VoiceConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:80]
        raise VoiceConfigError(f"{place}: {first['msg']}" if place else first["msg"]) from None
