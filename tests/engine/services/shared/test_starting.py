"""A recogniser starts where it can: on a GPU that works, else on the processor, or says why not."""

from __future__ import annotations

import logging
import platform
import re
import shutil
import sys
from pathlib import Path
from typing import Literal

import ctranslate2
import pytest

from services.asr import device
from services.asr.config import ASRLoadError
from services.asr.device import CUBLAS, devices, gpu_problem, gpu_remedy
from services.models import DEMO_ASR
from services.shared import model_slot, starting
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines


@pytest.fixture
def useless_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU is reported that nothing can be computed with, as without NVIDIA's libraries."""
    if ctranslate2.get_cuda_device_count():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the demo recogniser that a test may break."""
    return Path(shutil.copytree(DEMO_ASR.folder, tmp_path / "model"))


@pytest.mark.usefixtures("useless_gpu")
@pytest.mark.parametrize("compute_type", ["auto", "float16"])
def test_a_gpu_that_does_not_work_costs_its_speed_and_nothing_else(
    model: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    compute_type: str,
) -> None:
    # Of this test's own: the levels of the shared one are changed by other tests.
    logger = logging.Logger("services.shared", logging.INFO)
    logger.addHandler(caplog.handler)
    for module in (starting, model_slot):
        monkeypatch.setattr(module, "logger", logger)
    speech = SharedEngines(EngineConfig(asr=str(model), compute_type=compute_type))
    try:
        with caplog.at_level(logging.INFO):
            asr = speech.asr.get_blocking()
        assert (asr.facts.device, asr.facts.compute_type) == ("cpu", "int8")
        assert asr.facts.name == model.name
    finally:
        speech.close()
    (unusable,) = [r for r in caplog.records if r.msg == "GPU unusable, CPU takes its place"]
    error = vars(unusable)["error"]
    assert error == asr.facts.gpu_problem
    assert "set ASR_DEVICE=cpu" in error
    assert "fetch it again" not in error
    (ready,) = [r for r in caplog.records if r.msg == "model ready"]
    assert vars(ready)["device"] == "cpu"


@pytest.mark.usefixtures("useless_gpu")
def test_a_damaged_model_is_not_blamed_on_the_gpu(model: Path) -> None:
    (model / "tokenizer.json").write_text("{}")
    speech = SharedEngines(EngineConfig(asr=str(model), stand_ins=False))
    try:
        with pytest.raises(ASRLoadError, match="fetch it again"):
            speech.asr.get_blocking()
    finally:
        speech.close()


@pytest.mark.parametrize(
    ("wanted", "compute_type", "why"),
    [
        ("cuda", "auto", "no NVIDIA GPU with a driver that works"),
        ("cpu", "float16", "this processor cannot compute with ASR_COMPUTE_TYPE=float16"),
        ("auto", "float16", "this processor cannot compute with ASR_COMPUTE_TYPE=float16"),
    ],
)
def test_what_cannot_be_had_is_said(
    monkeypatch: pytest.MonkeyPatch,
    wanted: Literal["auto", "cpu", "cuda"],
    compute_type: str,
    why: str,
) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    with pytest.raises(ASRLoadError, match=why):
        devices(wanted, compute_type)


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="CTranslate2 is built with CUDA for Linux on x86-64 only",
)
def test_the_library_that_is_looked_for_is_the_one_that_is_used() -> None:
    """If this fails, CTranslate2 has moved to another CUDA: its documentation names which."""
    (folder,) = (Path(ctranslate2.__file__).parents[1]).glob("ctranslate2.libs")
    (library,) = folder.glob("libctranslate2*")
    assert set(re.findall(rb"libcublas\.so\.\d+", library.read_bytes())) == {CUBLAS.encode()}


def test_a_library_that_pip_has_installed_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVIDIA's packages put it where the loader of the system does not look."""
    monkeypatch.setattr(device, "CUBLAS", "libasked-for-by-name.so.12")
    assert "libasked-for-by-name.so.12 is not there: pip install" in gpu_problem()
    place = tmp_path / "nvidia" / "cublas" / "lib"
    place.mkdir(parents=True)
    (library,) = Path(ctranslate2.__file__).parents[1].glob("ctranslate2.libs/libgomp*")
    shutil.copy(library, place / "libasked-for-by-name.so.12")
    monkeypatch.syspath_prepend(tmp_path)
    assert gpu_problem() == ""


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        # What CTranslate2 4.8 says.
        ("CUDA failed with error CUDA driver version is insufficient", "NVIDIA driver"),
        ("CUDA failed with error out of memory", "smaller ASR_MODEL"),
        ("CUDA failed with error no kernel image is available", "NVIDIA driver"),
        ("Requested float16 compute type, but the target device", "ASR_COMPUTE_TYPE=auto"),
        ("File model.bin is incomplete: failed to read a buffer", ""),
    ],
)
def test_each_failure_of_a_gpu_has_its_remedy(error: str, remedy: str) -> None:
    found = gpu_remedy(RuntimeError(error))
    assert remedy in found
    assert bool(found) == bool(remedy)
