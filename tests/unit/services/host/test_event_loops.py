import asyncio
import threading
import time
from collections.abc import Callable

from services.host.event_loops import LoopWatch, Pauses


def in_a_loop(work: Callable[[], object]) -> None:
    """Run `work` in an event loop of another thread, which has ended when this returns."""

    async def run() -> None:
        work()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()


def block(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_blocked_loop_shows_in_the_lag() -> None:
    watch = LoopWatch(tick_seconds=0.01, window_seconds=1.0)
    probe = watch.watch("room")
    await asyncio.sleep(0.03)
    block(0.15)
    await asyncio.sleep(0.03)
    lag = watch.lag()
    assert lag.longest_seconds >= 0.13
    assert lag.loop == "room"
    probe.close()
    assert watch.lag().longest_seconds == 0.0


async def test_a_single_late_timer_is_no_99th_percentile() -> None:
    watch = LoopWatch(tick_seconds=0.01, window_seconds=1.0)
    probe = watch.watch("room")
    block(0.5)
    await asyncio.sleep(0.03)
    assert watch.lag().longest_seconds >= 0.45
    assert watch.lag().p99_seconds < 0.45
    probe.close()


async def test_a_loop_that_stands_still_right_now_is_named() -> None:
    watch = LoopWatch(tick_seconds=0.01)
    probe = watch.watch("room")
    assert watch.stuck(longer_than_seconds=0.1) == {}
    block(0.15)
    assert watch.stuck(longer_than_seconds=0.1)["room"] >= 0.1
    assert watch.lag().longest_seconds >= 0.1
    await asyncio.sleep(0.02)
    assert watch.stuck(longer_than_seconds=0.1) == {}
    probe.close()


async def test_the_last_part_of_the_window_can_be_asked_for() -> None:
    watch = LoopWatch(tick_seconds=0.01, window_seconds=10.0)
    probe = watch.watch("room")
    for _ in range(4):
        block(0.2)
        await asyncio.sleep(0.011)
    assert watch.lag().p90_seconds >= 0.15
    assert watch.lag().samples >= 4
    while watch.lag(last_seconds=0.02).p90_seconds >= 0.15:
        await asyncio.sleep(0.01)
    assert watch.lag(last_seconds=0.02).samples == 2
    assert watch.lag().longest_seconds >= 0.15
    probe.close()


async def test_the_window_forgets() -> None:
    watch = LoopWatch(tick_seconds=0.01, window_seconds=0.03)
    probe = watch.watch("room")
    block(0.3)
    await asyncio.sleep(0.01)
    assert watch.lag().longest_seconds >= 0.25
    while watch.lag().longest_seconds >= 0.25:
        await asyncio.sleep(0.01)
    probe.close()


def test_a_loop_that_ended_is_not_stuck() -> None:
    watch = LoopWatch(tick_seconds=0.001)
    in_a_loop(lambda: watch.watch("gone"))
    time.sleep(0.01)
    assert watch.stuck(longer_than_seconds=0.0) == {}
    assert watch.lag().loop == ""
    with watch.pauses() as pauses:
        pass
    assert pauses.longest_seconds == 0.0


async def test_closing_a_probe_ends_its_timer() -> None:
    watch = LoopWatch(tick_seconds=0.001)
    probe = watch.watch("room")
    probe.close()
    probe.close()
    await asyncio.sleep(0.01)
    assert probe.lateness() == []


def test_a_probe_outlives_its_loop_without_harm() -> None:
    watch = LoopWatch()
    probes = []
    in_a_loop(lambda: probes.append(watch.watch("gone")))
    probes[0].close()
    assert probes[0].ended


async def test_pauses_are_measured_in_every_loop() -> None:
    watch = LoopWatch()
    loop = asyncio.get_running_loop()
    probe = watch.watch("room")
    found: list[Pauses] = []

    def look() -> None:
        done = threading.Event()

        def stand_still() -> None:
            time.sleep(0.1)
            done.set()

        with watch.pauses() as pauses:
            loop.call_soon_threadsafe(stand_still)
            assert done.wait(5)
        found.append(pauses)

    await asyncio.to_thread(look)
    assert found[0].longest_seconds >= 0.09
    assert found[0].loop == "room"
    probe.close()
