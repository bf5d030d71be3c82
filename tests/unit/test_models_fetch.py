"""A model comes whole and checked into the cache, or not at all."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.models import (
    DEMO_ASR,
    DEMO_VOICE,
    DiskFull,
    DownloadCorrupt,
    FetchError,
    HubRefused,
    HubUnreachable,
    ModelCorrupt,
    ModelMissing,
    fetch_asr,
    fetch_voice,
    resolve_asr,
    resolve_voice,
)
from services.models.catalogue import ASR_CATALOGUE, PIPER_VOICES, PIPER_VOICES_REVISION
from services.models.progress import ConsoleProgress
from tests.models.hub_server import COMMIT, HubServer, running_hub

VOICE = "en_US-ljspeech-medium"
VOICE_PATH = "en/en_US/ljspeech/medium"
ASR = "tiny.en"


def whisper_files() -> dict[str, bytes]:
    """The demo model under the names of a Systran repository."""
    files = {p.name: p.read_bytes() for p in DEMO_ASR.folder.iterdir()}
    files["vocabulary.txt"] = b"tokens\n"
    return {name: files[name] for name in ("config.json", "tokenizer.json", "model.bin")} | {
        "vocabulary.txt": files["vocabulary.txt"]
    }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    source = ASR_CATALOGUE[ASR].source
    assert source is not None
    server = HubServer(revisions=(PIPER_VOICES_REVISION, source.revision, COMMIT))
    server.add(
        PIPER_VOICES,
        {
            f"{VOICE_PATH}/MODEL_CARD": b"a card",
            f"{VOICE_PATH}/{VOICE}.onnx": DEMO_VOICE.model.read_bytes(),
            f"{VOICE_PATH}/{VOICE}.onnx.json": DEMO_VOICE.config.read_bytes(),
        },
    )
    server.add(source.repository, whisper_files())
    monkeypatch.setattr("services.models.hub.RETRY_DELAYS_SECONDS", (0.0,))
    with running_hub(server) as running:
        yield running


class Recorder:
    """Progress as a list of what was said, and the bytes that were counted."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.total = 0
        self.done = 0
        self.open = 0

    def say(self, line: str) -> None:
        self.lines.append(line)

    def start(self, name: str, total_bytes: int, done_bytes: int) -> None:
        self.total, self.done, self.open = total_bytes, done_bytes, self.open + 1

    def advance(self, byte_count: int) -> None:
        self.done += byte_count

    def finish(self) -> None:
        self.open -= 1


def test_a_voice_is_fetched_once_and_then_found(hub: HubServer, tmp_path: Path) -> None:
    progress = Recorder()
    voice = fetch_voice(VOICE, cache=tmp_path, progress=progress, endpoint=hub.url)
    assert voice == resolve_voice(VOICE, cache=tmp_path)
    assert voice.model.read_bytes() == DEMO_VOICE.model.read_bytes()
    assert not voice.demo
    asked = len(hub.requests)
    assert fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url) == voice
    assert len(hub.requests) == asked


def test_a_model_that_is_here_needs_no_writable_cache(hub: HubServer, tmp_path: Path) -> None:
    fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)
    shutil.rmtree(tmp_path / ".partial")
    (tmp_path / ".partial").write_text("in the way of everything that would be written")
    assert fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url).name == VOICE


def test_size_source_and_licence_are_said_before_the_first_byte(
    hub: HubServer, tmp_path: Path
) -> None:
    progress = Recorder()
    fetch_voice(VOICE, cache=tmp_path, progress=progress, endpoint=hub.url)
    assert "64 MB" in progress.lines[0]
    assert PIPER_VOICES in progress.lines[0]
    assert "public domain" in progress.lines[0]
    assert progress.done == progress.total
    assert progress.open == 0


def test_a_whisper_model_is_fetched_and_described(hub: HubServer, tmp_path: Path) -> None:
    model = fetch_asr(ASR, cache=tmp_path, endpoint=hub.url)
    assert (model.context_seconds, model.licence, model.demo) == (12.0, "MIT", False)
    assert model.window_seconds == 10.0
    by_path = resolve_asr(str(model.folder), cache=tmp_path)
    assert by_path.context_seconds == model.context_seconds
    assert by_path.window_seconds == model.window_seconds


def test_nothing_but_the_model_and_a_lock_stays(hub: HubServer, tmp_path: Path) -> None:
    fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)
    left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert left == [
        f".partial/voice-{VOICE}.lock",
        f"voices/{VOICE}/MODEL_CARD",
        f"voices/{VOICE}/{VOICE}.onnx",
        f"voices/{VOICE}/{VOICE}.onnx.json",
        f"voices/{VOICE}/manifest.json",
    ]


def test_an_interrupted_download_is_no_model_and_goes_on_later(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.cut_after_bytes = [500_000, *[0] * 10]
    with pytest.raises(HubUnreachable):
        fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)
    with pytest.raises(ModelMissing):
        resolve_voice(VOICE, cache=tmp_path)

    hub.cut_after_bytes = []
    hub.requests.clear()
    progress = Recorder()
    fetch_voice(VOICE, cache=tmp_path, progress=progress, endpoint=hub.url)
    assert set(hub.sent_ranges()) == {"bytes=500000-"}
    assert progress.done == progress.total


