"""A server of the audio API for tests, and requests to it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import struct
import time
import wave
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openai
from numpy.typing import NDArray

from services.host.temp_files import TempFiles
from services.shared.engines import SharedEngines
from services.web.audio_api.access import ApiAccess, ApiLimits
from services.web.audio_api.api_keys import ApiKeyFile
from services.web.audio_api.form import FormReader
from services.web.audio_api.routes import AudioApiRoutes
from services.web.http.guard import Guard
from services.web.http.server import WebServer
from tests.support.web_client import Answer, fetch

LIMITS = ApiLimits(
    max_bytes=500_000,
    max_seconds=10,
    max_characters=1000,
    requests_per_minute=1000,
    requests_at_once=4,
)
_PATIENCE_SECONDS = 60.0

BOUNDARY = "a-boundary-of-this-test"


@dataclass(frozen=True)
class AudioApi:
    """A running server, with a key of its own."""

    server: WebServer
    keys: ApiKeyFile
    files: TempFiles
    key: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Route and status of each that has ended."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/v1"

    def client(self, key: str | None = None) -> openai.OpenAI:
        """OpenAI's own client; the caller closes it."""
        return openai.OpenAI(
            base_url=self.url, api_key=key or self.key, max_retries=0, timeout=60.0
        )

    def upload(self, audio: bytes, key: str | None = None, **fields: str) -> Answer:
        """Send a file and fields."""
        body = form(audio, {"model": "whisper-1", **fields})
        return self.post("audio/transcriptions", body, content_type=FORM_TYPE, key=key)

    def post(self, path: str, body: bytes, *, content_type: str, key: str | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": content_type}
        return fetch(self.server, f"/v1/{path}", method="POST", headers=headers, body=body)

    def head(self, length: int, *, key: str | None = None) -> bytes:
        """The head of an upload that a test sends by itself."""
        return (
            "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {key or self.key}\r\n"
            f"Content-Type: {FORM_TYPE}\r\nContent-Length: {length}\r\n\r\n"
        ).encode()


FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@contextlib.contextmanager
def audio_api(
    shared: SharedEngines,
    folder: Path,
    *,
    limits: ApiLimits = LIMITS,
    reader: FormReader | None = None,
    **options: Any,
) -> Iterator[AudioApi]:
    """Serve; at the end no temporary file may be left."""
    keys = ApiKeyFile(folder / "keys.json")
    secret = keys.add("tester")
    requests: list[tuple[str, str]] = []
    with TempFiles(folder) as files:
        routes = AudioApiRoutes(
            ApiAccess(folder / "keys.json", Guard(), limits),
            shared,
            files.file,
            on_request=lambda route, status: requests.append((route, status)),
            reader=reader,
            **options,
        )
        server = WebServer("127.0.0.1", 0, [routes])
        server.start()
        try:
            yield AudioApi(server, keys, files, secret, requests)
        finally:
            server.stop()
            assert files.stats().count == 0


def write_key(file: Path, secret: str) -> None:
    """Make a file of keys with one whose secret is known beforehand."""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    key = {"name": "tester", "sha256": digest, "created": "2026-01-31"}
    file.write_text(json.dumps({"version": 1, "keys": [key]}))


def form(audio: bytes, fields: Mapping[str, str], *, filename: str = "speech.wav") -> bytes:
    """A form as clients send it: the fields, then the file."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join([*parts, file]).encode() + audio + f"\r\n--{BOUNDARY}--\r\n".encode()


def silent_wav(rate: int, seconds: float, *, told_seconds: float | None = None) -> bytes:
    """Silence; its header may tell of another length."""
    frames = round(rate * seconds)
    data = 2 * round(rate * (seconds if told_seconds is None else told_seconds))
    kind = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + data) + b"WAVEfmt " + kind
    head += b"data" + struct.pack("<I", data)
    return head + bytes(2 * frames)


def stereo_wav(left: NDArray[np.int16], right: NDArray[np.int16], rate: int) -> bytes:
    """Two channels of the same length."""
    wav = io.BytesIO()
    with wave.open(wav, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.stack([left, right], axis=1).tobytes())
    return wav.getvalue()


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread will make true."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
