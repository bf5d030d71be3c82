"""Parse the pages of a package index: the simple API of PEP 503 (HTML) and PEP 691 (JSON)."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import parse_qs, unquote

import httpx2

from .transfer import Page

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)

PACKAGE_ENDINGS = (".whl", ".tar.gz", ".zip")


@dataclass(frozen=True)
class ListedFile:
    """A file on the page of a package."""

    filename: str
    url: httpx2.URL
    sha256: str | None
    """None if the index does not give it."""


def normalized(package: str) -> str:
    """Return the name of a package as it is written in the URLs of an index."""
    return re.sub(r"[-_.]+", "-", package).lower()


def listed_files(page: Page) -> tuple[ListedFile, ...]:
    """Return the files of an index page, including yanked ones.

    A file is chosen by its checksum, so yanking (PEP 592) does not matter. Raises ValueError if
    the page is not that of an index.
    """
    try:
        return tuple(_from_json(page) if "json" in page.content_type else _from_html(page))
    except (AssertionError, RecursionError) as error:
        # The parsers of the standard library raise these for hostile input.
        raise ValueError("not readable") from error


def _from_json(page: Page) -> Iterator[ListedFile]:
    content = json.loads(page.text)
    if not isinstance(content, dict) or not isinstance(content.get("files"), list):
        raise ValueError("no list of files")
    for entry in content["files"]:
        try:
            hashes = entry.get("hashes") or {}
            url = page.url.join(entry["url"])
            yield ListedFile(str(entry["filename"]), url, hashes.get("sha256"))
        except (AttributeError, KeyError, TypeError, httpx2.InvalidURL):
            continue


def _from_html(page: Page) -> Iterator[ListedFile]:
    anchors = _Anchors()
    anchors.feed(page.text)
    try:
        base = page.url.join(anchors.base) if anchors.base else page.url
    except httpx2.InvalidURL:
        base = page.url
    urls = []
    for address in anchors.addresses:
        with suppress(httpx2.InvalidURL):
            urls.append(base.join(address))
    urls = [url for url in urls if url.path.endswith(PACKAGE_ENDINGS)]
    if not urls:
        raise ValueError("no list of files")
    for url in urls:
        sha256 = parse_qs(url.fragment).get("sha256", [None])[0]
        filename = unquote(url.path.rsplit("/", 1)[-1])
        yield ListedFile(filename, url.copy_with(fragment=None), sha256)


class _Anchors(HTMLParser):
    """Collects the link targets of a page, and the base URL they are relative to."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        address = dict(attributes).get("href")
        if address and tag == "a":
            self.addresses.append(address)
        elif address and tag == "base" and not self.base:
            self.base = address
