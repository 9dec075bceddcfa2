"""Which processes still run: one that has died, but whose parent has not looked yet, does not."""

import os
from pathlib import Path

_ENDED = frozenset("ZX")


def is_running(pid: int, proc: Path = Path("/proc")) -> bool:
    """Whether a process of this id exists and has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but there
    try:
        # pid (name) state ...; the name may hold anything, brackets and blanks included.
        state = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return not proc.is_dir()  # it ended just now; or this system shows no processes
    return state not in _ENDED
