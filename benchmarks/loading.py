"""`python -m benchmarks.loading [NAME ...]`: how long models take to load, and what memory they take.

Every network has random weights and the input of its paper. First each model is loaded as the service loads it, in a
process of its own: the file read and checked, the session opened, two runs to warm up. Then a real service starts
over a repository of all of them, and one over the smallest alone. All files are in the page cache.
"""

import io
import os
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import psutil
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.png import photo
from benchmarks.servers import Server, free_port, running
from service.inference.model import load_model

_START_WITHIN_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """One model in a process of its own."""

    file_mib: float
    """Graph and weights on disk."""
    load_s: float
    memory_mib: float
    """What the process's own memory (USS) grew by, warm-up included."""
    peak_mib: float
    """What its resident memory had grown by at most while loading."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A service that has started."""

    models: int
    start_s: float
    """From the command to the first answer that says ready."""
    start_cpu_s: float
    memory_mib: float
    """Of all its processes (PSS), when ready."""
    memory_after_mib: float
    """The same after every model has answered once."""
    resident_mib: float
    """Of all its processes (RSS), at the end."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the files, measure, and print both tables."""
    # They bring torch, which the processes that load a model, and import this module, are spared.
    from benchmarks.networks import network_parser
    from benchmarks.random_artifacts import write_random_artifact

    options = network_parser("python -m benchmarks.loading", __doc__).parse_args(arguments)
    loaded: dict[str, Loaded] = {}
    with Progress(console=Console(stderr=True)) as progress, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        bar = progress.add_task("", total=len(options.names) + 2)
        for name in options.names:
            progress.update(bar, description=name)
            loaded[name] = load_alone(write_random_artifact(name, folder / "all"))
            progress.advance(bar)
        smallest = min(loaded, key=lambda name: loaded[name].file_mib)
        (folder / "one").mkdir()
        (folder / "one" / smallest).symlink_to(folder / "all" / smallest)
        services: list[Served] = []
        for repository, names in (("one", [smallest]), ("all", list(loaded))):
            progress.update(bar, description=f"a service with {len(names)}")
            services.append(serve(folder / repository, names, log=folder / f"{repository}.log"))
            progress.advance(bar)
    console = Console(width=120)
    for table in _tables(loaded, services, box.MARKDOWN if options.markdown else box.HEAVY_HEAD):
        console.print(table)
        console.print()


def load_alone(version: Path) -> Loaded:
    """Load the model in a version folder in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_load_here, version).result()


def serve(repository: Path, names: Sequence[str], *, log: Path) -> Served:
    """Start a service, ask every model once, and stop it.

    Raises:
        RuntimeError: it did not start; the message has the end of its log.
        urllib.error.HTTPError: a model does not answer.
    """
    port = free_port()
    settings = {
        "CONVOY_PORT": str(port),
        "CONVOY_REPOSITORY": str(repository),
        "CONVOY_REQUIRED_MODELS": ",".join(names),
        "CONVOY_ACCESS_LOG": "false",
        "CONVOY_DEADLINE_S": "60",
    }
    with running(
        "Convoy",
        [sys.executable, "-m", "service"],
        port=port,
        ready_path="/readyz",
        environment=settings,
        cpus=sorted(os.sched_getaffinity(0)),
        log=log,
        start_within_s=_START_WITHIN_S,
    ) as server:
        start_cpu_s, memory_mib = server.cpu_s(), server.memory_mib()
        for name in names:
            _ask(server, name)
        return Served(
            models=len(names),
            start_s=server.start_s,
            start_cpu_s=start_cpu_s,
            memory_mib=memory_mib,
            memory_after_mib=server.memory_mib(),
            resident_mib=server.resident_mib(),
        )


def _load_here(version: Path) -> Loaded:
    process = psutil.Process()
    own_bytes, resident_bytes = process.memory_full_info().uss, process.memory_info().rss
    model = load_model(version, name=version.parent.name, version=int(version.name), provider="cpu")
    return Loaded(
        file_mib=sum(file.stat().st_size for file in version.iterdir()) / 2**20,
        load_s=model.load_duration_s,
        memory_mib=(process.memory_full_info().uss - own_bytes) / 2**20,
        peak_mib=(_peak_bytes() - resident_bytes) / 2**20,
    )


def _peak_bytes() -> int:
    """Most resident memory that this process ever had; `getrusage` would count in the one that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def _ask(server: Server, name: str) -> None:
    picture = io.BytesIO()
    photo().save(picture, "PNG")
    url = f"http://127.0.0.1:{server.port}/v1/models/{name}/classify"
    request = urllib.request.Request(url, picture.getvalue(), {"Content-Type": "image/png"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def _tables(loaded: dict[str, Loaded], services: Sequence[Served], lines: box.Box) -> tuple[Table, Table]:
    models = Table(box=lines)
    for column in ("network", "file MiB", "load s", "memory MiB", "peak MiB"):
        models.add_column(column, justify="left" if column == "network" else "right")
    for name, one in loaded.items():
        models.add_row(name, f"{one.file_mib:.1f}", f"{one.load_s:.2f}", f"{one.memory_mib:.0f}", f"{one.peak_mib:.0f}")
    table = Table(box=lines)
    for column in ("models in one service", "ready after s", "CPU s", "PSS MiB", "after a request each", "RSS MiB"):
        table.add_column(column, justify="right")
    for served in services:
        table.add_row(
            str(served.models),
            f"{served.start_s:.1f}",
            f"{served.start_cpu_s:.1f}",
            f"{served.memory_mib:.0f}",
            f"{served.memory_after_mib:.0f}",
            f"{served.resident_mib:.0f}",
        )
    return models, table


if __name__ == "__main__":
    main()
