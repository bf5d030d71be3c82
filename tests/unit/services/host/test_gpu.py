import ctypes
import os
from typing import Any

import pytest

from services.host.gpu import GPUMeter

GB = 2**30


class Driver:
    """Answers as libnvidia-ml does, for devices of 8 GB."""

    def __init__(self, used: list[int], processes: list[list[tuple[int, int]]]) -> None:
        self.used = used
        self.processes = processes
        self.running = True

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self.used)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, device: Any) -> int:  # noqa: N802
        device._obj.value = index.value + 1
        return 0

    def nvmlDeviceGetMemoryInfo(self, device: ctypes.c_void_p, memory: Any) -> int:  # noqa: N802
        memory._obj.total = 8 * GB
        memory._obj.used = self.used[(device.value or 0) - 1]
        return 0

    def nvmlDeviceGetComputeRunningProcesses_v3(  # noqa: N802
        self, device: ctypes.c_void_p, count: Any, processes: Any
    ) -> int:
        running = self.processes[(device.value or 0) - 1]
        room, count._obj.value = count._obj.value, len(running)
        if room < len(running):
            return 7
        for i, (pid, used) in enumerate(running):
            processes[i].pid, processes[i].used_gpu_memory = pid, used
        return 0

    def nvmlShutdown(self) -> int:  # noqa: N802
        self.running = False
        return 0


def test_the_process_is_found_among_others() -> None:
    driver = Driver([3 * GB, 5 * GB], [[(1, 3 * GB)], [(1, GB), (os.getpid(), 2 * GB)]])
    reading = GPUMeter(driver).read()
    assert (reading.process_bytes, reading.used_bytes, reading.total_bytes) == (
        2 * GB,
        5 * GB,
        8 * GB,
    )


@pytest.mark.parametrize("processes", [[], [(os.getpid(), 2**64 - 1)], [(999999, GB)]])
def test_growth_stands_in_where_the_driver_does_not_tell(processes: list[tuple[int, int]]) -> None:
    driver = Driver([3 * GB], [processes])
    meter = GPUMeter(driver)
    assert meter.read().process_bytes == 0
    driver.used = [4 * GB]
    assert meter.read().process_bytes == GB


def test_closing_lets_go_of_the_driver() -> None:
    driver = Driver([GB], [[]])
    GPUMeter(driver).close()
    assert not driver.running


def test_a_machine_without_a_driver_has_no_meter() -> None:
    assert GPUMeter.open("libno-such-library.so.1") is None
