"""`python -m agent api-keys`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.web.audio_api.api_keys import ApiKeyFile
from tests.support.commands import Commands, commands


@pytest.fixture
def command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Commands]:
    with commands(monkeypatch, capsys, tmp_path) as ready:
        yield ready


def test_a_key_is_made_shown_once_listed_and_revoked(command_line: Commands) -> None:
    made = command_line.run("api-keys", "add", "open-webui", "--max-mb", "5")
    secret = made.out.strip()
    assert (made.status, made.err) == (0, "")
    file = ApiKeyFile(command_line.folder / "api-keys.json")
    key = file.find(secret)
    assert key is not None
    assert (key.name, key.max_mb) == ("open-webui", 5)
    listed = command_line.run("api-keys", "list")
    assert listed.out == f"open-webui  {key.created}  max mb 5\n"
    assert command_line.run("api-keys", "remove", "open-webui").status == 0
    assert file.find(secret) is None


def test_the_file_is_the_one_of_the_settings(command_line: Commands) -> None:
    command_line.set(API_KEYS_FILE=str(command_line.folder / "other.json"))
    secret = command_line.run("api-keys", "add", "one").out.strip()
    assert ApiKeyFile(command_line.folder / "other.json").find(secret) is not None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "a b"), "not a name"),
        (("remove", "nobody"), "no key"),
        (("add", "one", "--max-mb", "0"), "--max-mb must be more than 0"),
        (("add", "one", "--max-seconds", "nan"), "--max-seconds must be more than 0"),
    ],
)
def test_a_mistake_is_one_line(command_line: Commands, words: tuple[str, ...], told: str) -> None:
    ran = command_line.run("api-keys", *words)
    assert ran.status != 0
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_folder_that_is_not_there_is_told(command_line: Commands) -> None:
    command_line.set(API_KEYS_FILE=str(command_line.folder / "none" / "keys.json"))
    ran = command_line.run("api-keys", "add", "one")
    assert (ran.status, "not a folder" in ran.err) == (1, True)
