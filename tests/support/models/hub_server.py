"""A small hub on loopback that serves the routes by which a Hugging Face hub gives out files."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class HubServer:
    """What the hub has, what goes wrong with it, and what it was asked."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Repository → path → content."""
    revisions: tuple[str, ...] = (COMMIT,)
    large_bytes: int = 100_000
    """Files from this size on are large ones: redirected elsewhere, named by SHA-256."""
    cut_after_bytes: list[int] = field(default_factory=list)
    """The next transfers of large files break off after so many bytes, one entry each."""
    hold_after_bytes: int | None = None
    """Transfers of large files stand still after so many bytes, until `release` is set."""
    holding: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    damaged: bool = False
    """Large files are sent with one wrong byte."""
    ignores_ranges: bool = False
    failing_status: int | None = None
    """Every question is answered so."""
    login_page: bytes | None = None
    """Every question is answered with this page, as what stands between may do."""
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def add(self, repository: str, files: dict[str, bytes]) -> None:
        self.repositories.setdefault(repository, {}).update(files)

    def asked(self, method: str) -> list[str]:
        return [request.path for request in self.requests if request.method == method]

    def sent_ranges(self) -> list[str]:
        return [r.headers["range"] for r in self.requests if "range" in r.headers]


class QuietServer(ThreadingHTTPServer):
    """Says nothing of a client that hangs up in the middle of an answer."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def running_hub(hub: HubServer) -> Iterator[HubServer]:
    """Serve `hub` until the block ends; large files come from another name of the same host."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            hub.requests.append(Request(self.command, self.path, headers))
            if hub.failing_status is not None:
                self._answer(hub.failing_status)
            elif hub.login_page is not None:
                self._answer(200, {"Content-Type": "text/html"}, hub.login_page)
            elif self.path.startswith("/large/"):
                self._send_large(self.path.removeprefix("/large/"))
            else:
                self._resolve()

        def _resolve(self) -> None:
            asked = unquote(self.path.removeprefix("/"))
            repository, _, rest = asked.partition("/resolve/")
            revision, _, path = rest.partition("/")
            content = hub.repositories.get(repository, {}).get(path)
            if revision not in hub.revisions or content is None:
                self._answer(404, {"X-Error-Code": "EntryNotFound"})
                return
            if len(content) < hub.large_bytes:
                self._answer(200, {}, content)
                return
            digest = hashlib.sha256(content).hexdigest()
            elsewhere = hub.url.replace("127.0.0.1", "localhost")
            self._answer(302, {"Location": f"{elsewhere}/large/{digest}"})

        def _send_large(self, digest: str) -> None:
            content = next(
                c
                for files in hub.repositories.values()
                for c in files.values()
                if hashlib.sha256(c).hexdigest() == digest
            )
            if hub.damaged:
                content = content[:-1] + bytes([content[-1] ^ 1])
            start = 0
            wanted = self.headers.get("Range")
            if wanted and not hub.ignores_ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            headers = {}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            cut = hub.cut_after_bytes.pop(0) if hub.cut_after_bytes else None
            self._answer(206 if start else 200, headers, content[start:], cut)

        def _answer(
            self,
            status: int,
            headers: dict[str, str] | None = None,
            content: bytes = b"",
            cut: int | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if hub.hold_after_bytes is not None and len(content) > hub.hold_after_bytes:
                self.wfile.write(content[: hub.hold_after_bytes])
                hub.holding.set()
                hub.release.wait()
                self.close_connection = True
                return
            self.wfile.write(content if cut is None else content[:cut])
            if cut is not None:
                self.close_connection = True

    server = QuietServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="test-hub")
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
