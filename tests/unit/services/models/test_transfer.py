"""Bytes from a server arrive whole and checked, whatever the server does."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from services.models import DownloadCorrupt, SourceRefused, SourceUnreachable
from services.models.files import ModelFile
from services.models.transfer import Server, Transfer
from tests.support.models.hub_server import COMMIT, HubServer, running_hub

REPOSITORY = "someone/model"
SMALL = b'{"a": 1}'
LARGE = bytes(range(256)) * 4000
LARGE_FILE = ModelFile("model.bin", len(LARGE), f"sha256:{hashlib.sha256(LARGE).hexdigest()}")
SMALL_FILE = ModelFile("config.json", len(SMALL), f"md5:{hashlib.md5(SMALL).hexdigest()}")


@pytest.fixture
def server() -> Iterator[HubServer]:
    with running_hub(HubServer()) as hub:
        hub.add(REPOSITORY, {"config.json": SMALL, "sub/model.bin": LARGE})
        yield hub


@pytest.fixture
def transfer(server: HubServer) -> Iterator[Transfer]:
    with closing(to(server.url, answer_timeout_seconds=5.0)) as transfer:
        yield transfer


def to(url: str, *, answer_timeout_seconds: float) -> Transfer:
    return Transfer(
        Server(name=f"The server at {url}", cure="check it", address=httpx2.URL(url)),
        answer_timeout_seconds=answer_timeout_seconds,
        retry_delays_seconds=(0.0, 0.0),
    )


def small(server: HubServer) -> httpx2.URL:
    return httpx2.URL(f"{server.url}/{REPOSITORY}/resolve/{COMMIT}/config.json")


def large(server: HubServer) -> httpx2.URL:
    return httpx2.URL(f"{server.url}/{REPOSITORY}/resolve/{COMMIT}/sub/model.bin")


class Counter:
    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, byte_count: int) -> None:
        self.bytes += byte_count


def test_files_arrive_with_their_content_whatever_kind_of_checksum_they_have(
    transfer: Transfer, server: HubServer, tmp_path: Path
) -> None:
    counter = Counter()
    transfer.download(small(server), SMALL_FILE, tmp_path / "a", advance=counter)
    transfer.download(large(server), LARGE_FILE, tmp_path / "b", advance=counter)
    assert (tmp_path / "a").read_bytes() == SMALL
    assert (tmp_path / "b").read_bytes() == LARGE
    assert counter.bytes == len(SMALL) + len(LARGE)


def test_a_cut_transfer_goes_on_where_it_stopped(
    transfer: Transfer, server: HubServer, tmp_path: Path
) -> None:
    server.cut_after_bytes = [100_000, 50_000]
    counter = Counter()
    transfer.download(large(server), LARGE_FILE, tmp_path / "x", advance=counter)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert counter.bytes == len(LARGE)
    assert server.sent_ranges() == ["bytes=100000-"] * 2 + ["bytes=150000-"] * 2


def test_what_an_earlier_process_left_is_kept(
    transfer: Transfer, server: HubServer, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(LARGE[:7])
    counter = Counter()
    transfer.download(large(server), LARGE_FILE, tmp_path / "x", advance=counter)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert counter.bytes == len(LARGE) - 7
    assert set(server.sent_ranges()) == {"bytes=7-"}


@pytest.mark.parametrize("left", [b"wrong", LARGE[:-1] + b"?", LARGE + b"more"])
def test_damaged_leftovers_are_replaced(
    transfer: Transfer, server: HubServer, tmp_path: Path, left: bytes
) -> None:
    (tmp_path / "x").write_bytes(left)
    counter = Counter()
    transfer.download(large(server), LARGE_FILE, tmp_path / "x", advance=counter)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert counter.bytes == len(LARGE) - len(left)


def test_a_server_without_ranges_sends_the_whole_file(
    transfer: Transfer, server: HubServer, tmp_path: Path
) -> None:
    server.ignores_ranges = True
    (tmp_path / "x").write_bytes(LARGE[:7])
    counter = Counter()
    transfer.download(large(server), LARGE_FILE, tmp_path / "x", advance=counter)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert counter.bytes == len(LARGE) - 7


def test_wrong_bytes_are_refused_and_thrown_away(
    transfer: Transfer, server: HubServer, tmp_path: Path
) -> None:
    server.damaged = True
    counter = Counter()
    with pytest.raises(DownloadCorrupt, match=r"model\.bin"):
        transfer.download(large(server), LARGE_FILE, tmp_path / "x", advance=counter)
    assert not (tmp_path / "x").exists()
    assert counter.bytes == 0


@pytest.mark.parametrize("size", [1000, len(LARGE) + 1000])
def test_another_size_than_the_files_is_refused_before_it_is_taken(
    transfer: Transfer, server: HubServer, tmp_path: Path, size: int
) -> None:
    counter = Counter()
    with pytest.raises(DownloadCorrupt, match="login page"):
        transfer.download(
            large(server), replace(LARGE_FILE, size=size), tmp_path / "x", advance=counter
        )
    assert not (tmp_path / "x").exists()
    assert counter.bytes == 0


def test_a_server_that_breaks_every_transfer_is_given_up_and_the_rest_kept(
    transfer: Transfer, server: HubServer, tmp_path: Path
) -> None:
    server.cut_after_bytes = [100_000] + [0] * 10
    with pytest.raises(SourceUnreachable):
        transfer.download(large(server), LARGE_FILE, tmp_path / "x", advance=Counter())
    assert (tmp_path / "x").read_bytes() == LARGE[:100_000]


def test_a_missing_file_is_named(transfer: Transfer, server: HubServer, tmp_path: Path) -> None:
    nothing = httpx2.URL(f"{server.url}/{REPOSITORY}/resolve/{COMMIT}/nothing.bin")
    with pytest.raises(SourceRefused, match=r"model\.bin \(HTTP status 404\)"):
        transfer.download(nothing, LARGE_FILE, tmp_path / "x", advance=Counter())


def test_a_server_that_fails_from_the_start_is_asked_once(
    transfer: Transfer, server: HubServer, tmp_path: Path
) -> None:
    server.failing_status = 503
    with pytest.raises(SourceUnreachable, match="503"):
        transfer.download(small(server), SMALL_FILE, tmp_path / "x", advance=Counter())
    assert len(server.requests) == 1


@pytest.mark.timeout(30)
def test_a_silent_server_is_given_up_within_its_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            closing(to(url, answer_timeout_seconds=0.3)) as transfer,
            pytest.raises(SourceUnreachable, match=r"did not answer within|cannot be reached"),
        ):
            transfer.download(httpx2.URL(url), SMALL_FILE, tmp_path / "x", advance=Counter())


@pytest.mark.timeout(30)
def test_a_server_that_drips_is_given_up_too(tmp_path: Path) -> None:
    """Each byte comes in time, so that only a limit over all of the answer helps."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
                    if stop.wait(0.05):
                        return
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=drip, name="dripping-server")
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        try:
            with (
                closing(to(url, answer_timeout_seconds=0.3)) as transfer,
                pytest.raises(SourceUnreachable, match="did not answer within"),
            ):
                transfer.download(httpx2.URL(url), SMALL_FILE, tmp_path / "x", advance=Counter())
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "ftp://127.0.0.1", "http://"])
def test_no_server_at_an_address_is_said_with_what_to_check(url: str, tmp_path: Path) -> None:
    with (
        closing(to(url, answer_timeout_seconds=2.0)) as transfer,
        pytest.raises(SourceUnreachable, match="check it"),
    ):
        transfer.download(httpx2.URL(url), SMALL_FILE, tmp_path / "x", advance=Counter())


def test_credentials_go_to_the_server_they_are_for_and_no_further(
    server: HubServer, tmp_path: Path
) -> None:
    """Large files are redirected to another name, as hubs and indexes do."""
    address = httpx2.URL(server.url)
    known = Server("The server", "check it", address, credentials=("me", "secret"))
    with closing(Transfer(known)) as transfer:
        transfer.download(large(server), LARGE_FILE, tmp_path / "x", advance=Counter())
        other = httpx2.URL(server.url.replace("127.0.0.1", "localhost"))
        transfer.download(
            other.join(small(server).path), SMALL_FILE, tmp_path / "y", advance=Counter()
        )
    sent = ["authorization" in request.headers for request in server.requests]
    assert sent == [True, False, False]
