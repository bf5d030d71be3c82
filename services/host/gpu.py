"""GPU memory of this process, from NVIDIA's management library (NVML), which the driver brings."""

from __future__ import annotations

import ctypes
import logging
import os
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger("services.memory")

_LIBRARY = "libnvidia-ml.so.1"


@dataclass(frozen=True, slots=True)
class GPUReading:
    """GPU memory, summed over the devices that the process uses."""

    process_bytes: int
    """What this process holds; where the driver does not say (in a container), how much more is in
    use than when the meter was opened."""
    used_bytes: int
    """What all processes hold."""
    total_bytes: int


class GPUMeter:
    """Reads the memory of the GPUs. Owns NVML until closed; safe from any thread."""

    def __init__(self, nvml: Any) -> None:
        """Use `pynvml` after its `nvmlInit`; `open` does both."""
        self._nvml = nvml
        self._devices = [
            nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())
        ]
        self._first_used = [self._memory(device)[0] for device in self._devices]

    @classmethod
    def open(cls, library: str = _LIBRARY) -> GPUMeter | None:
        """Return a meter, or None without an NVIDIA driver or a device.

        Open it before models load: memory that is in use by then counts as other processes'.
        """
        try:
            ctypes.CDLL(library)
        except OSError:
            return None
        # Importing it takes 60 ms and 17 MB, so it is left to machines with a driver.
        import pynvml

        try:
            pynvml.nvmlInit()
            meter = cls(pynvml)
        except pynvml.NVMLError as error:
            logger.warning("NVML does not start", extra={"error": str(error)})
            return None
        if not meter._devices:
            meter.close()
            return None
        return meter

    def read(self) -> GPUReading:
        """Take a reading."""
        memory = [self._memory(device) for device in self._devices]
        own = [self._own_bytes(device) for device in self._devices]
        if any(own):
            memory = [found for found, held in zip(memory, own, strict=True) if held]
            process = sum(own)
        else:
            process = sum(
                max(0, used - first)
                for (used, _), first in zip(memory, self._first_used, strict=True)
            )
        return GPUReading(
            process_bytes=process,
            used_bytes=sum(used for used, _ in memory),
            total_bytes=sum(total for _, total in memory),
        )

    def close(self) -> None:
        """Release NVML."""
        self._nvml.nvmlShutdown()

    def _memory(self, device: Any) -> tuple[int, int]:
        """Return used and total bytes of a device; 0 where the driver does not say."""
        try:
            memory = self._nvml.nvmlDeviceGetMemoryInfo(device)
        except self._nvml.NVMLError:
            return 0, 0
        return memory.used, memory.total

    def _own_bytes(self, device: Any) -> int:
        """Return what this process holds of a device; 0 where the driver does not say."""
        try:
            processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(device)
        except self._nvml.NVMLError:
            return 0
        own = os.getpid()
        return sum(process.usedGpuMemory or 0 for process in processes if process.pid == own)
