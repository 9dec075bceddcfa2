"""How many cores this process may really use: onnxruntime counts the host's, not the container's."""

import os
from pathlib import Path


def available_cpus(cgroup_root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Cores of the affinity mask or of the tightest CPU quota above this process; whole cores, at least 1."""
    cpus = float(len(os.sched_getaffinity(0)))
    quotas = [quota for folder in _own_groups(cgroup_root, membership) if (quota := _quota(folder)) is not None]
    return max(1, int(min([cpus, *quotas])))


def _own_groups(root: Path, membership: Path) -> list[Path]:
    """Folders that may hold a quota: the process's group and those above it (version 2), and version 1's."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    own = next((line[3:] for line in lines if line.startswith("0::")), "/")
    group = root / own.lstrip("/")
    return [root / "cpu", group, *(parent for parent in group.parents if parent.is_relative_to(root))]


def _quota(folder: Path) -> float | None:
    """Cores that a control group grants; None without a limit."""
    try:
        if (folder / "cpu.max").exists():
            limit, period = (folder / "cpu.max").read_text().split()
        else:
            limit = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return None if limit in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError):
        return None
