import pytest

from services.memory.cleaning import StepSkipped
from services.memory.reload import ModelReload

GB = 2**30


def make(
    reload: list[bool],
    *,
    ready: int | None = 0,
    fragmentation: int = 0,
    interval: float = 300.0,
    headroom: int = GB,
) -> ModelReload:
    return ModelReload(
        reload.append,
        model_bytes=lambda: 1000,
        fragmentation_bytes=fragmentation,
        headroom_bytes=lambda: headroom,
        ready_bytes=lambda: ready,
        interval_seconds=interval,
    )


def test_a_reload_is_counted_and_not_repeated_too_soon() -> None:
    done: list[bool] = []
    reload = make(done)
    reload()
    with pytest.raises(StepSkipped, match="less than 300 s ago"):
        reload()
    assert done == [True]
    assert reload.count == 1
    assert reload.last is not None


def test_old_and_new_do_not_coexist_where_both_do_not_fit() -> None:
    done: list[bool] = []
    make(done, headroom=1000)()
    assert done == [False]


@pytest.mark.parametrize(("ready", "fragmentation"), [(None, 0), (0, 1000 * GB), (1000 * GB, 1)])
def test_models_stay_while_fragmentation_is_not_the_reason(
    ready: int | None, fragmentation: int
) -> None:
    done: list[bool] = []
    reload = make(done, ready=ready, fragmentation=fragmentation)
    with pytest.raises(StepSkipped):
        reload()
    assert (done, reload.count, reload.last) == ([], 0, None)


def test_a_reload_that_fails_is_not_tried_again_at_once() -> None:
    def fail(both_fit: bool) -> None:
        raise RuntimeError("no such model")

    reload = ModelReload(
        fail,
        model_bytes=lambda: 0,
        fragmentation_bytes=0,
        headroom_bytes=lambda: GB,
        ready_bytes=lambda: 0,
    )
    with pytest.raises(RuntimeError):
        reload()
    with pytest.raises(StepSkipped):
        reload()
    assert reload.count == 0
