"""Serves the built page from memory: hashed assets cached for a year, the rest revalidated."""

from __future__ import annotations

import gzip
import hashlib
import logging
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

logger = logging.getLogger("services.web")

STATIC = Path(__file__).parents[1] / "static"
"""The output of `make page`."""

INDEX = "index.html"
HASHED_FOLDER = "assets/"
"""Vite puts files here whose names contain a hash of their content."""

FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")
MISSING = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>The page is not built</title>"
    "<h1>The page is not built yet</h1><p>Run <code>make page</code> in the project's folder, "
    "then reload. The agent itself is not affected.</p></html>"
)
TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True)
class Asset:
    """One file of the page, ready to send."""

    body: bytes
    zipped: bytes | None
    """The body compressed by gzip, None if that is not smaller."""
    content_type: str
    cache_control: str
    etag: str


@dataclass(frozen=True)
class PageConfig:
    """What the page needs to know before it requests a token."""

    title: str = "Voice agent"
    """The agent's name on the page."""
    livekit_url: str = ""
    """LiveKit's address as browsers reach it."""
    access_key: bool = False
    """Whether a token requires the access key."""
    tokens: bool = True
    """Whether this server issues tokens; if not, the page takes one from its `#token=`."""

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "livekit_url": self.livekit_url,
            "access_key": self.access_key,
            "tokens": self.tokens,
        }


class PageRoutes:
    """The page at `/`, its files below, and `GET /api/config`."""

    def __init__(self, config: PageConfig, *, folder: Path = STATIC) -> None:
        self._config = config
        self._folder = folder
        self._assets: Mapping[str, Asset] = {}
        self._built: float | None = None

    def __call__(self, app: web.Application) -> None:
        """Read the page's files and add the routes."""
        self._reload_if_rebuilt()
        if self._built is None:
            logger.warning("page not built, run: make page", extra={"folder": str(self._folder)})
        app.router.add_get("/api/config", self._answer_config)
        app.router.add_get("/", self._answer_index)
        app.router.add_get("/{name:(?!api/)[A-Za-z0-9_./-]+}", self._answer_asset)

    async def _answer_config(self, request: web.Request) -> web.Response:
        return web.json_response(self._config.as_json())

    async def _answer_index(self, request: web.Request) -> web.StreamResponse:
        self._reload_if_rebuilt()
        asset = self._assets.get(INDEX)
        if asset is None:
            return web.Response(
                status=503,
                text=MISSING,
                content_type="text/html",
                headers={"Cache-Control": "no-store", "Retry-After": "5"},
            )
        return _answer(request, asset)

    async def _answer_asset(self, request: web.Request) -> web.StreamResponse:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound(text="Not found.\n")
        return _answer(request, asset)

    def _reload_if_rebuilt(self) -> None:
        try:
            built = (self._folder / INDEX).stat().st_mtime
        except OSError:
            built = None
        if built != self._built:
            self._assets = read_assets(self._folder) if built is not None else {}
            self._built = built


def read_assets(folder: Path) -> dict[str, Asset]:
    """Read every file below `folder`, by its path relative to it."""
    assets = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            assets[name] = _asset(name, path.read_bytes())
    return assets


def _asset(name: str, body: bytes) -> Asset:
    suffix = Path(name).suffix
    content_type = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    zipped = None
    if content_type.startswith(COMPRESSIBLE):
        smaller = gzip.compress(body, compresslevel=6, mtime=0)
        zipped = smaller if len(smaller) < len(body) else None
    return Asset(
        body=body,
        zipped=zipped,
        content_type=content_type,
        cache_control=FOREVER if name.startswith(HASHED_FOLDER) else REVALIDATE,
        etag=hashlib.sha256(body).hexdigest()[:20],
    )


def _answer(request: web.Request, asset: Asset) -> web.Response:
    headers = {
        "Cache-Control": asset.cache_control,
        "ETag": f'"{asset.etag}"',
        "Vary": "Accept-Encoding",
    }
    known = request.if_none_match or ()
    if any(tag.value in (asset.etag, "*") for tag in known):
        return web.Response(status=304, headers=headers)
    body = asset.body
    if asset.zipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = asset.zipped
        headers["Content-Encoding"] = "gzip"
    charset = "utf-8" if asset.content_type.startswith("text/") else None
    return web.Response(
        body=body, headers=headers, content_type=asset.content_type, charset=charset
    )
