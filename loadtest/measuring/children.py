"""Starts programs on cores of their own and ends them again, whatever happens in between."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running(
    command: Sequence[str], *, environment: Mapping[str, str], cores: Sequence[int] | None, log: Path, stop_s: float
) -> Iterator["subprocess.Popen[bytes]"]:
    """A program, from its start until the block ends; it is asked to end, and killed where it takes longer.

    Args:
        command: The program and its arguments.
        environment: All of its environment.
        cores: Where it may run; None where this process may.
        log: File for everything that it says.
        stop_s: Seconds that it may take to end.
    """
    child: subprocess.Popen[bytes] | None = None
    try:
        with log.open("wb") as output, _undisturbed(), _affinity(cores):
            child = subprocess.Popen(
                list(command),
                env=dict(environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt from the keyboard is for us
            )
        yield child
    finally:
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(stop_s)
            except subprocess.TimeoutExpired:
                pass
            finally:
                child.kill()
                child.wait()


@contextmanager
def _affinity(cores: Sequence[int] | None) -> Iterator[None]:
    """What is inherited holds from the first moment, in which a server counts its cores."""
    before = os.sched_getaffinity(0)
    if cores is not None:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A signal that comes while a program is being started waits until there is something to end."""
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: held.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for held_number in held:
            signal.raise_signal(held_number)
