"""Bytes from a hub arrive whole and checked, whatever the hub does."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.models import DownloadCorrupt, HubRefused, HubUnreachable
from services.models.hub import Hub, RemoteFile
from tests.models.hub_server import COMMIT, HubServer, running_hub

REPOSITORY = "someone/model"
SMALL = b'{"a": 1}'
LARGE = bytes(range(256)) * 4000


@pytest.fixture
def server() -> Iterator[HubServer]:
    with running_hub(HubServer()) as hub:
        hub.add(REPOSITORY, {"config.json": SMALL, "sub/model.bin": LARGE})
        yield hub


@pytest.fixture
def hub(server: HubServer) -> Iterator[Hub]:
    with Hub(server.url, connect_timeout_seconds=5.0, retry_delays_seconds=(0.0, 0.0)) as hub:
        yield hub


class Counter:
    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, byte_count: int) -> None:
        self.bytes += byte_count


def large_file(hub: Hub) -> RemoteFile:
    return hub.describe(REPOSITORY, "main", "sub/model.bin")


def test_small_and_large_files_arrive_with_their_content(hub: Hub, tmp_path: Path) -> None:
    counter = Counter()
    for path, content in (("config.json", SMALL), ("sub/model.bin", LARGE)):
        remote = hub.describe(REPOSITORY, "main", path)
        assert (remote.commit, remote.size) == (COMMIT, len(content))
        target = tmp_path / remote.name
        hub.download(remote, target, advance=counter)
        assert target.read_bytes() == content
    assert counter.bytes == len(SMALL) + len(LARGE)


def test_the_files_are_fetched_at_the_commit_that_was_described(
    hub: Hub, server: HubServer, tmp_path: Path
) -> None:
    hub.download(large_file(hub), tmp_path / "x", advance=Counter())
    assert server.asked("GET")[0] == f"/{REPOSITORY}/resolve/{COMMIT}/sub/model.bin"


def test_nothing_but_files_is_asked_for_and_nobody_is_named(
    hub: Hub, server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("AI_AGENT", "some-program")
    hub.download(large_file(hub), tmp_path / "x", advance=Counter())
    assert all("/resolve/" in r.path or "/large/" in r.path for r in server.requests)
    for request in server.requests:
        assert "authorization" not in request.headers
        assert "some-program" not in request.headers["user-agent"]
        assert "torch" not in request.headers["user-agent"]


def test_a_cut_transfer_goes_on_where_it_stopped(
    hub: Hub, server: HubServer, tmp_path: Path
) -> None:
    server.cut_after_bytes = [100_000, 50_000]
    counter = Counter()
    hub.download(large_file(hub), tmp_path / "x", advance=counter)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert counter.bytes == len(LARGE)
    assert server.sent_ranges() == ["bytes=100000-"] * 2 + ["bytes=150000-"] * 2


def test_what_an_earlier_process_left_is_kept(hub: Hub, server: HubServer, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(LARGE[:7])
    counter = Counter()
    hub.download(large_file(hub), tmp_path / "x", advance=counter)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert counter.bytes == len(LARGE) - 7
    assert set(server.sent_ranges()) == {"bytes=7-"}


@pytest.mark.parametrize("left", [b"wrong", LARGE[:-1] + b"?", LARGE + b"more"])
def test_damaged_leftovers_are_replaced(hub: Hub, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "x").write_bytes(left)
    counter = Counter()
    hub.download(large_file(hub), tmp_path / "x", advance=counter)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert counter.bytes == len(LARGE) - len(left)


def test_a_hub_without_ranges_sends_the_whole_file(
    hub: Hub, server: HubServer, tmp_path: Path
) -> None:
    server.ignores_ranges = True
    (tmp_path / "x").write_bytes(LARGE[:7])
    counter = Counter()
    hub.download(large_file(hub), tmp_path / "x", advance=counter)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert counter.bytes == len(LARGE) - 7


def test_wrong_bytes_are_refused_and_thrown_away(
    hub: Hub, server: HubServer, tmp_path: Path
) -> None:
    server.damaged = True
    counter = Counter()
    with pytest.raises(DownloadCorrupt, match=r"model\.bin"):
        hub.download(large_file(hub), tmp_path / "x", advance=counter)
    assert not (tmp_path / "x").exists()
    assert counter.bytes == 0


def test_more_bytes_than_announced_are_refused(hub: Hub, server: HubServer, tmp_path: Path) -> None:
    remote = large_file(hub)
    short = RemoteFile(remote.path, remote.url, remote.commit, remote.checksum, 1000)
    counter = Counter()
    with pytest.raises(DownloadCorrupt, match="more bytes"):
        hub.download(short, tmp_path / "x", advance=counter)
    assert not (tmp_path / "x").exists()
    assert counter.bytes == 0


def test_a_hub_that_breaks_every_transfer_is_given_up_and_the_rest_kept(
    hub: Hub, server: HubServer, tmp_path: Path
) -> None:
    server.cut_after_bytes = [100_000] + [0] * 10
    with pytest.raises(HubUnreachable):
        hub.download(large_file(hub), tmp_path / "x", advance=Counter())
    assert (tmp_path / "x").read_bytes() == LARGE[:100_000]


def test_a_missing_file_is_named(hub: Hub) -> None:
    with pytest.raises(HubRefused, match=rf"nothing\.bin of {REPOSITORY}"):
        hub.describe(REPOSITORY, "main", "nothing.bin")


def test_a_failing_hub_counts_as_unreachable(hub: Hub, server: HubServer) -> None:
    server.failing_status = 503
    with pytest.raises(HubUnreachable, match="503"):
        hub.describe(REPOSITORY, "main", "config.json")
    assert len(server.requests) == 1


def test_a_login_page_is_no_hub(hub: Hub, server: HubServer) -> None:
    server.anonymous = True
    with pytest.raises(HubUnreachable, match="not as a Hugging Face hub"):
        hub.describe(REPOSITORY, "main", "config.json")


def test_a_file_without_checksum_is_refused(hub: Hub, server: HubServer) -> None:
    server.weak_checksums = True
    with pytest.raises(HubRefused, match="no checksum"):
        hub.describe(REPOSITORY, "main", "config.json")


@pytest.mark.timeout(30)
def test_a_silent_hub_is_given_up_within_its_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Hub(endpoint, connect_timeout_seconds=0.3) as hub,
            pytest.raises(HubUnreachable, match=r"did not answer within|cannot be reached"),
        ):
            hub.describe(REPOSITORY, "main", "config.json")


@pytest.mark.timeout(30)
def test_a_hub_that_drips_is_given_up_too() -> None:
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

        thread = threading.Thread(target=drip, name="dripping-hub")
        thread.start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        try:
            with (
                Hub(endpoint, connect_timeout_seconds=0.3) as hub,
                pytest.raises(HubUnreachable, match="did not answer within"),
            ):
                hub.describe(REPOSITORY, "main", "config.json")
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "ftp://127.0.0.1", "http://"])
def test_no_hub_at_an_address_is_said(endpoint: str) -> None:
    with (
        Hub(endpoint, connect_timeout_seconds=2.0) as hub,
        pytest.raises(HubUnreachable, match="HF_ENDPOINT"),
    ):
        hub.describe(REPOSITORY, "main", "config.json")


def test_the_switch_against_the_hub_is_respected(
    hub: Hub, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnreachable, match="HF_HUB_OFFLINE"):
        hub.describe(REPOSITORY, "main", "config.json")
    assert not server.requests


def test_the_endpoint_comes_from_the_environment(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
    with Hub(connect_timeout_seconds=5.0) as hub:
        assert hub.describe(REPOSITORY, "main", "config.json").size == len(SMALL)
