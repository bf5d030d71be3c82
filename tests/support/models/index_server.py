"""A small package index on loopback that serves wheels by the simple API."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.support.models.hub_server import QuietServer

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Request:
    path: str
    headers: dict[str, str]


@dataclass
class IndexServer:
    """What the index has, what goes wrong with it, and what it was asked."""

    packages: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Package → file name → content."""
    html: bool = False
    """Answers as PEP 503 has it, else as PEP 691 has it."""
    says_checksums: bool = True
    yanked: bool = False
    cut_after_bytes: list[int] = field(default_factory=list)
    """The next transfers of files break off after so many bytes, one entry each."""
    damaged: bool = False
    """Files are sent with one wrong byte."""
    credentials: tuple[str, str] | None = None
    """User name and password without which it answers 401."""
    login_page: bytes | None = None
    """Every question is answered with this page, whatever it is."""
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    """Of the simple API."""

    def sent_ranges(self) -> list[str]:
        return [r.headers["range"] for r in self.requests if "range" in r.headers]

    def files_asked_for(self) -> list[str]:
        return [r.path for r in self.requests if r.path.startswith("/files/")]


@contextmanager
def running_index(index: IndexServer) -> Iterator[IndexServer]:
    """Serve `index` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            index.requests.append(Request(self.path, headers))
            if not self._may_ask():
                self._answer(401, "text/plain", b"")
            elif index.login_page is not None:
                kind = "text/html" if index.login_page.startswith(b"<") else JSON
                self._answer(200, kind, index.login_page)
            elif self.path.startswith("/files/"):
                self._send_file(self.path.removeprefix("/files/"))
            else:
                self._list(self.path.removeprefix("/simple/").strip("/"))

        def log_message(self, *_: object) -> None:
            pass

        def _may_ask(self) -> bool:
            if index.credentials is None:
                return True
            expected = base64.b64encode(":".join(index.credentials).encode()).decode()
            return self.headers.get("Authorization") == f"Basic {expected}"

        def _list(self, package: str) -> None:
            files = index.packages.get(package)
            if files is None:
                self._answer(404, "text/plain", b"")
            elif index.html:
                self._answer(200, "text/html", _html(index, package, files).encode())
            else:
                self._answer(200, JSON, _json(index, package, files).encode())

        def _send_file(self, path: str) -> None:
            package, _, filename = path.partition("/")
            content = index.packages[package][filename]
            if index.damaged:
                content = content[:-1] + bytes([content[-1] ^ 1])
            wanted = self.headers.get("Range", "")
            start = int(wanted.removeprefix("bytes=").removesuffix("-") or 0)
            cut = index.cut_after_bytes.pop(0) if index.cut_after_bytes else None
            self._answer(206 if start else 200, "application/zip", content[start:], cut)

        def _answer(self, status: int, kind: str, content: bytes, cut: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if cut is None else content[:cut])
            if cut is not None:
                self.close_connection = True

    server = QuietServer(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="test-index")
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _json(index: IndexServer, package: str, files: dict[str, bytes]) -> str:
    entries = []
    for filename, content in files.items():
        hashes = {"sha256": _sha256(content)} if index.says_checksums else {}
        entries.append(
            {
                "filename": filename,
                "url": f"../../files/{package}/{filename}",
                "hashes": hashes,
                "yanked": "a reason" if index.yanked else False,
            }
        )
    return json.dumps({"meta": {"api-version": "1.1"}, "name": package, "files": entries})


def _html(index: IndexServer, package: str, files: dict[str, bytes]) -> str:
    lines = []
    for filename, content in files.items():
        fragment = f"#sha256={_sha256(content)}" if index.says_checksums else ""
        yanked = ' data-yanked="a reason"' if index.yanked else ""
        address = f"../../files/{package}/{filename}{fragment}"
        lines.append(f'<a href="{address}"{yanked}>{filename}</a><br>')
    return f"<!DOCTYPE html><html><body>{''.join(lines)}</body></html>"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
