"""What an agent's file says of records: read, checked, and kept out of the log."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from agent.commands import check
from agent.definitions.folder import AgentFolder, Agents
from agent.observability.masking import Mask
from agent.settings import Settings
from agent.settings.records import RecordSettings

SECRET = "a secret of the webhook"


def process(place: Path, **records: object) -> Settings:
    records.setdefault("spool", str(place / "spool"))
    return Settings.model_validate({"agent": {"folder": place}, "records": records})


def read(place: Path, text: str, **records: object) -> Agents:
    (place / "reception.toml").write_text(text)
    return AgentFolder(process(place, **records), {"HOOK_SECRET": SECRET}).read()


def of_agent(place: Path, text: str, **records: object) -> RecordSettings:
    agents = read(place, text, **records)
    assert agents.problems == ()
    return agents.by_name["reception"].settings(process(place, **records)).records


def test_by_default_nothing_is_kept(tmp_path: Path) -> None:
    assert not Settings().records.wanted
    assert not of_agent(tmp_path, "").wanted


def test_an_agent_has_records_of_its_own(tmp_path: Path) -> None:
    found = of_agent(tmp_path, '[records]\nfolder = "kept"\nmax_days = 3')
    assert Path(found.folder) == tmp_path / "kept"
    assert (found.max_days, found.max_mb, found.webhook) == (3, 1000, "")


def test_an_agent_of_a_worker_that_keeps_records_may_have_none(tmp_path: Path) -> None:
    assert of_agent(tmp_path, "", folder="kept").wanted
    assert not of_agent(tmp_path, '[records]\nfolder = ""', folder="kept").wanted


def test_a_secret_is_read_from_the_environment_and_masked(tmp_path: Path) -> None:
    text = (
        '[records]\nwebhook = "https://user:password-of-it@example.org/x"\n'
        'webhook_secret_env = "HOOK_SECRET"'
    )
    found = of_agent(tmp_path, text)
    assert found.webhook_secret.get_secret_value() == SECRET
    assert SECRET not in repr(found)
    assert Mask()(f"{SECRET} password-of-it") == "*** ***"


def test_the_secret_of_the_worker_is_not_given_to_an_agents_own_webhook(tmp_path: Path) -> None:
    worker = {"webhook": "https://example.org/", "webhook_secret": SECRET}
    assert of_agent(tmp_path, "", **worker).webhook_secret.get_secret_value() == SECRET
    agents = read(tmp_path, '[records]\nwebhook = "https://example.com/"', **worker)
    assert "a webhook needs a secret" in str(agents.problems[0])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("max_days = 0", "records.max_days = 0 is not allowed"),
        ('webhook = "example.org"', "records.webhook = 'example.org' is not allowed"),
        ('webhook = "https://example.org"', "a webhook needs a secret"),
        (
            'webhook = "https://example.org"\nwebhook_secret_env = "NO_SUCH"',
            "records.webhook_secret_env: the environment has no variable 'NO_SUCH'",
        ),
        ('webhok = "https://example.org"', "did you mean 'records.webhook'"),
        ("folder = 5", "records.folder = 5 is not allowed"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_do(
    tmp_path: Path, text: str, problem: str
) -> None:
    (found,) = read(tmp_path, f"[records]\n{text}").problems
    assert problem in str(found)


def test_check_finds_folders_that_cannot_be_written_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "reception.toml").write_text('[records]\nfolder = "a-file/kept"')
    arguments = argparse.Namespace(folder=None)
    assert check.run(arguments, process(tmp_path, spool=str(tmp_path / "a-file"))) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"reception.toml: records.folder: {tmp_path}/a-file is no folder"
    assert second == f"RECORDS_SPOOL: {tmp_path}/a-file is no folder"
    (tmp_path / "reception.toml").write_text('[records]\nfolder = "kept"')
    assert check.run(arguments, process(tmp_path)) == 0
