import pytest

from services.host.process_memory import measure_growth, resident_bytes
from tests.support.memory_use import fragment, mapped

pytestmark = pytest.mark.own_process

MB = 2**20


def test_what_a_block_maps_is_counted() -> None:
    with measure_growth() as growth:
        kept = mapped(20 * MB)
    assert 15 * MB <= growth.bytes <= 40 * MB
    kept.close()


def test_what_a_block_takes_from_the_free_heap_is_counted() -> None:
    top = fragment(40)
    before = resident_bytes()
    with measure_growth() as growth:
        kept = [b"x" * 100_000 for _ in range(200)]
    assert resident_bytes() - before <= 10 * MB
    assert growth.bytes >= 18 * MB
    assert kept
    assert top


def test_what_a_block_gives_back_is_not_counted() -> None:
    kept = mapped(20 * MB)
    with measure_growth() as growth:
        kept.close()
    assert growth.bytes <= 5 * MB


def test_what_a_block_frees_in_the_heap_is_not_counted() -> None:
    with measure_growth() as growth:
        top = fragment(40)
    assert growth.bytes <= 10 * MB
    assert top


def test_what_was_free_before_is_not_given_back_by_the_block() -> None:
    top = fragment(40)
    with measure_growth() as growth:
        kept = mapped(20 * MB)
    assert growth.bytes >= 15 * MB
    assert top
    kept.close()
