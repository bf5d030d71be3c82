from collections.abc import Iterator

import pytest

from services.memory.tracing import MemoryTrace, log_trace


class Leaked:
    """Something that is easy to find."""

    def __init__(self) -> None:
        self.data = "x" * 1000 + str(id(self))


@pytest.fixture
def trace() -> Iterator[MemoryTrace]:
    trace = MemoryTrace(top=5)
    yield trace
    trace.close()


def test_what_grows_is_named_with_its_place(trace: MemoryTrace) -> None:
    leaked = [Leaked() for _ in range(2000)]
    report = trace.report()
    types = {growth.type_name: growth.more for growth in report.types}
    assert types[f"{__name__}.Leaked"] == len(leaked)
    assert any("test_memory_tracing.py" in growth.place for growth in report.places)
    again = trace.report()
    assert f"{__name__}.Leaked" not in {growth.type_name for growth in again.types}


def test_what_a_room_leaves_is_logged(trace: MemoryTrace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "services.memory")
    leaked = []
    with trace.room("kitchen"):
        leaked += [Leaked() for _ in range(2000)]
    log_trace(trace.report())
    of_room, overall = caplog.records
    assert vars(of_room)["of_room"] == "kitchen"
    assert any("Leaked +2000" in line for line in vars(of_room)["types"])
    assert vars(overall)["of_room"] == ""
