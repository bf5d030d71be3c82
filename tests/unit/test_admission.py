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
    ("change", "refusal"),
    [
        ({"memory": Level.CRITICAL}, Refusal.MEMORY),
        ({"loop_lag_seconds": 0.25}, Refusal.LOOP_LAG),
        ({"waiting_calls": 10}, Refusal.BACKLOG),
        ({"deaf": True}, Refusal.DEAF),
        ({"worn_out": True}, Refusal.WORN_OUT),
    ],
)
def test_bad_conditions_refuse_rooms_and_show_in_the_load(
    world: World, change: dict[str, object], refusal: Refusal
) -> None:
    admission = make(world)
    world.set(**change)
    assert admission.offer("a").refusal is refusal
    assert admission.refusal().refusal is refusal
    assert admission.load() == 1.0
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
        ({"mute": True}, 1.0),
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
            assert admission.load() == 1.0


def test_the_load_counts_reserved_places_until_they_expire(world: World) -> None:
    admission = make(world, max_rooms=2)
    admission.offer("a")
    assert admission.load() == OPEN_LOAD / 2
    admission.offer("b")
    assert admission.load() == 1.0
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
