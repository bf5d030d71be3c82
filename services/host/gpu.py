"""GPU memory of this process by NVML, without a package: the driver brings the library."""

from __future__ import annotations

import ctypes
import logging
import os
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger("services.memory")

_LIBRARY = "libnvidia-ml.so.1"
_SUCCESS = 0
_INSUFFICIENT_SIZE = 7
_NOT_AVAILABLE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class GPUReading:
    """GPU memory, summed over the devices that the process uses."""

    process_bytes: int
    """What this process holds; where the driver does not tell (in a container), how much more is
    in use than when the meter was opened."""
    used_bytes: int
    """What all processes hold."""
    total_bytes: int


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used_gpu_memory", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class GPUMeter:
    """Reads the GPUs' memory. Owns NVML until closed; safe from any thread."""

    def __init__(self, library: Any) -> None:
        """Use `library`, whose `nvmlInit_v2` has succeeded; `open` does both."""
        self._library = library
        self._devices = self._find_devices()
        self._first_used = [memory.used for memory in map(self._memory, self._devices)]

    @classmethod
    def open(cls, library: str = _LIBRARY) -> GPUMeter | None:
        """A meter, or None without an NVIDIA driver or a device.

        Open it before models load: its first figures are what others use.
        """
        try:
            nvml = ctypes.CDLL(library)
        except OSError:
            return None
        status = nvml.nvmlInit_v2()
        if status != _SUCCESS:
            logger.warning("NVML does not start", extra={"status": status})
            return None
        meter = cls(nvml)
        if not meter._devices:
            meter.close()
            return None
        return meter

    def read(self) -> GPUReading:
        """The figures now."""
        memories = [self._memory(device) for device in self._devices]
        own = [self._own_bytes(device) for device in self._devices]
        if any(own):
            used_by = [i for i, held in enumerate(own) if held]
            process = sum(own)
        else:
            used_by = list(range(len(memories)))
            process = sum(
                max(0, memory.used - first)
                for memory, first in zip(memories, self._first_used, strict=True)
            )
        return GPUReading(
            process_bytes=process,
            used_bytes=sum(memories[i].used for i in used_by),
            total_bytes=sum(memories[i].total for i in used_by),
        )

    def close(self) -> None:
        """Let go of NVML."""
        self._library.nvmlShutdown()

    def _find_devices(self) -> list[ctypes.c_void_p]:
        count = ctypes.c_uint()
        if self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != _SUCCESS:
            return []
        devices = []
        for index in range(count.value):
            device = ctypes.c_void_p()
            status = self._library.nvmlDeviceGetHandleByIndex_v2(
                ctypes.c_uint(index), ctypes.byref(device)
            )
            if status == _SUCCESS:
                devices.append(device)
        return devices

    def _memory(self, device: ctypes.c_void_p) -> _Memory:
        memory = _Memory()
        self._library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
        return memory

    def _own_bytes(self, device: ctypes.c_void_p) -> int:
        count = ctypes.c_uint(0)
        list_processes = self._library.nvmlDeviceGetComputeRunningProcesses_v3
        if list_processes(device, ctypes.byref(count), None) != _INSUFFICIENT_SIZE:
            return 0
        # Others may start between the two calls.
        count.value += 8
        processes = (_Process * count.value)()
        if list_processes(device, ctypes.byref(count), processes) != _SUCCESS:
            return 0
        me = os.getpid()
        return sum(
            p.used_gpu_memory
            for p in processes[: count.value]
            if p.pid == me and p.used_gpu_memory != _NOT_AVAILABLE
        )
