"""Records reach a webhook: signed, again after failures, at least once, and nowhere else."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from pydantic import SecretStr

from agent.records import webhook
from agent.records.entries import Ended, Said
from agent.records.keeper import RecordKeeper
from agent.records.outbox import Parcel, take, waiting
from agent.records.webhook import WebhookDelivery, retry_seconds, signed
from agent.settings.records import RecordSettings

SECRET = "a secret of the webhook"
WORDS = "Grüße, \ud800 und mehr"
PAGE = Path(__file__).parents[4] / "docs" / "records.md"
WITHIN_SECONDS = 20.0


class Receiver:
    """An HTTP server that answers as it is told, and notes what it got."""

    def __init__(self) -> None:
        self.requests: list[tuple[web.BaseRequest, bytes]] = []
        self.answers: list[int] = []
        """Statuses of the next answers; 200 after those."""
        self.handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] = self.answer
        self.statuses: list[int] = []
        """Of the answers so far."""
        self.came = asyncio.Event()
        self.address = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append((request, await request.read()))
        response = await self.handler(request)
        self.statuses.append(response.status)
        self.came.set()
        return response

    async def answer(self, _: web.BaseRequest) -> web.StreamResponse:
        status = self.answers.pop(0) if self.answers else 200
        headers = {"Location": f"{self.address}/elsewhere"} if status == 302 else {}
        return web.Response(status=status, headers=headers)

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(WITHIN_SECONDS):
            while len(self.statuses) < count:
                self.came.clear()
                await self.came.wait()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield receiver
    await runner.cleanup()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(webhook, "CLOSING_SECONDS", 0.1)


def keep(spool: Path, address: str, count: int = 1) -> None:
    """End calls whose records the webhook is to get."""
    settings = RecordSettings(
        spool=str(spool), webhook=address, webhook_secret=SecretStr(SECRET), spool_mb=1
    )
    keeper = RecordKeeper(settings)
    for _ in range(count):
        record = keeper.begin(settings, agent="reception", room="room", job="")
        record.add(Said(at=time.time(), by="caller", text=WORDS))
        record.add(Ended(at=time.time(), reason="done"))
        record.finish()
    keeper.close()


@pytest_asyncio.fixture
async def deliver(tmp_path: Path) -> AsyncIterator[Callable[[], WebhookDelivery]]:
    """`deliver()` begins to deliver what waits in the folder."""
    started: list[WebhookDelivery] = []

    def start() -> WebhookDelivery:
        delivery = WebhookDelivery(tmp_path, secret=lambda agent, _: SECRET * (agent != ""))
        delivery.start()
        started.append(delivery)
        return delivery

    yield start
    for delivery in started:
        await delivery.aclose()


async def nothing_left(spool: Path) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while list(await asyncio.to_thread(waiting, spool)):
            await asyncio.sleep(0.005)


Deliver = Callable[[], WebhookDelivery]


async def test_a_record_arrives_whole_and_signed(
    tmp_path: Path, receiver: Receiver, deliver: Deliver
) -> None:
    keep(tmp_path, f"{receiver.address}/calls?key=1")
    deliver()
    await nothing_left(tmp_path)
    ((request, body),) = receiver.requests
    record = json.loads(body)
    assert (request.method, request.path_qs) == ("POST", "/calls?key=1")
    assert request.headers["Content-Type"] == "application/json"
    assert record["entries"][0]["text"] == WORDS.replace("\ud800", "?")
    assert request.headers["webhook-id"] == record["id"]
    moment = int(request.headers["webhook-timestamp"])
    assert abs(time.time() - moment) < 60
    assert signed(record["id"], body, SECRET, moment).items() <= dict(request.headers).items()


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # The example that https://github.com/standard-webhooks/standard-webhooks tests its libraries
    # with (MIT).
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        1614265330,
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [500, 503, 404, 302, 429])
async def test_what_is_not_taken_is_sent_again_to_the_same_address(
    tmp_path: Path, receiver: Receiver, deliver: Deliver, status: int
) -> None:
    receiver.answers = [status] * 3
    keep(tmp_path, f"{receiver.address}/calls")
    deliver()
    await nothing_left(tmp_path)
    assert [request.path for request, _ in receiver.requests] == ["/calls"] * 4
    assert len({body for _, body in receiver.requests}) == 1


async def test_a_record_that_is_refused_keeps_no_other_from_its_webhook(
    tmp_path: Path, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.answers = [413]
    keep(tmp_path, receiver.address, count=3)
    deliver()
    await receiver.wait_for(3)
    assert len({body for _, body in receiver.requests[:3]}) == 3
    await nothing_left(tmp_path)


async def test_a_webhook_that_is_away_is_one_line_without_its_address_and_gets_all_later(
    tmp_path: Path,
    receiver: Receiver,
    deliver: Deliver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = receiver.address.replace("127.0.0.1", "127.0.0.2")
    keep(tmp_path, f"{away}/token-in-the-path", count=3)
    keep(tmp_path, receiver.address)
    deliver()
    await receiver.wait_for(1)
    async with asyncio.timeout(WITHIN_SECONDS):
        while "webhook not reached" not in caplog.messages:
            await asyncio.sleep(0.005)
    lines = [vars(line) for line in caplog.records if line.levelname == "ERROR"]
    assert [line["place"] for line in lines] == ["127.0.0.2"]
    assert "token-in-the-path" not in str(lines)
    async with asyncio.timeout(WITHIN_SECONDS):
        while len(left := await asyncio.to_thread(waiting, tmp_path)) > 1:
            await asyncio.sleep(0.005)
    assert [len(paths) for paths in left.values()] == [3]


async def test_two_workers_with_one_spool_send_each_record_once(
    tmp_path: Path, receiver: Receiver, deliver: Deliver
) -> None:
    keep(tmp_path, receiver.address, count=6)
    deliver(), deliver()
    await nothing_left(tmp_path)
    ids = [request.headers["webhook-id"] for request, _ in receiver.requests]
    assert len(ids) == len(set(ids)) == 6


async def test_what_was_not_sent_before_the_end_is_sent_after_the_next_start(
    tmp_path: Path, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.answers = [500] * 1000
    keep(tmp_path, receiver.address)
    first = deliver()
    await receiver.wait_for(1)
    await first.aclose()
    receiver.answers = []
    deliver()
    await nothing_left(tmp_path)


async def test_what_is_taken_while_delivery_ends_is_left_to_other_workers(
    tmp_path: Path, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, "http://127.0.0.1:9/")
    ((path,),) = waiting(tmp_path).values()
    begun, goes_on, put_back = threading.Event(), threading.Event(), threading.Event()

    class Watched(Parcel):
        def put_back(self) -> None:
            super().put_back()
            put_back.set()

    def slowly(path: Path) -> Parcel | None:
        begun.set()
        goes_on.wait()
        parcel = take(path)
        assert parcel is not None
        return Watched(**asdict(parcel))

    monkeypatch.setattr(webhook, "take", slowly)
    delivery = deliver()
    await asyncio.to_thread(begun.wait)
    await delivery.aclose()
    goes_on.set()
    assert await asyncio.to_thread(put_back.wait, WITHIN_SECONDS)
    parcel = take(path)
    assert parcel is not None
    parcel.put_back()


async def test_a_webhook_that_is_in_no_settings_gets_nothing(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    keep(tmp_path, receiver.address)
    delivery = WebhookDelivery(tmp_path, secret=lambda *_: "")
    delivery.start()
    async with asyncio.timeout(WITHIN_SECONDS):
        while "webhook is not in the settings any more" not in caplog.messages:
            await asyncio.sleep(0.005)
    await delivery.aclose()
    assert receiver.requests == []


def test_the_spool_is_bounded_and_the_newest_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(tmp_path, "http://127.0.0.1:9/")
    for number in range(4):
        (tmp_path / f"{number:016x}.000000000000.out").write_bytes(bytes(400_000))
    keep(tmp_path, "http://127.0.0.1:9/")
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert sum(sizes) <= 1_000_000
    assert len(sizes) == 3
    assert "records given up" in caplog.messages


def test_a_file_that_is_none_of_ours_is_none(tmp_path: Path) -> None:
    for content in (b"", b"{}", b'{"record": 1, "agent": "", "webhook": ""}', b"[" * 100_000):
        path = tmp_path / "a.b.out"
        path.write_bytes(content)
        with pytest.raises(ValueError):  # noqa: PT011
            take(path)
    assert take(tmp_path / "gone.b.out") is None


def test_waits_grow_up_to_a_bound_and_differ() -> None:
    waits = [[retry_seconds(failures) for _ in range(50)] for failures in (1, 4, 1000)]
    assert max(waits[0]) < min(waits[1]) < max(waits[1]) < min(waits[2])
    assert max(waits[2]) <= 1.5 * webhook.LONGEST_RETRY_SECONDS
    assert len(set(waits[0])) > 1


async def test_the_documented_receiver_takes_ours_and_nobody_elses(
    tmp_path: Path, receiver: Receiver, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    imports = "import base64, hmac, os, time\nfrom pathlib import Path\nfrom aiohttp import web\n"
    exec(imports + code.partition("app = ")[0], names)
    receiver.handler = names["receive"]
    keep(tmp_path, receiver.address)
    stranger = WebhookDelivery(tmp_path, secret=lambda *_: "another secret of no use")
    stranger.start()
    await receiver.wait_for(1)
    await stranger.aclose()
    assert set(receiver.statuses) == {401}
    deliver()
    await nothing_left(tmp_path)
    assert receiver.statuses[-1] == 200
    (written,) = await asyncio.to_thread(lambda: list(tmp_path.glob("*.json")))
    assert json.loads(written.read_text())["agent"] == "reception"
