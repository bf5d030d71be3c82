import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from services.host.allocator import allocator_figures, trim_allocator
from services.host.process_memory import resident_bytes
from tests.support.memory_use import fragment

MB = 2**20
ROOT = Path(__file__).parents[4]

pytestmark = [
    pytest.mark.own_process,
    pytest.mark.skipif(allocator_figures() is None, reason="needs glibc 2.33 or newer"),
]


def test_what_is_allocated_is_counted() -> None:
    before = allocator_figures()
    block = b"x" * (30 * MB)
    after = allocator_figures()
    assert before is not None
    assert after is not None
    # Other threads may free a little meanwhile.
    assert after.in_use_bytes - before.in_use_bytes >= len(block) - MB


def test_trimming_gives_back_what_was_freed() -> None:
    trim_allocator()
    top = fragment(40)
    before, figures = resident_bytes(), allocator_figures()
    assert figures is not None
    assert figures.free_bytes >= 30 * MB
    trim_allocator()
    assert before - resident_bytes() >= 30 * MB
    assert top


COUNT_ARENAS = """
    import ctypes, os, sys, threading

    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    together = threading.Barrier(12)

    def allocate():
        together.wait()
        libc.malloc(5000)
        together.wait()

    threads = [threading.Thread(target=allocate) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    libc.fopen.restype = ctypes.c_void_p
    file = libc.fopen(sys.argv[1].encode(), b"w")
    libc.malloc_info(0, ctypes.c_void_p(file))
    libc.fclose(ctypes.c_void_p(file))
    print(open(sys.argv[1]).read().count("<heap nr="))
    print(os.environ.get("ONEDNN_PRIMITIVE_CACHE_CAPACITY"))
"""
UNBOUNDED = "pass"
BOUNDED = "from services.host.allocator import keep_native_memory_small; keep_native_memory_small()"
PRODUCT = "from agent.__main__ import main; main(['start'])"
"""Without a LiveKit server to serve it only complains."""


def arenas_and_kernels(prepare: str, folder: Path) -> tuple[int, str]:
    """How many arenas twelve threads get after `prepare`, and how many kernels oneDNN keeps."""
    done = subprocess.run(
        [sys.executable, "-c", f"{prepare}\n{textwrap.dedent(COUNT_ARENAS)}", folder / "info"],
        env={"PYTHONPATH": str(ROOT), "HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    arenas, kernels = done.stdout.split()
    return int(arenas), kernels


def test_threads_share_few_arenas(tmp_path: Path) -> None:
    arenas, kernels = arenas_and_kernels(BOUNDED, tmp_path)
    assert arenas <= 2
    assert kernels == "64"
    assert arenas_and_kernels(UNBOUNDED, tmp_path)[0] > 2


def test_the_product_does_so_before_anything_else(tmp_path: Path) -> None:
    arenas, kernels = arenas_and_kernels(PRODUCT, tmp_path)
    assert arenas <= 2
    assert kernels == "64"
