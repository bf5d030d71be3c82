import contextlib
import threading
from dataclasses import replace

import pytest

from services.admission import Admission, AdmissionLimits, Conditions, Decision, Refusal
from services.memory.levels import Level

MB = 2**20
TARGET_LOAD = 0.7
"""LiveKit's own default: no room is offered once all workers report as much."""
OPEN_LOAD = 0.69
"""What a worker with room for one more stays below."""
BUSY_LOAD = 0.695
"""Of a worker that is offered rooms last, so that it knows who waits."""


class World:
    """Conditions and time, as a test sets them."""

    def __init__(self) -> None:
        self.conditions = Conditions()
        self.now = 0.0

    def set(self, **changes: object) -> None:
        self.conditions = replace(self.conditions, **changes)  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return World()


def make(world: World, *, max_rooms: int = 2, cores: float = 8.0) -> Admission:
    limits = AdmissionLimits(max_rooms=max_rooms, cores=cores, waiting_calls=10)
    return Admission(limits, lambda: world.conditions, clock=lambda: world.now)


def test_two_offers_at_once_cannot_both_take_the_last_place(world: World) -> None:
    admission = make(world, max_rooms=3)
    together = threading.Barrier(10)
    decisions: list[Decision] = []

    def offer(job: str) -> None:
        together.wait()
        decisions.append(admission.offer(job))

    threads = [threading.Thread(target=offer, args=(f"job {i}",)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(decision.accepted for decision in decisions) == 3
    assert admission.answers == {None: 3, Refusal.FULL: 7}


def test_a_place_is_free_again_when_the_room_ends(world: World) -> None:
    admission = make(world, max_rooms=1)
    assert admission.offer("a").accepted
    with contextlib.suppress(RuntimeError), admission.room("a"):
        assert admission.rooms == 1
        assert admission.offer("b") == Decision(False, Refusal.FULL, "1 of 1 rooms")
        raise RuntimeError
    assert admission.rooms == 0
    assert admission.offer("b").accepted


def test_a_room_counts_with_the_models_that_it_would_have_to_load(world: World) -> None:
    admission = make(world)
    world.set(headroom_bytes=100 * MB)
    assert admission.offer("small", load_bytes=60 * MB).accepted
    refused = Decision(False, Refusal.MEMORY, "its models need 90 MB")
    assert admission.offer("large", load_bytes=90 * MB) == refused
    assert admission.offer("loaded").accepted
    world.set(headroom_bytes=None)
    assert make(world).offer("unknown", load_bytes=90 * MB).accepted


def test_a_room_is_judged_by_the_recogniser_that_it_would_use(world: World) -> None:
    admission = make(world)
    refused = admission.offer("own is out of service", asr_unavailable=True)
    assert refused == Decision(False, Refusal.ASR_UNAVAILABLE)
    world.set(asr_unavailable=True)
    assert admission.offer("own works", asr_unavailable=False).accepted
    assert admission.offer("that of most").refusal is Refusal.ASR_UNAVAILABLE


def test_a_reservation_that_nobody_takes_up_expires(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    admission = make(world, max_rooms=1)
    admission.offer("a")
    world.now = 29.9
    assert not admission.offer("b").accepted
    world.now = 30.0
    assert admission.offer("b").accepted
    assert "an accepted room did not begin" in caplog.messages


def test_a_room_that_went_elsewhere_gives_its_place_back(world: World) -> None:
    admission = make(world, max_rooms=1)
    admission.offer("a")
    admission.release("a")
    assert admission.offer("b").accepted


def test_an_offer_that_is_repeated_takes_no_second_place(world: World) -> None:
    admission = make(world, max_rooms=1)
    assert admission.offer("a").accepted
    assert admission.offer("a").accepted
    assert not admission.offer("b").accepted


@pytest.mark.parametrize(
    ("change", "refusal", "load"),
    [
        ({"memory": Level.CRITICAL}, Refusal.MEMORY, 1.0),
        ({"loop_lag_seconds": 0.25}, Refusal.LOOP_LAG, BUSY_LOAD),
        ({"waiting_calls": 10}, Refusal.BACKLOG, BUSY_LOAD),
        ({"asr_unavailable": True}, Refusal.ASR_UNAVAILABLE, 1.0),
        ({"threads_exhausted": True}, Refusal.THREADS_EXHAUSTED, 1.0),
    ],
)
def test_bad_conditions_refuse_rooms_and_show_in_the_load(
    world: World, change: dict[str, object], refusal: Refusal, load: float
) -> None:
    admission = make(world)
    world.set(**change)
    assert admission.offer("a").refusal is refusal
    assert admission.refusal().refusal is refusal
    assert admission.load() == load
    world.conditions = Conditions()
    assert admission.offer("a").accepted


@pytest.mark.parametrize(
    ("change", "strain"),
    [
        ({}, 0.0),
        ({"memory": Level.WARNING}, 0.5),
        ({"memory": Level.HIGH}, 1.0),
        ({"loop_lag_seconds": 0.1}, 0.4),
        ({"waiting_calls": 3}, 0.3),
        ({"tts_unavailable": True}, 1.0),
    ],
)
def test_strain_sends_rooms_elsewhere_but_refuses_none(
    world: World, change: dict[str, object], strain: float
) -> None:
    admission = make(world, max_rooms=2)
    world.set(**change)
    assert admission.load() == pytest.approx(OPEN_LOAD * 0.9 * strain / 2)
    with admission.room("a"):
        assert admission.load() == pytest.approx(OPEN_LOAD * (1 + 0.9 * strain) / 2)
        assert admission.load() < TARGET_LOAD
        assert admission.offer("b").accepted


def test_the_load_is_the_share_of_the_rooms(world: World) -> None:
    admission = make(world, max_rooms=2)
    with admission.room("a"):
        assert admission.load() == OPEN_LOAD / 2
        with admission.room("b"):
            assert admission.load() == BUSY_LOAD
            assert OPEN_LOAD < BUSY_LOAD < TARGET_LOAD


def test_the_load_counts_reserved_places_until_they_expire(world: World) -> None:
    admission = make(world, max_rooms=2)
    admission.offer("a")
    assert admission.load() == OPEN_LOAD / 2
    admission.offer("b")
    assert admission.load() == BUSY_LOAD
    world.now = 30.0
    assert admission.load() == 0.0


def test_holds_refuse_until_all_are_called_off(world: World) -> None:
    admission = make(world)
    admission.hold("starting")
    admission.hold("memory")
    assert admission.offer("a") == Decision(False, Refusal.HELD, "starting, memory")
    assert admission.load() == 1.0
    admission.hold("memory", False)
    assert not admission.offer("a").accepted
    admission.hold("starting", False)
    assert admission.offer("a").accepted


def test_without_a_number_the_cores_decide(world: World) -> None:
    assert make(world, max_rooms=0, cores=1.0).capacity == 4
    assert make(world, max_rooms=0, cores=0.1).capacity == 1
    assert make(world, max_rooms=0, cores=64.0).capacity == 10


def test_without_a_number_memory_decides_where_it_is_scarcer(world: World) -> None:
    admission = make(world, max_rooms=0)
    world.set(headroom_bytes=65 * MB)
    assert admission.capacity == 2
    assert admission.offer("a").accepted
    with admission.room("b"):
        assert admission.capacity == 3
        world.set(headroom_bytes=0)
        assert admission.capacity == 1
        assert admission.offer("c").refusal is Refusal.FULL


def test_the_log_tells_when_admission_changes_only(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "services.admission")
    admission = make(world)
    for memory in (Level.HEALTHY, Level.CRITICAL, Level.CRITICAL, Level.HEALTHY):
        world.set(memory=memory)
        admission.offer("a")
    assert caplog.messages == ["no more rooms are taken", "rooms are taken again"]


def test_a_promised_place_is_for_that_room_alone(world: World) -> None:
    admission = make(world, max_rooms=1)
    assert admission.promise("kitchen")
    assert admission.offer("a", "hall").refusal is Refusal.FULL
    assert admission.offer("b", "kitchen").accepted
    assert not admission.promise("hall")


def test_a_promise_that_nobody_takes_up_is_over_soon(world: World) -> None:
    admission = make(world, max_rooms=1)
    assert admission.promise("kitchen")
    admission.withdraw("kitchen")
    assert admission.promise("hall")
    world.now = 5.0
    assert admission.offer("a", "attic").accepted


def test_an_empty_room_makes_way_where_there_is_no_other_place(world: World) -> None:
    admission = make(world, max_rooms=2)
    left: list[str] = []
    with admission.room("a"), admission.room("b"):
        admission.vacant("a", lambda: left.append("a"))
        admission.vacant("b", lambda: left.append("b"))
        admission.vacant("a", None)
        assert admission.offer("c").accepted
        assert left == ["b"]
        assert not admission.offer("d").accepted
        assert admission.rooms == 1
    assert admission.rooms == 0


def test_a_room_that_is_not_full_ends_no_empty_one(world: World) -> None:
    admission = make(world, max_rooms=2)
    with admission.room("a"):
        admission.vacant("a", lambda: pytest.fail("there was a place"))
        assert admission.offer("b").accepted


def test_a_room_that_makes_way_does_not_count_while_it_ends(world: World) -> None:
    admission = make(world, max_rooms=1)
    left: list[str] = []
    with admission.room("a"):
        admission.vacant("a", lambda: left.append("a"))
        assert admission.offer("b").accepted
        # It says once more that nobody is in it, as it leaves.
        admission.vacant("a", lambda: left.append("a again"))
        assert admission.rooms == 0
        assert not admission.offer("c").accepted
    assert left == ["a"]


def test_a_room_that_is_joined_at_the_last_moment_counts_again(world: World) -> None:
    admission = make(world, max_rooms=1)
    with admission.room("a"):
        admission.vacant("a", lambda: None)
        assert admission.offer("b").accepted
        admission.vacant("a", None)
        assert admission.rooms == 1
        admission.release("b")
        assert not admission.offer("c").accepted
