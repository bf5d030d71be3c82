"""The LiveKit plugin, installed where nothing of this checkout is, in somebody else's agent."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import wave
import zipfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import AgentProcess
from tests.support.caller import Caller, room_token
from tests.support.people import PersonRecording, people
from tests.support.recordings import SAMPLE_RATE
from tests.support.wheels import REPOSITORY, build_wheel, install

_HERE = Path(__file__).parent
_SECONDS = 60.0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's wheel."""
    project = tmp_path_factory.mktemp("assembled") / "plugin"
    # In a process of its own, as Python 3.11 loses count of a syntax tree's depth while other
    # threads read one as well.
    code = (
        "import pathlib, sys; from scripts.plugin import assemble; "
        "assemble(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(project)], cwd=REPOSITORY, check=True)
    return build_wheel(project, tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def hears(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the plugin and without piper-tts."""
    return install(tmp_path_factory.mktemp("hears"), wheel) / "python"


@pytest.fixture(scope="module")
def speaks(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with all of the plugin."""
    return install(tmp_path_factory.mktemp("speaks"), f"{wheel}[tts]") / "python"


def test_the_wheel_joins_the_namespace_of_livekit_s_plugins(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"livekit/__init__.py", "livekit/plugins/__init__.py"}.isdisjoint(names)
    assert "livekit/plugins/local_speech/py.typed" in names
    ours = [name for name in names if ".dist-info/" not in name]
    assert all(name.startswith("livekit/plugins/local_speech/") for name in ours)


def test_recognition_is_what_livekit_expects_and_needs_no_piper(
    hears: Path, genuine_cache: Path, tmp_path: Path
) -> None:
    sound = _wave_file(tmp_path)
    _run(hears, genuine_cache, tmp_path, "plugin_conditions.py", "stt", str(sound))


def test_the_voice_is_what_livekit_expects_of_one(
    speaks: Path, genuine_cache: Path, tmp_path: Path
) -> None:
    _run(speaks, genuine_cache, tmp_path, "plugin_conditions.py", "tts")


def test_the_framework_fetches_the_files_of_the_plugin(
    speaks: Path, genuine_cache: Path, tmp_path: Path
) -> None:
    ended = _run(speaks, genuine_cache, tmp_path, "-m", "livekit.agents", "download-files")
    assert "finished downloading files for livekit.plugins.local_speech" in ended


async def test_three_jobs_of_a_worker_with_threads_load_each_model_once(
    speaks: Path, genuine_cache: Path, tmp_path: Path, livekit: LiveKitCredentials
) -> None:
    log, _ = await _converse(speaks, genuine_cache, tmp_path, livekit, "THREAD")
    loaded = Counter(line["role"] for line in log if line["message"] == "model ready")
    assert loaded == {"asr": 1, "voice": 1, "voice activity": 1, "end of turn": 1}
    assert [line for line in log if line["message"] == "jobs of this process share each model"]


async def test_three_jobs_of_a_worker_with_processes_share_one_speech_process(
    speaks: Path,
    genuine_cache: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    livekit: LiveKitCredentials,
) -> None:
    # The path of a socket is bounded.
    run = tmp_path_factory.mktemp("run")
    log, programs = await _converse(
        speaks, genuine_cache, tmp_path, livekit, "PROCESS", {"XDG_RUNTIME_DIR": str(run)}
    )
    shared = "jobs share the models of a speech process"
    said = [line for line in log if line["message"] == shared]
    assert len({line["pid"] for line in said}) == 3
    assert len({line["socket"] for line in said}) == 1
    assert len([program for program in programs if "speech_process" in program]) == 1
    (served,) = run.glob("*/*.log")
    ready = [line for line in served.read_text().splitlines() if line.endswith(": model ready")]
    assert len(ready) == 3, "recogniser, voice and end of turn, each once"


async def _converse(
    python: Path,
    models: Path,
    folder: Path,
    livekit: LiveKitCredentials,
    executor: str,
    variables: dict[str, str] | None = None,
) -> tuple[list[dict[str, object]], list[str]]:
    """Have three callers converse at once with a worker's agent.

    Returns the worker's log, and the command lines of it and of what it has started.
    """
    worker = await _worker(python, models, folder, livekit, executor, variables or {})
    try:
        await worker.wait_for_output("registered worker")
        async with AsyncExitStack() as stack:
            callers = [await stack.enter_async_context(Caller()) for _ in range(3)]
            await asyncio.gather(
                *(_call(caller, livekit, f"{folder.name}-{n}") for n, caller in enumerate(callers))
            )
            programs = [" ".join(process.cmdline()) for process in worker.all()]
        worker.assert_running()
    except TimeoutError as error:
        raise AssertionError("\n".join([*worker.output, *worker.log])) from error
    finally:
        await worker.kill()
    return [json.loads(line) for line in worker.output if line.startswith("{")], programs


async def _call(caller: Caller, livekit: LiveKitCredentials, room: str) -> None:
    """Be greeted, speak, be understood and answered."""
    token = room_token(
        livekit.api_key, livekit.api_secret, room, "caller", agent_name="plugin-under-test"
    )
    await caller.join(livekit.url, token)
    await caller.wait_for_agent(_SECONDS)
    await caller.wait_for_words("I am here", _SECONDS)
    await caller.wait_for_silence()
    await caller.say(_request().samples)
    await caller.wait_for_transcript(1, of_agent=False, timeout_seconds=_SECONDS)
    await caller.wait_for_words("I have heard that", _SECONDS)


async def _worker(
    python: Path,
    models: Path,
    folder: Path,
    livekit: LiveKitCredentials,
    executor: str,
    variables: dict[str, str],
) -> AgentProcess:
    shutil.copy(_HERE / "plugin_agent.py", folder)
    process = await asyncio.create_subprocess_exec(
        *(python, "-m", "livekit.agents", "start", "plugin_agent.py"),
        cwd=folder,
        env={
            **_environment(models, folder),
            **variables,
            "EXECUTOR": executor,
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return AgentProcess(process, folder)


def _run(python: Path, models: Path, folder: Path, *words: str) -> str:
    """Run a script of this folder or a module with that Python; return all it wrote."""
    if words[0] != "-m":
        shutil.copy(_HERE / words[0], folder)
    ended = subprocess.run(
        [python, *words],
        cwd=folder,
        env=_environment(models, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def _environment(models: Path, folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LOCAL_SPEECH_MODELS": str(models)}


def _wave_file(folder: Path) -> Path:
    """A person's request, as a file."""
    samples = _request().samples
    with wave.open(str(folder / "said.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return folder / "said.wav"


def _request() -> PersonRecording:
    return next(person for person in people("request") if person.seconds > 2.0)