def test_a_killed_process_leaves_no_model_and_the_next_goes_on(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.hold_after_bytes = 500_000
    process = start_fetch(hub, tmp_path)
    assert hub.holding.wait(30)
    # What was sent may not have been received yet.
    for _ in range(600):
        if sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) > 100_000:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    hub.release.set()
    with pytest.raises(ModelMissing):
        resolve_voice(VOICE, cache=tmp_path)

    hub.hold_after_bytes = None
    hub.requests.clear()
    fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)
    assert resolve_voice(VOICE, cache=tmp_path).name == VOICE
    assert hub.sent_ranges()


def test_damaged_bytes_never_become_a_model(hub: HubServer, tmp_path: Path) -> None:
    hub.damaged = True
    with pytest.raises(DownloadCorrupt, match=VOICE):
        fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)
    with pytest.raises(ModelMissing):
        resolve_voice(VOICE, cache=tmp_path)


def test_a_file_that_is_no_voice_is_not_installed(hub: HubServer, tmp_path: Path) -> None:
    hub.add(PIPER_VOICES, {f"{VOICE_PATH}/{VOICE}.onnx": b"<html>" * 100_000})
    with pytest.raises(ModelCorrupt, match="ONNX"):
        fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)
    with pytest.raises(ModelMissing):
        resolve_voice(VOICE, cache=tmp_path)


def test_a_damaged_model_is_replaced(hub: HubServer, tmp_path: Path) -> None:
    voice = fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)
    voice.model.write_bytes(voice.model.read_bytes()[:-1])
    with pytest.raises(ModelCorrupt, match=f"download-files --voice {VOICE}"):
        resolve_voice(VOICE, cache=tmp_path)
    fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)
    assert resolve_voice(VOICE, cache=tmp_path) == voice


@pytest.mark.timeout(30)
def test_a_silent_hub_is_given_up_quickly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(HubUnreachable):
            fetch_voice(VOICE, cache=tmp_path, endpoint=endpoint, connect_timeout_seconds=0.3)


def test_a_file_that_the_hub_lost_is_named(hub: HubServer, tmp_path: Path) -> None:
    del hub.repositories[PIPER_VOICES][f"{VOICE_PATH}/MODEL_CARD"]
    with pytest.raises(HubRefused, match="MODEL_CARD"):
        fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)


def test_a_download_that_would_fill_the_disk_is_not_begun(hub: HubServer, tmp_path: Path) -> None:
    total = 100_000_000
    with pytest.raises(DiskFull, match="95 % full"):
        fetch_voice(
            VOICE,
            cache=tmp_path,
            endpoint=hub.url,
            disk_usage=lambda _: (total, total * 94 // 100, total * 6 // 100),
        )
    assert not [p for p in hub.asked("GET") if p.startswith("/large/")]


def test_threads_that_want_the_same_model_fetch_it_once(hub: HubServer, tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def fetch() -> object:
        barrier.wait()
        return fetch_voice(VOICE, cache=tmp_path, endpoint=hub.url)

    with ThreadPoolExecutor(4) as pool:
        voices = [f.result() for f in [pool.submit(fetch) for _ in range(4)]]
    assert voices == [resolve_voice(VOICE, cache=tmp_path)] * 4
    assert len([p for p in hub.asked("GET") if p.startswith("/large/")]) == 1


def test_processes_that_want_the_same_model_fetch_it_once(hub: HubServer, tmp_path: Path) -> None:
    processes = [start_fetch(hub, tmp_path) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert resolve_voice(VOICE, cache=tmp_path).name == VOICE
    assert len([p for p in hub.asked("GET") if p.startswith("/large/")]) == 1


def test_a_cache_that_cannot_be_written_is_said(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FetchError, match="check the cache folder"):
        fetch_voice(VOICE, cache=tmp_path / "file", endpoint=hub.url)


def test_the_demo_needs_no_hub(tmp_path: Path) -> None:
    assert fetch_asr("demo", cache=tmp_path, endpoint="http://127.0.0.1:9") == DEMO_ASR
    assert fetch_voice("demo", cache=tmp_path, endpoint="http://127.0.0.1:9") == DEMO_VOICE


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"'huge'.*base\.en"):
        fetch_asr("huge", cache=tmp_path)
    with pytest.raises(ModelMissing, match=rf"'huge'.*{VOICE}"):
        fetch_voice("huge", cache=tmp_path)


def test_progress_outside_a_terminal_is_a_few_lines(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_voice(VOICE, cache=tmp_path, progress=ConsoleProgress(sys.stdout), endpoint=hub.url)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"{VOICE}: 100 % of 2.3 MB"
    assert len(lines) <= 11


def start_fetch(hub: HubServer, cache: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from pathlib import Path; from services.models import fetch_voice; "
        f"fetch_voice({VOICE!r}, cache=Path(sys.argv[1]), connect_timeout_seconds=20)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(cache)],
        env={**os.environ, "HF_ENDPOINT": hub.url},
        cwd=Path(__file__).parents[2],
    )
