"""Where recognition runs: on an NVIDIA GPU if one can be used, else on the processor."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ctranslate2

from .config import ASRLoadError

CPU, GPU = "cpu", "cuda"

_CPU_TYPE, _GPU_TYPE = "int8", "float16"
"""The fastest arithmetic that costs no accuracy to speak of. GPUs before 2017 (compute capability
below 7.0) have no fast float16: there CTranslate2 chooses."""
_OF_A_GPU: Final = re.compile(r"cuda|cublas|cudnn|\bgpu\b", re.IGNORECASE)

CUBLAS: Final = "libcublas.so.12"
"""What CTranslate2 opens beside the driver, at its first use of a GPU."""
_PACKAGE: Final = "nvidia-cublas-cu12"
"""Has it, in the Python package index."""


@dataclass(frozen=True, slots=True)
class Device:
    """A place to run a recogniser, and with which arithmetic, as CTranslate2 has the names."""

    name: str
    compute_type: str


def devices(wanted: str, compute_type: str) -> tuple[Device, ...]:
    """Return the devices to try, in order.

    Args:
        wanted: "cpu", "cuda", or "auto" for a GPU, if there is one, and the processor otherwise.
        compute_type: of CTranslate2, or "auto".

    Raises:
        ASRLoadError: there is no GPU where one is wanted, or no device that may be used has the
            arithmetic.
    """
    found: list[Device] = []
    if wanted == GPU and not gpus():
        raise ASRLoadError(
            "ASR_DEVICE is cuda, and there is no NVIDIA GPU with a driver that works: "
            "install its driver, or set ASR_DEVICE to auto or cpu"
        )
    if wanted != CPU and gpus():
        found.append(Device(GPU, _type_of(GPU, compute_type) or compute_type))
    if wanted != GPU:
        # What was chosen for the GPU need not exist here.
        fallback = _CPU_TYPE if found else ""
        chosen = _type_of(CPU, compute_type) or fallback
        if not chosen:
            known = ", ".join(sorted(ctranslate2.get_supported_compute_types(CPU)))
            raise ASRLoadError(
                f"this processor cannot compute with ASR_COMPUTE_TYPE={compute_type}: "
                f"use auto or one of {known}"
            )
        found.append(Device(CPU, chosen))
    return tuple(found)


def gpus() -> int:
    """Return how many GPUs of NVIDIA there are that have a driver."""
    try:
        return int(ctranslate2.get_cuda_device_count())
    except RuntimeError:
        return 0


def gpu_problem() -> str:
    """Return what keeps a GPU with a driver from being used, and the remedy; nothing if nothing.

    Looking first spares the process what a failed attempt leaves behind: on an H100, 150 MiB of
    memory and 500 MiB of the GPU's. Opens the library for CTranslate2, also where pip has installed
    it and the loader of the system does not look.
    """
    for path in (*_installed_by_pip(), CUBLAS):
        with contextlib.suppress(OSError):
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            return ""
    return f"{CUBLAS} is not there: pip install {_PACKAGE}, or set ASR_DEVICE=cpu"


def gpu_remedy(error: Exception) -> str:
    """Return what to do where an error comes from the GPU, not from the model; else nothing."""
    text = str(error)
    if "out of memory" in text:
        return "choose a smaller ASR_MODEL, free GPU memory, or set ASR_DEVICE=cpu"
    if "compute type" in text:
        return "set ASR_COMPUTE_TYPE=auto, or ASR_DEVICE=cpu"
    if _OF_A_GPU.search(text):
        return "update the NVIDIA driver, or set ASR_DEVICE=cpu"
    return ""


def _installed_by_pip() -> list[Path]:
    spec = importlib.util.find_spec("nvidia")
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return [path for folder in folders for path in Path(folder).glob(f"*/lib/{CUBLAS}")]


def _type_of(device: str, wanted: str) -> str:
    """Return the arithmetic to use on a device; empty where it does not have the wanted one."""
    try:
        known = ctranslate2.get_supported_compute_types(device)
    except (RuntimeError, ValueError):
        # Of a GPU that cannot be used, which the load tells better.
        return _GPU_TYPE if wanted == "auto" else wanted
    if wanted != "auto":
        return wanted if wanted in known else ""
    best = _GPU_TYPE if device == GPU else _CPU_TYPE
    return best if best in known else "auto"
