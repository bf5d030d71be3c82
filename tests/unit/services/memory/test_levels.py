from dataclasses import replace

import pytest

from services.memory.config import MB, MemoryConfig
from services.memory.levels import Level, LevelTracker, Thresholds

THRESHOLDS = Thresholds(100, 200, 300)


def test_a_level_holds_from_its_threshold_on() -> None:
    tracker = LevelTracker()
    assert [tracker.update(used, THRESHOLDS) for used in (99, 100, 200, 300)] == [
        Level.HEALTHY,
        Level.WARNING,
        Level.HIGH,
        Level.CRITICAL,
    ]


def test_a_figure_that_swings_around_a_threshold_does_not_change_the_level() -> None:
    tracker = LevelTracker(hysteresis=0.1)
    tracker.update(200, THRESHOLDS)
    assert {tracker.update(used, THRESHOLDS) for used in (199, 201, 181, 200)} == {Level.HIGH}
    assert tracker.update(179, THRESHOLDS) is Level.WARNING


def test_a_figure_that_falls_far_falls_through_all_levels() -> None:
    tracker = LevelTracker(hysteresis=0.1)
    tracker.update(1000, THRESHOLDS)
    assert tracker.update(0, THRESHOLDS) is Level.HEALTHY


@pytest.mark.parametrize("wrong", [(200, 100, 300), (100, 300, 300), (0, 1, 2)])
def test_thresholds_that_do_not_rise_are_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        Thresholds(*wrong)


def test_the_share_of_a_small_limit_lowers_every_level() -> None:
    lowered = MemoryConfig().in_force(512 * MB)
    assert (lowered.warning, lowered.high, lowered.critical) == (
        256 * MB,
        384 * MB,
        round(460.8 * MB),
    )


def test_a_large_limit_leaves_the_figures() -> None:
    config = MemoryConfig()
    assert config.in_force(64 * 1024 * MB) == config.figures()
    assert config.leak_bytes(64 * 1024 * MB) == 200 * MB


def test_what_counts_as_a_leak_shrinks_with_the_limit() -> None:
    assert MemoryConfig().leak_bytes(512 * MB) == round(200 * MB * 384 / 3000)


def test_gpu_levels_lie_below_the_critical_figure_or_the_share_of_the_device() -> None:
    config = MemoryConfig()
    assert config.gpu(80_000 * MB).critical == 72_000 * MB
    assert replace(config, gpu_critical_mb=2048).gpu(80_000 * MB).critical == 2048 * MB
    assert config.gpu(1000 * MB).critical == 900 * MB
    assert config.gpu(1000 * MB).warning == 500 * MB


@pytest.mark.parametrize(
    "wrong",
    [
        {"warning_mb": 5000.0},
        {"high_percent": 95.0},
        {"check_seconds": 0.0},
        {"hysteresis": 1.0},
    ],
)
def test_a_configuration_out_of_order_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        MemoryConfig(**wrong)
