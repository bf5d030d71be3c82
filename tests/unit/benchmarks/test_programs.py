"""The benchmark's programs: child processes, calls into them, the probe, the fixed replies."""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from pathlib import Path

import openai
import psutil
import pytest

from benchmarks.bench.endpoint import MODEL, FixedReplies, Pace
from benchmarks.bench.lag import lag_seconds
from benchmarks.processes import Program, ProgramError
from benchmarks.remote import Remote, RemoteError

_ROOT = Path(__file__).parents[3]
_SERVER = """
import asyncio
from benchmarks.remote import serve

async def double(number):
    print("a library that prints")
    return 2 * number

async def fail():
    raise ValueError("as asked")

asyncio.run(serve({"double": double, "fail": fail}))
"""


async def _start(tmp_path: Path, source: str) -> Program:
    return await Program.start(
        "child",
        [sys.executable, "-c", source],
        log=tmp_path / "child.log",
        environment={"PYTHONPATH": str(_ROOT)},
    )


def _runs(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_calls_into_another_process_give_results_and_errors(tmp_path: Path) -> None:
    program = await _start(tmp_path, _SERVER)
    try:
        remote = Remote(program)
        await remote.wait_until_ready()
        assert await remote.call("double", number=21) == 42
        with pytest.raises(RemoteError, match="as asked"):
            await remote.call("fail")
        assert await remote.call("double", number=2) == 4
    finally:
        await program.stop()
    assert "a library that prints" in (tmp_path / "child.log").read_text()


async def test_waiting_for_a_program_that_ended_says_what_it_said_last(tmp_path: Path) -> None:
    program = await _start(tmp_path, "import sys; sys.exit('the disk is full')")
    with pytest.raises(ProgramError, match="the disk is full"):
        await program.wait_for_line(lambda line: line == "ready", 30)
    await program.stop()


async def test_stopping_a_program_ends_what_it_started(tmp_path: Path) -> None:
    source = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    program = await _start(tmp_path, source)
    child = int(await program.wait_for_line(str.isdigit, 30))
    await program.stop()
    for _ in range(200):
        if not _runs(child):
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("the grandchild still runs")


async def test_the_probe_sees_a_blocked_loop(tmp_path: Path) -> None:
    file = tmp_path / "lag.bin"
    source = (
        "import asyncio, time\n"
        "async def main():\n"
        "    for _ in range(70):\n"
        "        await asyncio.sleep(0.05)\n"
        "    time.sleep(0.3)\n"
        "    await asyncio.sleep(0.1)\n"
        "asyncio.run(main())\n"
        "print('done', flush=True)\n"
    )
    program = await Program.start(
        "probed",
        [sys.executable, "-c", source],
        log=tmp_path / "probed.log",
        environment={
            "PYTHONPATH": str(_ROOT / "benchmarks" / "probe"),
            "LOOP_LAG_FILE": str(file),
        },
    )
    await program.wait_for_line(lambda line: line == "done", 30)
    await program.stop()
    assert lag_seconds(file, 0.0, float("inf")).max() > 0.2


def test_the_latest_loop_counts(tmp_path: Path) -> None:
    file = tmp_path / "lag.bin"
    looks = [(1.0, 10.0 + i, 0.001) for i in range(60)] + [(2.0, 10.0 + i, 0.5) for i in range(60)]
    file.write_bytes(b"".join(struct.pack("ddd", *look) for look in looks) + b"half")
    assert set(lag_seconds(file, 0.0, 1e9)) == {0.5}
    assert len(lag_seconds(file, 0.0, 5.0)) == 0


async def test_the_endpoint_streams_the_same_reply_to_everybody() -> None:
    endpoint = FixedReplies("Of course, I will.")
    url = await endpoint.start()
    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    try:
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "anything"}], stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    finally:
        await client.close()
        await endpoint.stop()
    assert text == "Of course, I will."
    assert endpoint.requests == 1


async def test_the_endpoint_keeps_the_pace_of_a_real_model() -> None:
    endpoint = FixedReplies("Of course, I will.")
    endpoint.pace = Pace(first_token_seconds=0.2, tokens_per_second=20.0)
    url = await endpoint.start()
    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    try:
        began = time.monotonic()
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "anything"}], stream=True
        )
        pieces = [
            (chunk.choices[0].delta.content, time.monotonic() - began)
            async for chunk in stream
            if chunk.choices[0].delta.content
        ]
    finally:
        await client.close()
        await endpoint.stop()
    assert [text for text, _ in pieces] == ["Of", " course", ",", " I", " will", "."]
    # Never sooner than a model would write it; how much later is up to the machine.
    assert all(at >= 0.2 + n / 20.0 - 0.001 for n, (_, at) in enumerate(pieces))


_BENCHMARK = """
import asyncio, sys, time
from pathlib import Path
from benchmarks.processes import Program, end_programs_on_sigterm

async def main():
    child = await Program.start("grandchild", ["sleep", "60"], log=Path(sys.argv[1]))
    print(child.process_id, flush=True)
    time.sleep(1)
    try:
        await asyncio.sleep(60)
    finally:
        await child.stop()

end_programs_on_sigterm()
asyncio.run(main())
"""


@pytest.mark.parametrize("shell", ["", "trap '' INT;"], ids=["in front", "in the background"])
async def test_sigterm_ends_a_benchmark_with_its_programs(tmp_path: Path, shell: str) -> None:
    benchmark = await asyncio.create_subprocess_exec(
        "sh", "-c", shell + 'exec "$@"', "sh",
        sys.executable, "-c", _BENCHMARK, str(tmp_path / "grandchild.log"),
        cwd=_ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert benchmark.stdout is not None
    grandchild = int(await benchmark.stdout.readline())
    benchmark.terminate()
    await asyncio.wait_for(benchmark.wait(), 20)
    assert not _runs(grandchild)
