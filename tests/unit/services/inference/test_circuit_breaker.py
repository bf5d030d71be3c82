import threading

import pytest

from services.inference import (
    CallRecord,
    InferenceScheduler,
    InferenceTimeout,
    Outcome,
    Priority,
    Run,
)
from services.inference.circuit_breaker import CircuitBreaker, Circuits, CircuitState


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("tts", failures=3, open_seconds=30.0, clock=clock)


def opened(breaker: CircuitBreaker) -> CircuitBreaker:
    for _ in range(3):
        breaker.failure()
    return breaker


def test_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    breaker.failure()
    breaker.failure()
    breaker.success()
    breaker.failure()
    breaker.failure()
    assert breaker.allow()
    breaker.failure()
    assert breaker.state is CircuitState.OPEN
    assert not breaker.allow()
    assert not breaker.usable


def test_an_utterance_that_cannot_be_decoded_is_one_failure(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        breaker.failure("kitchen-1")
    assert breaker.allow()
    breaker.failure("kitchen-2")
    breaker.failure("hall-1")
    assert breaker.state is CircuitState.OPEN


def test_after_a_while_one_call_may_try(breaker: CircuitBreaker, clock: Clock) -> None:
    opened(breaker)
    clock.now = 29.9
    assert not breaker.allow()
    clock.now = 30.0
    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.usable
    assert [breaker.allow() for _ in range(3)] == [True, False, False]


def test_a_trial_that_succeeds_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    opened(breaker)
    clock.now = 30.0
    breaker.allow()
    breaker.success()
    assert breaker.state is CircuitState.CLOSED
    breaker.failure()
    assert breaker.allow()


def test_a_trial_that_fails_opens_it_again(breaker: CircuitBreaker, clock: Clock) -> None:
    opened(breaker)
    clock.now = 30.0
    breaker.allow()
    breaker.failure()
    clock.now = 59.9
    assert breaker.state is CircuitState.OPEN
    clock.now = 60.0
    assert breaker.allow()


def test_a_trial_that_was_cancelled_is_given_to_the_next(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now = 30.0
    breaker.allow()
    breaker.neutral()
    assert breaker.allow()


def test_a_trial_that_never_ends_is_given_up(breaker: CircuitBreaker, clock: Clock) -> None:
    opened(breaker)
    clock.now = 30.0
    assert breaker.allow()
    clock.now = 59.9
    assert not breaker.allow()
    clock.now = 60.0
    assert breaker.allow()


def test_late_failures_do_not_keep_it_open(breaker: CircuitBreaker, clock: Clock) -> None:
    opened(breaker)
    clock.now = 29.0
    breaker.failure()
    clock.now = 30.0
    assert breaker.allow()


def test_a_failure_of_who_did_not_ask_opens_it_again_too(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now = 30.0
    assert breaker.usable
    breaker.failure()
    assert not breaker.usable
    clock.now = 60.0
    assert breaker.usable


def test_one_trial_for_many_threads(breaker: CircuitBreaker, clock: Clock) -> None:
    opened(breaker)
    clock.now = 30.0
    together = threading.Barrier(8)
    allowed = []

    def ask() -> None:
        together.wait()
        allowed.append(breaker.allow())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False] * 7 + [True]


def test_each_change_is_told_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "services.inference.circuit_breaker")
    changes: list[tuple[str, CircuitState]] = []
    breaker = CircuitBreaker(
        "asr", failures=1, clock=clock, on_change=lambda *change: changes.append(change)
    )
    breaker.failure()
    breaker.failure()
    clock.now = 30.0
    breaker.allow()
    breaker.success()
    breaker.success()
    states = [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED]
    assert changes == [("asr", state) for state in states]
    assert [vars(r)["state"] for r in caplog.records] == [state.value for state in states]


def test_an_observer_that_fails_harms_nobody(clock: Clock) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    breaker = CircuitBreaker("asr", failures=1, clock=clock, on_change=fail)
    breaker.failure()
    assert breaker.state is CircuitState.OPEN


def test_a_breaker_needs_at_least_one_failure() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        CircuitBreaker("asr", failures=0)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("failed", CircuitState.OPEN),
        ("timeout", CircuitState.OPEN),
        ("wedged", CircuitState.OPEN),
        ("cancelled", CircuitState.CLOSED),
        ("superseded", CircuitState.CLOSED),
        ("expired", CircuitState.CLOSED),
        ("done", CircuitState.CLOSED),
    ],
)
def test_only_the_engine_s_own_failures_count(outcome: Outcome, state: CircuitState) -> None:
    circuits = Circuits(failures=1)
    circuits.observe(CallRecord("tts", Priority.FINAL, outcome, 0.0, 1.0))
    assert circuits.states() == {"tts": state}


async def test_a_call_that_was_refused_does_not_give_the_trial_away() -> None:
    clock = Clock()
    circuits = Circuits(failures=1, open_seconds=30.0, clock=clock)
    circuits.observe(CallRecord("asr", Priority.FINAL, "failed", 0.0, 1.0))
    clock.now = 30.0
    assert circuits.allow("asr")
    circuits.observe(CallRecord("asr", Priority.FINAL, "unavailable", 0.0, 0.0))
    assert not circuits.allow("asr")


async def test_the_scheduler_feeds_it() -> None:
    circuits = Circuits(failures=2, open_seconds=0.0)
    scheduler = InferenceScheduler(slots=1, observer=circuits.observe)

    def fail(run: Run) -> None:
        raise ValueError("broken")

    def hang(run: Run) -> None:
        stopped = threading.Event()
        run.on_cancel(stopped.set)
        stopped.wait()
        run.check()

    async def call(engine: str, job: object, seconds: float) -> None:
        await scheduler.run(
            job,  # type: ignore[arg-type]
            engine=engine,
            owner="a",
            priority=Priority.FINAL,
            deadline_seconds=seconds,
        )

    try:
        with pytest.raises(ValueError, match="broken"):
            await call("tts", fail, 5.0)
        with pytest.raises(InferenceTimeout):
            await call("tts", hang, 0.01)
        await call("asr", lambda _: None, 5.0)
        assert circuits.states()["tts"] is not CircuitState.CLOSED
        assert circuits.of("asr").state is CircuitState.CLOSED
        assert circuits.of("tts").allow()
        await call("tts", lambda _: None, 5.0)
        assert circuits.of("tts").state is CircuitState.CLOSED
    finally:
        scheduler.close()
