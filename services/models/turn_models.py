"""The end-of-turn models of the catalogue."""

from .entries import TurnEntry, members, sha256_file
from .files import HubFolder, Wheel, WheelMembers

DEFAULT_TURN = "smart-turn-v3.2"
"""Judges whether a voice sounds finished."""

_PIPECAT = Wheel(
    "pipecat-ai",
    "1.14.0",
    "pipecat_ai-1.14.0-py3-none-any.whl",
    12_109_725,
    "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
)

TURN_MODELS = (
    TurnEntry(
        name=DEFAULT_TURN,
        files=(
            sha256_file(
                "smart-turn-v3.2-cpu.onnx",
                8_679_182,
                "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            ),
        ),
        licence="BSD-2-Clause",
        hub=HubFolder("pipecat-ai/smart-turn-v3", "f766f81d3cfdf7737ac64aad813d91bbfd56bf93"),
        packaged=WheelMembers(
            members(_PIPECAT, "pipecat/audio/turn/smart_turn/data", "smart-turn-v3.2-cpu.onnx")
        ),
    ),
)
