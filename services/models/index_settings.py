"""Find the package indexes that pip and uv are configured with on this machine."""

import json
import netrc
import os
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from .errors import SourceUnreachable

PIP_TIMEOUT_SECONDS = 20.0

# Parsing no arguments yields the defaults that pip takes from its configuration files and PIP_
# variables. It runs in a process of its own, since pip has no public API.
ASK_PIP = """
import json
from pip._internal.commands import create_command
from pip._internal.models.index import PyPI

options, _ = create_command("install").parse_args([])
names = ("index_url", "extra_index_urls", "no_index", "cert", "proxy", "trusted_hosts")
print(json.dumps({"default": PyPI.simple_url, **{n: getattr(options, n, None) for n in names}}))
"""


@dataclass(frozen=True)
class IndexAddress:
    """A package index with the simple API, and how to reach it."""

    url: httpx2.URL
    """Without credentials and without a trailing slash."""
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    """User name and password."""
    verify: ssl.SSLContext | bool = True
    proxy: str | None = field(default=None, repr=False)


def configured_indexes() -> tuple[IndexAddress, ...]:
    """Return the indexes that pip or uv is configured with, in the order to try them.

    If neither names one, pip's own default is returned. Starts pip, which takes a second. Raises
    SourceUnreachable if pip is configured to use no index, or no index is known.
    """
    uv_default, uv_others = _uv_indexes()
    pip = _ask_pip()
    found: list[str] = []
    if pip is not None:
        own_default = pip["index_url"] == pip["default"]
        if pip.get("no_index"):
            raise SourceUnreachable("pip is configured to use no index (no-index); unset that.")
        if not own_default or uv_default is None:
            found.append(pip["index_url"])
        found += pip.get("extra_index_urls") or []
    found += [*([uv_default] if uv_default else []), *uv_others]
    if not found:
        raise SourceUnreachable(
            "The package index is unknown, as this Python has no pip: "
            "set UV_DEFAULT_INDEX or PIP_INDEX_URL."
        )
    return tuple(_address(url, pip or {}) for url in dict.fromkeys(found))


def _ask_pip() -> dict[str, Any] | None:
    """Return the settings of this Python's pip, else of the Python that it is based on."""
    below = getattr(sys, "_base_executable", sys.executable)
    for python in dict.fromkeys((sys.executable, below)):
        try:
            done = subprocess.run(
                [python, "-I", "-c", ASK_PIP],
                capture_output=True,
                text=True,
                timeout=PIP_TIMEOUT_SECONDS,
                check=True,
            )
            answer = json.loads(done.stdout.splitlines()[-1])
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            continue
        if isinstance(answer, dict) and isinstance(answer.get("index_url"), str):
            return answer
    url = os.environ.get("PIP_INDEX_URL")
    return {"index_url": url, "default": None} if url else None


def _uv_indexes() -> tuple[str | None, list[str]]:
    """Return uv's default index, if set, and its other indexes; variables precede files."""
    settings = [_uv_variables(os.environ), *_uv_files(os.environ)]
    defaults = [default for default, _ in settings if default]
    return defaults[0] if defaults else None, [url for _, others in settings for url in others]


def _uv_variables(variables: Mapping[str, str]) -> tuple[str | None, list[str]]:
    default = variables.get("UV_DEFAULT_INDEX") or variables.get("UV_INDEX_URL") or ""
    others = [
        *variables.get("UV_INDEX", "").split(),
        *variables.get("UV_EXTRA_INDEX_URL", "").split(),
    ]
    return _uv_url(default, variables) or None, [_uv_url(other, variables) for other in others]


def _uv_url(written: str, variables: Mapping[str, str]) -> str:
    """Return the URL in `name=URL` or `URL`, with the credentials of that name."""
    name, equals, url = written.partition("=")
    if not equals or "/" in name:
        return written
    return _with_credentials(name, url, variables)


def _with_credentials(name: str, url: str, variables: Mapping[str, str]) -> str:
    key = "".join(c if c.isalnum() else "_" for c in name.upper())
    user = variables.get(f"UV_INDEX_{key}_USERNAME")
    password = variables.get(f"UV_INDEX_{key}_PASSWORD")
    if user is None and password is None:
        return url
    try:
        return str(httpx2.URL(url).copy_with(username=user or "", password=password or ""))
    except httpx2.InvalidURL:
        return url


def _uv_files(variables: Mapping[str, str]) -> Iterator[tuple[str | None, list[str]]]:
    if variables.get("UV_NO_CONFIG"):
        return
    home = Path(variables.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    system = [Path(p) for p in variables.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if p]
    named = variables.get("UV_CONFIG_FILE")
    folders = [Path.cwd(), home / "uv", *(folder / "uv" for folder in system), Path("/etc/uv")]
    for path in [Path(named)] if named else [folder / "uv.toml" for folder in folders]:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        yield _uv_file(content, variables)


def _uv_file(content: dict[str, Any], variables: Mapping[str, str]) -> tuple[str | None, list[str]]:
    default, others = None, []
    for entry in content.get("index", []):
        if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
            continue
        url = _with_credentials(str(entry.get("name", "")), entry["url"], variables)
        if entry.get("default"):
            default = default or url
        elif not entry.get("explicit"):
            others.append(url)
    for part in (content, content.get("pip", {})):
        if isinstance(part, dict):
            default = default or part.get("index-url")
            others += part.get("extra-index-url", [])
    return default, [url for url in others if isinstance(url, str)]


def _address(written: str, pip: Mapping[str, Any]) -> IndexAddress:
    try:
        url = httpx2.URL(written.rstrip("/"))
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https"):
        # The URL may hold a password, so it is not shown.
        raise SourceUnreachable(
            "The package index of pip or uv has no http or https address; correct its settings."
        )
    credentials = (url.username, url.password) if url.userinfo else _from_netrc(url.host)
    return IndexAddress(
        url=url.copy_with(username=None, password=None),
        credentials=credentials,
        verify=_verify(url, pip),
        proxy=pip.get("proxy") or None,
    )


def _verify(url: httpx2.URL, pip: Mapping[str, Any]) -> ssl.SSLContext | bool:
    trusted = {f"{url.host}", f"{url.host}:{url.port}"}
    if trusted & set(pip.get("trusted_hosts") or []):
        return False
    certificates = pip.get("cert")
    if not certificates:
        return True
    try:
        return ssl.create_default_context(
            cafile=None if Path(certificates).is_dir() else certificates,
            capath=certificates if Path(certificates).is_dir() else None,
        )
    except OSError as error:
        raise SourceUnreachable(f"pip's certificates {certificates} cannot be read.") from error


def _from_netrc(host: str) -> tuple[str, str] | None:
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0], found[2] or "") if found else None
