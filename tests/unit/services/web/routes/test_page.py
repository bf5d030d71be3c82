"""The page's files: caching, compression, paths, a page that is not built."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.web.http.server import WebServer
from services.web.routes.page import PageConfig, PageRoutes
from tests.support.web_client import fetch

pytestmark = pytest.mark.unit

SCRIPT = b"console.log('hello');" * 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "static"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>é</title>")
    (built / "assets" / "index-Ab_12-x.js").write_bytes(SCRIPT)
    (built / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "secret.txt").write_text("secret")
    return built


@pytest.fixture
def server(folder: Path) -> Iterator[WebServer]:
    config = PageConfig(title="Ada", livekit_url="ws://127.0.0.1:7880")
    server = WebServer("127.0.0.1", 0, [PageRoutes(config, folder=folder)])
    server.start()
    yield server
    server.stop()


def test_the_page_itself_is_asked_for_anew_each_time(server: WebServer) -> None:
    answer = fetch(server, "/")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "é" in answer.text


def test_hashed_files_are_kept_for_a_year(server: WebServer) -> None:
    answer = fetch(server, "/assets/index-Ab_12-x.js")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert fetch(server, "/icon.svg").headers["Cache-Control"] == "no-cache"


def test_what_the_browser_has_is_not_sent_again(server: WebServer) -> None:
    tag = fetch(server, "/").headers["ETag"]
    answer = fetch(server, "/", headers={"If-None-Match": f'"other", {tag}'})
    assert answer.status == 304
    assert answer.body == b""
    assert fetch(server, "/", headers={"If-None-Match": '"other"'}).status == 200


def test_files_are_compressed_for_those_who_can_read_it(server: WebServer) -> None:
    zipped = fetch(server, "/assets/index-Ab_12-x.js", headers={"Accept-Encoding": "gzip, br"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == SCRIPT
    assert len(zipped.body) < len(SCRIPT) / 5
    plain = fetch(server, "/assets/index-Ab_12-x.js")
    assert "Content-Encoding" not in plain.headers
    assert plain.body == SCRIPT
    assert plain.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    ["/secret.txt", "/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/assets/"],
)
def test_nothing_outside_the_built_page_is_served(server: WebServer, path: str) -> None:
    assert fetch(server, path).status == 404


def test_a_page_that_is_not_built_says_how_to_build_it_and_then_works(tmp_path: Path) -> None:
    server = WebServer("127.0.0.1", 0, [PageRoutes(PageConfig(), folder=tmp_path)])
    server.start()
    try:
        answer = fetch(server, "/")
        assert answer.status == 503
        assert "make page" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        (tmp_path / "index.html").write_text("built")
        assert fetch(server, "/").text == "built"
        os.unlink(tmp_path / "index.html")
        assert fetch(server, "/").status == 503
    finally:
        server.stop()


def test_the_page_learns_what_it_must_know(server: WebServer) -> None:
    assert fetch(server, "/api/config").json() == {
        "title": "Ada",
        "livekit_url": "ws://127.0.0.1:7880",
        "access_key": False,
        "tokens": True,
    }
