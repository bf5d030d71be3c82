from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.host.cgroup import Cgroups
from services.host.cores import ThreadPlan, available_cores, plan_threads


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


@pytest.fixture
def membership(tmp_path: Path) -> Path:
    """The file that tells which groups this process is in."""
    file = tmp_path / "membership"
    file.write_text("0::/\n")
    return file


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """The mounted hierarchy."""
    folder = tmp_path / "cgroup"
    folder.mkdir()
    return folder


def limit(folder: Path, text: str) -> None:
    """As newer cgroups do."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(text)


def limit_v1(folder: Path, quota: str, period: str) -> None:
    """As older cgroups do."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.cfs_quota_us").write_text(quota)
    (folder / "cpu.cfs_period_us").write_text(period)


def test_without_a_quota_affinity_decides(groups: Path, membership: Path) -> None:
    assert available_cores(Cgroups(groups, membership)) == 8.0


def test_without_cgroups_affinity_decides(tmp_path: Path) -> None:
    assert available_cores(Cgroups(tmp_path / "absent", tmp_path / "absent")) == 8.0


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("150000 100000\n", 1.5),
        ("max 100000\n", 8.0),
        ("6400000 100000\n", 8.0),
        ("1000 100000\n", 0.1),
    ],
)
def test_the_quota_of_a_newer_cgroup_lowers_it(
    groups: Path, membership: Path, quota: str, cores: float
) -> None:
    limit(groups, quota)
    assert available_cores(Cgroups(groups, membership)) == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [("250000", "100000", 2.5), ("-1", "100000", 8.0), ("250000", "0", 8.0)],
)
def test_the_quota_of_an_older_cgroup_lowers_it(
    groups: Path, membership: Path, quota: str, period: str, cores: float
) -> None:
    limit_v1(groups / "cpu", quota, period)
    assert available_cores(Cgroups(groups, membership)) == cores


@pytest.mark.parametrize("text", ["", "half a core", "1 2 3", "100000 0", "-1 100000"])
def test_a_quota_without_sense_is_ignored(groups: Path, membership: Path, text: str) -> None:
    limit(groups, text)
    assert available_cores(Cgroups(groups, membership)) == 8.0


def test_the_tightest_of_a_service_and_the_slices_above_it_counts(
    groups: Path, membership: Path
) -> None:
    membership.write_text("0::/system.slice/agent.service\n")
    limit(groups / "system.slice", "300000 100000\n")
    assert available_cores(Cgroups(groups, membership)) == 3.0
    limit(groups / "system.slice" / "agent.service", "200000 100000\n")
    assert available_cores(Cgroups(groups, membership)) == 2.0
    limit(groups / "system.slice" / "other.service", "100000 100000\n")
    assert available_cores(Cgroups(groups, membership)) == 2.0


def test_a_service_in_an_older_cgroup_counts_too(groups: Path, membership: Path) -> None:
    membership.write_text("7:memory:/wrong\n4:cpu,cpuacct:/agent\nnonsense\n")
    limit_v1(groups / "cpu" / "wrong", "100000", "100000")
    limit_v1(groups / "cpu" / "agent", "200000", "100000")
    assert available_cores(Cgroups(groups, membership)) == 2.0


def test_where_affinity_is_unknown_all_cores_count(
    groups: Path, membership: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores(Cgroups(groups, membership)) == 6.0


@pytest.mark.parametrize(
    ("cores", "slots", "threads"),
    [(0.1, 1, 1), (1.9, 1, 1), (2.0, 2, 1), (4.0, 4, 1), (8.5, 8, 1), (64.0, 64, 1)],
)
def test_calls_and_their_threads_share_the_cores(cores: float, slots: int, threads: int) -> None:
    plan = plan_threads(cores)
    assert plan == ThreadPlan(slots=slots, threads_per_call=threads)
    assert plan.slots * plan.threads_per_call <= max(1.0, cores)


def test_what_the_owner_chose_stands() -> None:
    assert plan_threads(2.0, slots=3) == ThreadPlan(slots=3, threads_per_call=1)
    assert plan_threads(8.0, threads_per_call=4) == ThreadPlan(slots=2, threads_per_call=4)
    assert plan_threads(2.0, threads_per_call=4) == ThreadPlan(slots=1, threads_per_call=4)
