"""The text of /metrics: all workers together, the dead ones' counts kept and their gauges dropped."""

import os
import re
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from service.processes import is_running

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_LIVE_GAUGE = re.compile(r"gauge_live[a-z]+_(\d+)\.db")


def spare_pid_checks() -> None:
    """Tell prometheus_client that this process does not fork: else it asks for its pid at every single count,
    thirty times a request. To be called before the first instrument is made.
    """
    if os.environ.get(FOLDER_VARIABLE):
        pid = os.getpid()
        values.ValueClass = values.MultiProcessValue(lambda: pid)


def expose(own: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The metrics in the format that an Accept header asks for, and its content type.

    Reads the files of every worker where there are several processes, so it does not belong on the event loop.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    registry = own
    if folder:
        _forget_dead(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)
    try:
        encoder, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        encoder, content_type = choose_encoder("")
    return encoder(registry), content_type


def _forget_dead(folder: Path) -> None:
    """A worker that was killed could not take its gauges back; its counters stay, for they did happen."""
    for path in folder.glob("gauge_live*_*.db"):
        match = _LIVE_GAUGE.fullmatch(path.name)
        if match and not is_running(int(match[1])):
            mark_process_dead(int(match[1]), str(folder))
