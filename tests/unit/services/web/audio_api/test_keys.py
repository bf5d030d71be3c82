"""Keys of the audio API: how they are kept, checked, limited and revoked."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiohttp import web

from services.web.audio_api.access import WRONG_KEYS_PER_MINUTE, ApiAccess
from services.web.audio_api.api_keys import ApiKeyFile, ApiKeysError
from services.web.http.guard import Guard
from services.web.http.server import WebServer
from tests.support.audio_api import LIMITS
from tests.support.web_client import Answer, fetch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "api-keys.json"


@pytest.fixture
def server(path: Path) -> Iterator[WebServer]:
    """Answers with the name of the key."""
    access = ApiAccess(path, Guard(), LIMITS)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=(await access.check(request)).name)

    def add_routes(app: web.Application) -> None:
        app.router.add_get("/v1/x", answer)

    server = WebServer("127.0.0.1", 0, [add_routes])
    server.start()
    yield server
    server.stop()


def ask(server: WebServer, authorization: str | None) -> Answer:
    headers = {} if authorization is None else {"Authorization": authorization}
    return fetch(server, "/v1/x", headers=headers)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["code"]


def test_without_a_key_the_door_is_closed(server: WebServer, path: Path) -> None:
    assert code(ask(server, "Bearer x")) == (404, "api_off")
    ApiKeyFile(path).add("one")
    ApiKeyFile(path).remove("one")
    assert code(ask(server, "Bearer x")) == (404, "api_off")


def test_a_key_is_known_and_revoked_without_a_restart(server: WebServer, path: Path) -> None:
    first, second = ApiKeyFile(path).add("one"), ApiKeyFile(path).add("two")
    assert ask(server, f"Bearer {first}").text == "one"
    assert ask(server, f"bearer  {second} ").text == "two"
    ApiKeyFile(path).remove("one")
    assert code(ask(server, f"Bearer {first}")) == (401, "invalid_api_key")
    assert ask(server, f"Bearer {second}").text == "two"


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer {}x"])
def test_anything_but_a_key_is_refused(server: WebServer, path: Path, sent: str | None) -> None:
    key = ApiKeyFile(path).add("one")
    answer = ask(server, sent and sent.format(key))
    assert code(answer) == (401, "invalid_api_key")
    assert key not in answer.text


def test_the_hash_of_a_key_is_not_the_key(server: WebServer, path: Path) -> None:
    ApiKeyFile(path).add("one")
    [key] = ApiKeyFile(path).read()
    assert code(ask(server, f"Bearer {key.sha256}")) == (401, "invalid_api_key")


def test_the_file_has_hashes_only_and_is_its_owners(path: Path) -> None:
    secret = ApiKeyFile(path).add("one")
    assert len(secret) > 40
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_group_that_may_read_the_file_still_may(path: Path) -> None:
    ApiKeyFile(path).add("one")
    path.chmod(0o640)
    ApiKeyFile(path).add("two")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_keys_that_are_made_at_once_are_all_kept(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ApiKeyFile(path).add(f"key-{n}"), range(16)))
    assert len(ApiKeyFile(path).read()) == 16


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65, "-x", "ä"])
def test_a_name_is_short_and_plain(path: Path, name: str) -> None:
    with pytest.raises(ApiKeysError, match="name"):
        ApiKeyFile(path).add(name)
    assert not path.exists()


def test_no_name_is_given_twice_nor_revoked_twice(path: Path) -> None:
    file = ApiKeyFile(path)
    file.add("one")
    with pytest.raises(ApiKeysError, match="already"):
        file.add("one")
    file.remove("one")
    with pytest.raises(ApiKeysError, match="no key"):
        file.remove("one")


BROKEN = [
    *("", "{", "[]", "\xff"),
    *('{"keys": [{"name": "x"}]}', '{"version": 2}', '{"keys": 5, "x": 1}'),
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_closes_the_door_and_is_told_once(
    server: WebServer, path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = ApiKeyFile(path).add("one")
    assert ask(server, f"Bearer {key}").status == 200
    whole = path.read_bytes()
    path.write_bytes(content.encode("latin-1"))
    for _ in range(3):
        assert code(ask(server, f"Bearer {key}")) == (503, "api_keys")
    told = [record for record in caplog.records if record.message == "audio API closed"]
    assert len(told) == 1
    path.write_bytes(whole)
    assert ask(server, f"Bearer {key}").status == 200


def test_a_file_that_may_not_be_read_is_no_key_for_anybody(server: WebServer, path: Path) -> None:
    path.mkdir()
    assert code(ask(server, "Bearer x")) == (503, "api_keys")


def test_the_rate_of_a_key_is_its_own(server: WebServer, path: Path) -> None:
    file = ApiKeyFile(path)
    slow, fast = file.add("slow", requests_per_minute=2), file.add("fast")
    for _ in range(2):
        assert ask(server, f"Bearer {slow}").status == 200
    refused = ask(server, f"Bearer {slow}")
    assert code(refused) == (429, "rate_limit_exceeded")
    assert int(refused.headers["Retry-After"]) >= 1
    assert ask(server, f"Bearer {fast}").status == 200


def test_who_guesses_keys_has_to_wait_and_holders_do_not(server: WebServer, path: Path) -> None:
    key = ApiKeyFile(path).add("one")
    statuses = [ask(server, "Bearer guess").status for _ in range(round(WRONG_KEYS_PER_MINUTE) + 5)]
    assert set(statuses) == {401, 429}
    assert ask(server, f"Bearer {key}").status == 200


def test_a_key_lowers_the_limits_and_does_not_raise_them(path: Path) -> None:
    file = ApiKeyFile(path)
    file.add("less", max_mb=1, max_seconds=5, max_characters=7, requests_at_once=1)
    file.add("more", max_mb=10**6, max_seconds=10**6, max_characters=10**6, requests_at_once=99)
    less, more = file.read()
    wide = LIMITS.__class__(2_000_000, 10, 100, 60, 4)
    assert wide.of(less) == LIMITS.__class__(1_000_000, 5, 7, 60, 1)
    assert wide.of(more) == wide
    assert json.loads(path.read_text())["keys"][0]["max_mb"] == 1
