"""The index is the one that pip or uv uses on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.models import SourceUnreachable
from services.models.index_settings import configured_indexes
from tests.support.models.small_catalogue import use_index

PIP = "https://pip.example/simple"
UV = "https://uv.example/simple"
EXTRA = "https://extra.example/simple"


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_index(monkeypatch, "", tmp_path)
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.delenv("UV_NO_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "system"))
    monkeypatch.chdir(tmp_path)


def urls() -> list[str]:
    return [str(index.url) for index in configured_indexes()]


def test_without_settings_it_is_the_default_of_pip() -> None:
    from pip._internal.models.index import PyPI

    assert urls() == [PyPI.simple_url]


def test_a_file_of_pip_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nindex-url = {PIP}/\n[install]\nextra-index-url = {EXTRA}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    assert urls() == [PIP, EXTRA]


def test_variables_of_pip_win_over_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://old.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_INDEX_URL", PIP)
    assert urls() == [PIP]


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_an_index_of_uv_takes_the_place_of_the_default_of_pip(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, UV)
    monkeypatch.setenv("UV_EXTRA_INDEX_URL", EXTRA)
    assert urls() == [UV, EXTRA]


def test_both_are_asked_where_both_are_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", PIP)
    monkeypatch.setenv("UV_DEFAULT_INDEX", UV)
    assert urls() == [PIP, UV]


@pytest.mark.parametrize("place", ["config/uv/uv.toml", "system/uv/uv.toml", "uv.toml"])
@pytest.mark.parametrize(
    "content",
    [
        f'[[index]]\nurl = "{UV}"\ndefault = true\n[[index]]\nurl = "{EXTRA}"\n',
        f'index-url = "{UV}"\nextra-index-url = ["{EXTRA}"]\n',
        f'[pip]\nindex-url = "{UV}"\nextra-index-url = ["{EXTRA}"]\n',
    ],
)
def test_a_file_of_uv_counts(tmp_path: Path, place: str, content: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(content)
    assert urls() == [UV, EXTRA]


def test_a_named_file_of_uv_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "uv.toml").write_text('index-url = "https://old.example/simple"')
    (tmp_path / "mine.toml").write_text(f'index-url = "{UV}"')
    monkeypatch.setenv("UV_CONFIG_FILE", str(tmp_path / "mine.toml"))
    assert urls() == [UV]


def test_no_index_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SourceUnreachable, match="no-index"):
        configured_indexes()


def test_credentials_are_kept_apart_from_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:p%40ss@pip.example/simple")
    (index,) = configured_indexes()
    assert (str(index.url), index.credentials) == (PIP, ("me", "p@ss"))
    assert "p@ss" not in repr(index)


def test_credentials_of_a_named_index_of_uv_come_from_its_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"our-mirror={UV}")
    monkeypatch.setenv("UV_INDEX_OUR_MIRROR_USERNAME", "me")
    monkeypatch.setenv("UV_INDEX_OUR_MIRROR_PASSWORD", "p@ss")
    (index,) = configured_indexes()
    assert (str(index.url), index.credentials) == (UV, ("me", "p@ss"))


def test_netrc_has_the_credentials_of_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine pip.example login me password secret\n")
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.setenv("PIP_INDEX_URL", PIP)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", EXTRA)
    assert [index.credentials for index in configured_indexes()] == [("me", "secret"), None]


@pytest.mark.parametrize(
    "written", ["file:///srv/wheels", "ftp://me:secret@mirror.example", "wheels"]
)
def test_an_address_that_is_none_is_said_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", written)
    with pytest.raises(SourceUnreachable, match="no http or https address") as failed:
        configured_indexes()
    assert written not in str(failed.value)


def test_a_trusted_host_and_own_certificates_are_taken_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", PIP)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", EXTRA)
    monkeypatch.setenv("PIP_TRUSTED_HOST", "extra.example")
    one, other = configured_indexes()
    assert (one.verify, other.verify) == (True, False)
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "missing.pem"))
    with pytest.raises(SourceUnreachable, match=r"missing\.pem"):
        configured_indexes()


def test_a_python_without_pip_asks_the_one_below_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in an image, whose environment is made without pip."""
    monkeypatch.setenv("PIP_INDEX_URL", PIP)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python-without-pip"))
    assert urls() == [PIP]


def test_nothing_to_ask_is_said_with_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("executable", "_base_executable"):
        monkeypatch.setattr(f"sys.{name}", str(tmp_path / "python-without-pip"))
    with pytest.raises(SourceUnreachable, match="UV_DEFAULT_INDEX"):
        configured_indexes()
    monkeypatch.setenv("UV_DEFAULT_INDEX", UV)
    assert urls() == [UV]
    monkeypatch.setenv("PIP_INDEX_URL", PIP)
    assert urls() == [PIP, UV]
