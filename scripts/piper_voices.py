"""`python -m scripts.piper_voices VOICES_JSON VERSION`: renew the list of Piper's voices.

VOICES_JSON is Piper's own list, which the package `wyoming-piper` carries as
`wyoming_piper/voices.json`; VERSION is that package's version.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from services.models.piper_list import LIST_FILE


def compact(voices: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the catalogue needs of each voice: its language, speakers and files.

    Raises ValueError for a voice whose files are not where its name says.
    """
    rows = []
    for key, voice in sorted(voices.items()):
        language = voice["language"]
        place = f"{language['family']}/{language['code']}/{voice['name']}/{voice['quality']}/{key}"
        if key != f"{language['code']}-{voice['name']}-{voice['quality']}":
            raise ValueError(f"{key} is not called after its parts")
        files = voice["files"]
        rows.append(
            {
                "name": key,
                "speakers": voice["num_speakers"],
                "model": _file(files, f"{place}.onnx"),
                "config": _file(files, f"{place}.onnx.json"),
            }
        )
    return rows


def languages(voices: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Return the English and the own name of each language, by its code."""
    found = {}
    for voice in voices.values():
        language = voice["language"]
        found[language["family"]] = [language["name_english"], language["name_native"]]
    return dict(sorted(found.items()))


def _file(files: dict[str, dict[str, Any]], path: str) -> list[Any]:
    if path not in files:
        raise ValueError(f"the list has no file {path}")
    return [files[path]["size_bytes"], files[path]["md5_digest"]]


def main(source: Path, version: str) -> None:
    voices = json.loads(source.read_text(encoding="utf-8"))
    rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in compact(voices))
    names = ",\n".join(
        f"    {json.dumps(code)}: {json.dumps(pair, ensure_ascii=False)}"
        for code, pair in languages(voices).items()
    )
    origin = json.dumps(f"wyoming_piper/voices.json of wyoming-piper {version}, MIT licence")
    LIST_FILE.write_text(
        f'{{\n  "source": {origin},\n  "languages": {{\n{names}\n  }},\n'
        f'  "voices": [\n{rows}\n  ]\n}}\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
