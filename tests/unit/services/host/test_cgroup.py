from pathlib import Path

import psutil

from services.host.cgroup import Cgroups, MemoryLimit, memory_limit

GB = 2**30
MB = 2**20


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def limit_in(root: Path, membership: str) -> MemoryLimit:
    """The limit on a machine with 64 GB."""
    (root / "membership").write_text(membership)
    return memory_limit(Cgroups(root, root / "membership"), machine_bytes=64 * GB)


def test_version_2_counts_what_the_kernel_cannot_drop(tmp_path: Path) -> None:
    write(tmp_path, cgroup__controllers="memory", memory__max=512 * MB, memory__high="max")
    write(
        tmp_path,
        memory__current=300 * MB,
        memory__stat=f"anon 1\ninactive_file {100 * MB}\nactive_file 5",
    )
    limit = limit_in(tmp_path, "0::/\n")
    assert (limit.bytes, limit.source, limit.used_bytes) == (512 * MB, "cgroup v2", 200 * MB)


def test_version_2_takes_the_lowest_of_the_parents_too(tmp_path: Path) -> None:
    write(tmp_path, cgroup__controllers="memory")
    write(tmp_path / "pod", memory__max=400 * MB, memory__current=390 * MB)
    write(tmp_path / "pod/worker", memory__max="max", memory__current=10 * MB)
    limit = limit_in(tmp_path, "0::/pod/worker\n")
    assert (limit.bytes, limit.used_bytes) == (400 * MB, 390 * MB)


def test_version_2_counts_the_throttling_threshold_as_a_limit(tmp_path: Path) -> None:
    write(tmp_path, cgroup__controllers="memory", memory__max=2 * GB, memory__high=1 * GB)
    assert limit_in(tmp_path, "0::/\n").bytes == GB


def test_version_1_is_read(tmp_path: Path) -> None:
    write(
        tmp_path / "memory/job",
        memory__limit_in_bytes=GB,
        memory__usage_in_bytes=500 * MB,
        memory__stat=f"inactive_file 7\ntotal_inactive_file {50 * MB}",
    )
    write(tmp_path / "memory", memory__limit_in_bytes=9223372036854771712)
    limit = limit_in(tmp_path, "5:devices:/x\n4:memory:/job\n0::/\n")
    assert (limit.bytes, limit.source, limit.used_bytes) == (GB, "cgroup v1", 450 * MB)


def test_a_container_that_sees_its_own_cgroup_at_the_root_is_understood(tmp_path: Path) -> None:
    write(tmp_path / "memory", memory__limit_in_bytes=GB, memory__usage_in_bytes=1)
    assert limit_in(tmp_path, "4:memory:/docker/0123abcd\n").bytes == GB


def test_a_membership_that_leads_outside_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "memory", memory__limit_in_bytes=GB, memory__usage_in_bytes=1)
    write(tmp_path / "elsewhere", memory__limit_in_bytes=MB)
    assert limit_in(tmp_path, "4:memory:/../elsewhere\n").bytes == GB


def test_a_lower_limit_of_version_1_counts_beside_an_unlimited_version_2(tmp_path: Path) -> None:
    write(tmp_path, memory__max=128 * GB)
    write(tmp_path / "memory", memory__limit_in_bytes=GB, memory__usage_in_bytes=1)
    assert limit_in(tmp_path, "4:memory:/\n0::/\n").source == "cgroup v1"


def test_no_limit_means_the_machine(tmp_path: Path) -> None:
    write(tmp_path / "memory", memory__limit_in_bytes=9223372036854771712)
    limit = limit_in(tmp_path, "4:memory:/\n")
    assert (limit.bytes, limit.source, limit.used_bytes) == (64 * GB, "machine", None)


def test_garbage_in_the_files_means_the_machine(tmp_path: Path) -> None:
    write(tmp_path, cgroup__controllers="memory", memory__max="plenty")
    assert limit_in(tmp_path, "what is this").source == "machine"


def test_this_process_has_a_limit_no_higher_than_the_machine() -> None:
    assert 0 < memory_limit().bytes <= psutil.virtual_memory().total
