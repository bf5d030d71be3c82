"""Checks of the machine: Python, packages, settings, cores, memory, disk, GPU, sound."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from agent.distribution import repair, requirements
from agent.doctor.findings import Finding, fail, ok, warn
from agent.settings import Settings

_SHOWN_PACKAGES = ("livekit-agents", "faster-whisper", "ctranslate2", "piper-tts", "onnxruntime")
_OLDEST_PYTHON = (3, 11)
_ENOUGH_MEMORY_MB = 1500
_LEAST_MEMORY_MB = 500
_ENOUGH_DISK_MB = 2000
_FULL_DISK_PERCENT = 95


def check_python(_: Settings) -> Iterator[Finding]:
    """Check the interpreter's version."""
    version = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < _OLDEST_PYTHON:
        yield fail("Python", version, "use Python 3.11 or newer")
    else:
        yield ok("Python", version)


def check_packages(_: Settings) -> Iterator[Finding]:
    """Check that every dependency is installed in a version that fits."""
    problems = [problem for line in _requirements() if (problem := _problem(line))]
    if problems:
        yield fail("packages", "; ".join(problems), repair())
        return
    shown = [f"{name} {metadata.version(name)}" for name in _SHOWN_PACKAGES]
    yield ok("packages", ", ".join(shown))


def check_settings(_: Settings) -> Iterator[Finding]:
    """List the settings that are made; invalid ones have ended the command already."""
    from agent.settings.environment import read_variables, variables_of

    variables = read_variables(Path(".env"))
    made = sorted(b.name for b in variables_of(Settings) if b.name in variables)
    source = "the environment and .env" if Path(".env").is_file() else "the environment"
    text = f"valid; from {source}: {', '.join(made)}" if made else "valid, all defaults"
    yield ok("settings", text)


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Check the cores and memory that this process may use."""
    import psutil

    from services.host.cgroup import memory_limit
    from services.host.cores import available_cores, plan_threads

    cores = available_cores()
    plan = plan_threads(cores, slots=settings.limits.inference_slots)
    text = f"{cores:g}; model calls at once: {plan.slots}, threads in each: {plan.threads_per_call}"
    yield ok("cores", text)
    limit = memory_limit()
    free = min(int(psutil.virtual_memory().available), limit.bytes) // 2**20
    source = "of the machine" if limit.source == "machine" else "limit of the container or service"
    text = f"{free} MB free of {limit.bytes // 2**20} MB ({source})"
    if free < _LEAST_MEMORY_MB:
        yield fail("memory", text, f"free some: the models need {_LEAST_MEMORY_MB} MB and more")
    elif free < _ENOUGH_MEMORY_MB:
        yield warn("memory", text, "choose small models, and set MAX_ROOMS=1")
    else:
        yield ok("memory", text)


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Check the disk space for models."""
    cache = settings.models.cache
    place = next(p for p in (cache.absolute(), *cache.absolute().parents) if p.is_dir())
    usage = shutil.disk_usage(place)
    percent = round(100 * usage.used / max(1, usage.used + usage.free))
    text = f"{usage.free // 10**6} MB free for models in {cache} ({percent} % full)"
    if not os.access(place, os.W_OK):
        yield warn("disk", f"{place} is not writable", "set WHISPER_MODEL_PATH")
    elif usage.free < _ENOUGH_DISK_MB * 10**6 or percent >= _FULL_DISK_PERCENT:
        yield warn("disk", text, "free some, or set WHISPER_MODEL_PATH to another disk")
    else:
        yield ok("disk", text)


def check_gpu(settings: Settings) -> Iterator[Finding]:
    """Look for a GPU; whether recognition runs on it shows when the recogniser is loaded."""
    from services.asr.device import gpus

    count = gpus()
    if count and settings.asr.device == "cpu":
        yield ok("GPU", f"{count}, not used: ASR_DEVICE=cpu")
    elif count:
        yield ok("GPU", f"{count} for recognition")
    elif settings.asr.device == "cuda":
        text = "none with a driver that works, but ASR_DEVICE=cuda"
        yield fail("GPU", text, "install NVIDIA's driver, or set ASR_DEVICE=auto or cpu")
    else:
        yield ok("GPU", "none; recognition runs on the CPU")


def check_sound(_: Settings) -> Iterator[Finding]:
    """Find the sound devices of `console` and `say`; a server needs none."""
    from agent.console.devices import SoundDeviceError, device_name, sound_library

    try:
        library = sound_library()
    except SoundDeviceError as error:
        yield ok("sound", f"not available, only `console` and `say` would use it: {error}")
        return
    names = [device_name(library, kind) or "none" for kind in ("input", "output")]
    yield ok("sound", f"microphone: {names[0]}, speaker: {names[1]} (for `console` and `say`)")


def _requirements() -> list[str]:
    """Return the dependencies, the chief ones where nothing says which there are."""
    try:
        return requirements()
    except metadata.PackageNotFoundError:
        return list(_SHOWN_PACKAGES)


def _problem(line: str) -> str:
    """Return what is wrong with one dependency; empty if nothing is."""
    from packaging.requirements import Requirement

    requirement = Requirement(line)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return ""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if not requirement.specifier.contains(version, prereleases=True):
        wanted = re.sub(r"\s", "", str(requirement.specifier))
        return f"{requirement.name} {version} does not fit {wanted}"
    return ""
