"""Models of the catalogue with the demo models' bytes in place of their own, for tests.

Names, places and everything else stay; only what the files are is smaller. Wheels are made here.
"""

import hashlib
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from services.models import DEMO_ASR, DEMO_VOICE, catalogue
from services.models.files import HubFolder, Member, ModelFile, Wheel, WheelMembers
from tests.support.models.hub_server import HubServer
from tests.support.models.index_server import IndexServer

ASR = "base"
FIRST_VOICE = "en_US-ljspeech-medium"
"""On the hub only."""
SECOND_VOICE = "en_US-joe-medium"
"""On the hub and on the index."""
LISTED_VOICES = ("de_DE-thorsten-medium", "pt_PT-tugão-medium")
"""In Piper's own list only, which has MD5 digests and no commit; on the hub."""
VOICE_PACKAGE = "demo-voice"
TURN = "smart-turn-v3.2"
"""On the hub and on the index."""
TURN_PACKAGE = "demo-turn"
ASR_PACKAGES = ("demo-whisper-part1", "demo-whisper-part2")


def voice_contents(name: str) -> dict[str, bytes]:
    """The demo voice under the names of another."""
    return {
        f"{name}.onnx.json": DEMO_VOICE.config.read_bytes(),
        f"{name}.onnx": DEMO_VOICE.model.read_bytes(),
    }


def asr_contents() -> dict[str, bytes]:
    """The demo recogniser under the names of a Systran repository."""
    files = {p.name: p.read_bytes() for p in DEMO_ASR.folder.iterdir()}
    return {name: files[name] for name in ("config.json", "tokenizer.json", "model.bin")} | {
        "vocabulary.txt": b"tokens\n"
    }


def turn_contents() -> dict[str, bytes]:
    """What stands for the end-of-turn model; it cannot be loaded."""
    return {file.name: b"no network" for file in catalogue.TURN_CATALOGUE[TURN].files}


def as_files(contents: dict[str, bytes], kind: str = "sha256") -> tuple[ModelFile, ...]:
    """The pins of these contents, by that digest."""
    return tuple(
        ModelFile(name, len(content), f"{kind}:{hashlib.new(kind, content).hexdigest()}")
        for name, content in contents.items()
    )


def make_wheel(
    package: str, members: dict[str, bytes], version: str = "1.0.0"
) -> tuple[Wheel, bytes]:
    """A wheel with these members, and its bytes; the same members give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    content = buffer.getvalue()
    filename = f"{package.replace('-', '_')}-{version}-py3-none-any.whl"
    digest = hashlib.sha256(content).hexdigest()
    return Wheel(package, version, filename, len(content), digest), content


class SmallCatalogue:
    """A recogniser, two voices and an end-of-turn model, small; and what sources hold for them."""

    def __init__(self) -> None:
        parts = asr_contents()
        half = len(parts["model.bin"]) // 2
        first = {f"a/{name}": content for name, content in parts.items() if name != "model.bin"}
        first["a/model.bin.part1"] = parts["model.bin"][:half]
        self.asr_wheels = (
            make_wheel(ASR_PACKAGES[0], first),
            make_wheel(ASR_PACKAGES[1], {"b/model.bin.part2": parts["model.bin"][half:]}),
        )
        one, two = (wheel for wheel, _ in self.asr_wheels)
        members: dict[str, tuple[Member, ...]] = {
            name: (Member(one, f"a/{name}"),) for name in parts if name != "model.bin"
        }
        members["model.bin"] = (Member(one, "a/model.bin.part1"), Member(two, "b/model.bin.part2"))
        self.asr = replace(
            catalogue.ASR_CATALOGUE[ASR],
            files=as_files(parts),
            packaged=WheelMembers(members),
        )
        self.voice_wheel = make_wheel(
            VOICE_PACKAGE, {f"data/{n}": c for n, c in voice_contents(SECOND_VOICE).items()}
        )
        self.voices = {
            FIRST_VOICE: replace(
                catalogue.VOICE_CATALOGUE[FIRST_VOICE], files=as_files(voice_contents(FIRST_VOICE))
            ),
            SECOND_VOICE: replace(
                catalogue.VOICE_CATALOGUE[SECOND_VOICE],
                files=as_files(voice_contents(SECOND_VOICE)),
                packaged=WheelMembers(
                    {
                        name: (Member(self.voice_wheel[0], f"data/{name}"),)
                        for name in voice_contents(SECOND_VOICE)
                    }
                ),
            ),
        }

        for name in LISTED_VOICES:
            entry = catalogue.VOICE_CATALOGUE[name]
            self.voices[name] = replace(entry, files=as_files(voice_contents(name), "md5"))
        self.turn_wheel = make_wheel(
            TURN_PACKAGE, {f"data/{n}": c for n, c in turn_contents().items()}
        )
        self.turn = replace(
            catalogue.TURN_CATALOGUE[TURN],
            files=as_files(turn_contents()),
            packaged=WheelMembers(
                {name: (Member(self.turn_wheel[0], f"data/{name}"),) for name in turn_contents()}
            ),
        )

    def use(self, patch: pytest.MonkeyPatch) -> None:
        """Put these entries into the catalogue."""
        patch.setitem(catalogue._ASR_BY_NAME, ASR, self.asr)
        for name, entry in self.voices.items():
            patch.setitem(catalogue._VOICES_BY_NAME, name, entry)
        patch.setitem(catalogue._TURN_BY_NAME, TURN, self.turn)

    def hub(self) -> HubServer:
        """A hub that has all of them."""
        server = HubServer(revisions=())
        _add(server, self.asr.hub, asr_contents())
        for name, entry in self.voices.items():
            _add(server, entry.hub, voice_contents(name))
        _add(server, self.turn.hub, turn_contents())
        return server

    def index(self) -> IndexServer:
        """An index that has what is packaged."""
        wheels = [*self.asr_wheels, self.voice_wheel, self.turn_wheel]
        return IndexServer({w.package: {w.filename: content} for w, content in wheels})


def use_index(patch: pytest.MonkeyPatch, url: str, folder: Path) -> None:
    """Have pip and uv configured with this index alone, whatever this machine has."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            patch.delenv(name)
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("UV_NO_CONFIG", "1")
    patch.setenv("NETRC", str(folder / "no-netrc"))
    patch.setenv("PIP_INDEX_URL", url)


def _add(server: HubServer, folder: HubFolder | None, contents: dict[str, bytes]) -> None:
    assert folder is not None
    server.revisions += (folder.revision,)
    server.add(folder.repository, {folder.path(n): content for n, content in contents.items()})
