import asyncio
import threading
from collections.abc import Callable

import pytest

from services.host.event_loops import LoopProbe, LoopWatch

TICK = 0.001


class Clock:
    """Stands still until it is moved, so that a timer is as late as a test makes it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watch_by(clock: Clock, *, window_seconds: float = 1.0) -> LoopWatch:
    return LoopWatch(tick_seconds=TICK, window_seconds=window_seconds, clock=clock)


async def be_late(clock: Clock, probe: LoopProbe, seconds: float) -> None:
    """Have the probe's next timer run late by `seconds`."""
    clock.seconds += TICK + seconds
    while probe.overdue_seconds():
        await asyncio.sleep(TICK)


def in_a_loop(work: Callable[[], object]) -> None:
    """Run `work` in an event loop of another thread, which has ended when this returns."""

    async def run() -> None:
        work()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()


async def test_a_blocked_loop_shows_in_the_lag(clock: Clock) -> None:
    watch = watch_by(clock)
    probe = watch.watch("room")
    await be_late(clock, probe, 0.15)
    lag = watch.lag()
    assert lag.longest_seconds == pytest.approx(0.15)
    assert lag.loop == "room"
    probe.close()
    assert watch.lag().longest_seconds == 0.0


async def test_a_single_late_timer_is_no_99th_percentile(clock: Clock) -> None:
    watch = watch_by(clock)
    probe = watch.watch("room")
    await be_late(clock, probe, 0.5)
    assert watch.lag().longest_seconds == pytest.approx(0.5)
    assert watch.lag().p99_seconds == 0.0
    probe.close()


async def test_a_loop_that_stands_still_right_now_is_named(clock: Clock) -> None:
    watch = watch_by(clock)
    probe = watch.watch("room")
    assert watch.stuck() == {}
    clock.seconds += TICK + 1.5
    assert watch.stuck() == {"room": pytest.approx(1.5)}
    assert watch.lag().longest_seconds == pytest.approx(1.5)
    while watch.stuck():
        await asyncio.sleep(TICK)
    probe.close()


async def test_the_last_part_of_the_window_can_be_asked_for(clock: Clock) -> None:
    watch = watch_by(clock)
    probe = watch.watch("room")
    for _ in range(4):
        await be_late(clock, probe, 0.2)
    assert watch.lag().p90_seconds == pytest.approx(0.2)
    while watch.lag(last_seconds=2 * TICK).longest_seconds:
        await asyncio.sleep(TICK)
    assert watch.lag(last_seconds=2 * TICK).samples == 2
    assert watch.lag().longest_seconds == pytest.approx(0.2)
    probe.close()


async def test_the_window_forgets(clock: Clock) -> None:
    watch = watch_by(clock, window_seconds=3 * TICK)
    probe = watch.watch("room")
    await be_late(clock, probe, 0.3)
    while watch.lag().longest_seconds:
        await asyncio.sleep(TICK)
    assert watch.lag().samples == 3
    probe.close()


def test_a_loop_that_ended_is_not_stuck(clock: Clock) -> None:
    watch = watch_by(clock)
    in_a_loop(lambda: watch.watch("gone"))
    clock.seconds += 10.0
    assert watch.stuck() == {}
    assert watch.lag().loop == ""


async def test_closing_a_probe_ends_its_timer(clock: Clock) -> None:
    watch = watch_by(clock)
    probe = watch.watch("room")
    probe.close()
    probe.close()
    await asyncio.sleep(10 * TICK)
    assert probe.lateness() == []


def test_a_probe_outlives_its_loop_without_harm() -> None:
    watch = LoopWatch()
    probes = []
    in_a_loop(lambda: probes.append(watch.watch("gone")))
    probes[0].close()
    assert probes[0].ended
