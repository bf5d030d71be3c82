import ctypes
import os
from collections.abc import Callable
from typing import Any

import pynvml
import pytest

from services.host.gpu import GPUMeter

GB = 2**30
NOT_AVAILABLE = 2**64 - 1
INSUFFICIENT_SIZE = 7
NOT_SUPPORTED = 3


class Driver:
    """Answers as libnvidia-ml does, for devices of 8 GB."""

    def __init__(self, used: list[int], processes: list[list[tuple[int, int]]]) -> None:
        self.used = used
        self.processes = processes
        self.has_memory = True
        self.running = False

    def nvmlInitWithFlags(self, flags: int) -> int:  # noqa: N802
        self.running = True
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self.used)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, device: Any) -> int:  # noqa: N802
        ctypes.cast(device, ctypes.POINTER(ctypes.c_void_p)).contents.value = index.value + 1
        return 0

    def nvmlDeviceGetMemoryInfo(self, device: Any, memory: Any) -> int:  # noqa: N802
        if not self.has_memory:
            return NOT_SUPPORTED
        memory._obj.total = 8 * GB
        memory._obj.used = self.used[self._index(device)]
        return 0

    def nvmlDeviceGetComputeRunningProcesses_v3(  # noqa: N802
        self, device: Any, count: Any, processes: Any
    ) -> int:
        running = self.processes[self._index(device)]
        room, count._obj.value = count._obj.value, len(running)
        if room < len(running):
            return INSUFFICIENT_SIZE
        for i, (pid, used) in enumerate(running):
            processes[i].pid, processes[i].usedGpuMemory = pid, used
        return 0

    def nvmlShutdown(self) -> int:  # noqa: N802
        self.running = False
        return 0

    def _index(self, device: Any) -> int:
        return (ctypes.cast(device, ctypes.c_void_p).value or 0) - 1


Install = Callable[[Driver], Driver]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a driver in the place of the machine's."""

    def install(driver: Driver) -> Driver:
        monkeypatch.setattr(pynvml, "nvmlLib", driver)
        monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        return driver

    return install


def opened() -> GPUMeter:
    """A meter on a machine where the C library stands for the driver's."""
    meter = GPUMeter.open("libc.so.6")
    assert meter is not None
    return meter


def test_the_process_is_found_among_others(install: Install) -> None:
    install(Driver([3 * GB, 5 * GB], [[(1, 3 * GB)], [(1, GB), (os.getpid(), 2 * GB)]]))
    reading = opened().read()
    assert (reading.process_bytes, reading.used_bytes, reading.total_bytes) == (
        2 * GB,
        5 * GB,
        8 * GB,
    )


@pytest.mark.parametrize("processes", [[], [(os.getpid(), NOT_AVAILABLE)], [(999999, GB)]])
def test_growth_stands_in_where_the_driver_does_not_tell(
    install: Install, processes: list[tuple[int, int]]
) -> None:
    driver = install(Driver([3 * GB], [processes]))
    meter = opened()
    assert meter.read().process_bytes == 0
    driver.used = [4 * GB]
    assert meter.read().process_bytes == GB


def test_a_device_that_fails_later_counts_as_nothing(install: Install) -> None:
    driver = install(Driver([3 * GB], [[]]))
    meter = opened()
    driver.has_memory = False
    assert meter.read().used_bytes == 0


def test_closing_lets_go_of_the_driver(install: Install) -> None:
    driver = install(Driver([GB], [[]]))
    meter = opened()
    assert driver.running
    meter.close()
    assert not driver.running


def test_a_driver_without_devices_has_no_meter(install: Install) -> None:
    driver = install(Driver([], []))
    assert GPUMeter.open("libc.so.6") is None
    assert not driver.running


def test_a_machine_without_a_driver_has_no_meter() -> None:
    assert GPUMeter.open("libno-such-library.so.1") is None
