"""What tests share: models loaded once for the whole session, recorded speech, leak checks."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Importing from `services` also keeps onnxruntime from reporting, before a test imports that.
from services.host.allocator import keep_native_memory_small
from tests.support.leaks import Snapshot, assert_nothing_left
from tests.support.model_loads import ModelLoads
from tests.support.recordings import Kind, Recording, recordings

if TYPE_CHECKING:
    from services.asr.engine import StreamingASR
    from services.shared.engines import SharedEngines
    from services.tts.engine import StreamingTTS
    from services.vad.silero import VoiceActivityModel

pytest_plugins = (
    "tests.support.peak_memory",
    "tests.support.own_process",
    "tests.support.genuine",
    "tests.fuzz.profiles",
)

# This process has models and rooms as a worker has, and is bound to a peak.
keep_native_memory_small()
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Inherited where the tests run in the background of a shell, and passed on to the commands
    # that they press Ctrl-C in.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_FOLDER = Path(__file__).parent
_OWN_COPY = "own_copy"
_LOADS = pytest.StashKey[ModelLoads]()
_KINDS_OF_TEST = {
    "unit": "unit",
    "engine": "engine",
    "genuine_models": "genuine",
    "room": "room",
    "browser": "browser",
    "faults": "faults",
    "fuzz": "fuzz",
}
"""Marker by folder."""
_GENUINE_SECONDS = 300
"""For a test of the genuine models, the first of which may have to fetch them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the folder it lies in, and those with genuine models as such.

    Those with a browser run last: Playwright keeps an event loop running in the main thread from
    its first test on, where no other test could run one then.
    """
    for item in items:
        kind = _kind(item)
        if kind in _KINDS_OF_TEST:
            item.add_marker(_KINDS_OF_TEST[kind])
        if "genuine_cache" in getattr(item, "fixturenames", ()):
            item.add_marker("genuine")
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(_GENUINE_SECONDS))
    items.sort(key=lambda item: _kind(item) == "browser")


def _kind(item: pytest.Item) -> str:
    """The folder of `tests` that the test lies in."""
    inside = item.path.is_relative_to(_FOLDER)
    return item.path.relative_to(_FOLDER).parts[0] if inside else ""


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of this session's own, so that what other processes leave does not count."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(scope="session")
def speech_files() -> Callable[..., list[Recording]]:
    """`speech_files("turn", "pause")` gives the recordings of these kinds."""

    def of(*kinds: Kind) -> list[Recording]:
        return recordings(*kinds)

    return of


@pytest.fixture(scope="session")
def shared(model_loads: ModelLoads) -> Iterator[SharedEngines]:
    """The demo models behind one scheduler, as the whole process shares them; each loads on demand.

    `get_shared_asr()` and its kin give these very models.
    """
    from services.shared.engines import SharedEngines
    from services.shared.process_engines import configure_shared, release_shared

    os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")
    speech = SharedEngines()
    configure_shared(speech)
    model_loads.expect(
        lambda: {
            "recogniser": speech.asr.loads,
            "voice": speech.tts.loads,
            "voice activity": speech.voice_activity.loads,
        }
    )
    yield speech
    release_shared()
    speech.close()


@pytest.fixture(scope="session")
def model_loads(pytestconfig: pytest.Config) -> Iterator[ModelLoads]:
    """How often each of the shared models was loaded in this process."""
    with pytest.MonkeyPatch.context() as patch:
        loads = pytestconfig.stash[_LOADS] = ModelLoads(patch)
        yield loads


@pytest.fixture(autouse=True)
def _one_copy_of_each_model(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    loads = request.config.stash.get(_LOADS, None)
    if loads is not None:
        copies = loads.take_copies()
        if copies and request.node.get_closest_marker(_OWN_COPY) is None:
            pytest.fail(f"models were loaded again: {copies}")


@pytest.fixture(scope="session")
def asr(shared: SharedEngines) -> StreamingASR:
    """The shared demo recogniser."""
    from services.asr.engine import StreamingASR

    engine = shared.asr.get_blocking()
    assert isinstance(engine, StreamingASR)
    return engine


@pytest.fixture(scope="session")
def tts(shared: SharedEngines) -> StreamingTTS:
    """The shared demo voice."""
    from services.tts.engine import StreamingTTS

    engine = shared.tts.get_blocking()
    assert isinstance(engine, StreamingTTS)
    return engine


@pytest.fixture(scope="session")
def voice_activity(shared: SharedEngines) -> VoiceActivityModel:
    """The shared Silero model."""
    return shared.voice_activity.get_blocking()


@pytest.fixture(scope="session")
def genuine(genuine_cache: Path, model_loads: ModelLoads) -> Iterator[SharedEngines]:
    """The genuine models behind a scheduler of their own; each loads on demand.

    They are not what `get_shared_asr()` and its kin give.
    """
    from services.models import resolve_asr, resolve_voice
    from services.shared.config import EngineConfig
    from services.shared.engines import SharedEngines
    from tests.support.genuine import RECOGNISERS, VOICE

    speech = SharedEngines(
        EngineConfig(asr=RECOGNISERS[0], voice=VOICE, cache=genuine_cache, language="en")
    )
    model_loads.expect(
        lambda: {
            "genuine recogniser": speech.asr.loads,
            "genuine voice": speech.tts.loads,
        },
        {
            resolve_asr(RECOGNISERS[0], cache=genuine_cache).folder: "genuine recogniser",
            resolve_voice(VOICE, cache=genuine_cache).model: "genuine voice",
        },
    )
    yield speech
    speech.close()


@pytest.fixture(scope="session")
def genuine_asr(genuine: SharedEngines) -> StreamingASR:
    """Stock Whisper, as the product loads it by default."""
    from services.asr.engine import StreamingASR

    engine = genuine.asr.get_blocking()
    assert isinstance(engine, StreamingASR)
    return engine


@pytest.fixture(scope="session")
def genuine_tts(genuine: SharedEngines) -> StreamingTTS:
    """A Piper voice made from recordings of a person."""
    from services.tts.engine import StreamingTTS

    engine = genuine.tts.get_blocking()
    assert isinstance(engine, StreamingTTS)
    return engine


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """Fail when the test leaves a thread, task, descriptor or temporary file behind.

    Name it after the fixtures whose threads and files may stay.
    """
    before = Snapshot.take()
    yield
    await assert_nothing_left(before)
