"""`python -m benchmarks`: Convoy beside FastAPI by hand and the bare floor, in alternated rounds of one run."""

import argparse
import io
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.client import drive, http_post
from benchmarks.floor import floor_cpu_ms
from benchmarks.servers import Server, free_port, running

_PICTURES = 64
_WARM_UP_S = 2.0


@dataclass
class Row:
    """What one side did over all rounds."""

    server: Server
    requests: list[bytes]
    cpu_ms: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    failures: int = 0


def digits() -> list[bytes]:
    """PNG files of 28x28 gray strokes, made from a seed; what is in them does not change the work."""
    random = np.random.default_rng(0)
    files = []
    for _ in range(_PICTURES):
        pixels = np.zeros((28, 28), np.uint8)
        place = random.integers(6, 22, 2)
        for _ in range(60):
            y, x = place
            pixels[y - 1 : y + 1, x - 1 : x + 1] = random.integers(160, 256)
            place = np.clip(place + random.integers(-1, 2, 2), 4, 23)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        files.append(buffer.getvalue())
    return files


def form(files: list[bytes], path: str) -> list[bytes]:
    """Requests that send each file as a multipart form."""
    disposition = b'Content-Disposition: form-data; name="image"; filename="a.png"'
    head = b"\r\n".join([b"--frontier", disposition, b"Content-Type: image/png", b"", b""])
    return [
        http_post(path, head + data + b"\r\n--frontier--\r\n", "multipart/form-data; boundary=frontier")
        for data in files
    ]


def _at_least_one(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("it has to be at least 1")
    return int(text)


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=_at_least_one, default=5, help="alternated rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a round per side (default 4)")
    parser.add_argument("--concurrency", type=_at_least_one, default=8, help="connections (default 8)")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"), help="where lenet5 is published")
    options = parser.parse_args()

    versions = [int(file.parent.name) for file in options.repository.glob("lenet5/[1-9]*/model.onnx")]
    if not versions:
        parser.error(f"{options.repository} holds no lenet5")
    convoy_port, peer_port = free_port(), free_port()
    cpus = sorted(os.sched_getaffinity(0))
    server_cpus = cpus[:-1] or cpus
    os.sched_setaffinity(0, cpus[-1:])
    files = digits()
    raw = [http_post("/v1/models/lenet5/classify", data, "image/png") for data in files]
    newest = options.repository / "lenet5" / str(max(versions))
    with tempfile.TemporaryDirectory() as logs, ExitStack() as stack:
        convoy = stack.enter_context(
            running(
                "Convoy",
                [sys.executable, "-m", "service"],
                port=convoy_port,
                ready_path="/readyz",
                environment={
                    "CONVOY_PORT": str(convoy_port),
                    "CONVOY_ACCESS_LOG": "false",
                    "CONVOY_REPOSITORY": str(options.repository),
                },
                cpus=server_cpus,
                log=Path(logs, "convoy"),
            )
        )
        uvicorn = ["-m", "uvicorn", "benchmarks.fastapi_peer:app", "--port", str(peer_port), "--no-access-log"]
        peer = stack.enter_context(
            running(
                "FastAPI",
                [sys.executable, *uvicorn, "--log-level", "warning"],
                port=peer_port,
                ready_path="/openapi.json",
                environment={"PEER_MODEL": str(newest / "model.onnx")},
                cpus=server_cpus,
                log=Path(logs, "peer"),
            )
        )
        rows = {
            "Convoy, raw body": Row(convoy, raw),
            "FastAPI by hand, raw body": Row(peer, [http_post("/raw", data, "image/png") for data in files]),
            "Convoy, form": Row(convoy, form(files, "/v1/models/lenet5/classify")),
            "FastAPI by hand, form": Row(peer, form(files, "/form")),
        }
        for row in rows.values():
            drive(row.server.port, row.requests, concurrency=options.concurrency, seconds=_WARM_UP_S)
        for _ in track(range(options.rounds), description="rounds", console=Console(stderr=True)):
            for row in rows.values():
                _one_round(row, options.concurrency, options.seconds)
        floor_ms = floor_cpu_ms(newest, files)
        _print(rows, floor_ms, options)


def _one_round(row: Row, concurrency: int, seconds: float) -> None:
    before = row.server.cpu_s()
    load = drive(row.server.port, row.requests, concurrency=concurrency, seconds=seconds)
    used_s = row.server.cpu_s() - before
    row.cpu_ms.append(used_s / len(load.latencies_s) * 1000)
    row.per_second.append(load.per_second)
    row.p50_ms.append(load.percentile_ms(50))
    row.p99_ms.append(load.percentile_ms(99))
    row.failures += load.failures


def _print(rows: dict[str, Row], floor_ms: float, options: argparse.Namespace) -> None:
    table = Table(title=f"lenet5, 28x28 PNG, concurrency {options.concurrency}, medians of {options.rounds} rounds")
    for column in ("", "CPU ms/request", "of FastAPI", "requests/s", "p50 ms", "p99 ms", "failed", "MiB", "start s"):
        table.add_column(column, justify="left" if not column else "right")
    for name, row in rows.items():
        peer = rows["FastAPI by hand, " + name.split(", ")[1]]
        cpu_ms = statistics.median(row.cpu_ms)
        table.add_row(
            name,
            f"{cpu_ms:.3f}",
            f"{cpu_ms / statistics.median(peer.cpu_ms):.2f}",
            f"{statistics.median(row.per_second):.0f}",
            f"{statistics.median(row.p50_ms):.2f}",
            f"{statistics.median(row.p99_ms):.2f}",
            str(row.failures),
            f"{row.server.memory_mib():.0f}",
            f"{row.server.start_s:.1f}",
        )
    table.add_row("bare decode + session.run", f"{floor_ms:.3f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
