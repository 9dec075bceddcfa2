"""`python -m benchmarks.map_cost [NAME ...]`: the cost of class activation maps beside that of plain classification.

Every network has random weights and the input of its paper. Costs are CPU time per picture, one picture a run, on
one thread of onnxruntime. The graphs of a network take turns in one process; medians of the rounds stand in the table.
"""

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.networks import network_parser
from benchmarks.random_artifacts import random_graph
from benchmarks.turns import take_turns
from export.onnx_graph import to_proto
from service.inference.session import open_session


@dataclass(frozen=True, kw_only=True)
class Cost:
    """CPU time per picture in milliseconds, one value per round."""

    method: str
    """The map that is the network's own: cam or grad-cam."""
    map_px: tuple[int, int]
    logits_ms: Sequence[float]
    """Of a graph without the map."""
    cam_ms: Sequence[float]
    """Of logits and the network's own map."""
    hirescam_ms: Sequence[float]
    """Of logits and HiResCAM."""

    def times_logits(self, others_ms: Sequence[float]) -> float:
        """Ratio to the graph without the map: its median over the rounds, each of which met both."""
        return statistics.median(other / plain for other, plain in zip(others_ms, self.logits_ms, strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = network_parser("python -m benchmarks.map_cost", __doc__)
    parser.add_argument("--rounds", type=int, default=11, help="turns of each graph (default %(default)s)")
    options = parser.parse_args(arguments)
    costs: dict[str, Cost] = {}
    with Progress(console=Console(stderr=True)) as progress, tempfile.TemporaryDirectory() as folder:
        bar = progress.add_task("", total=len(options.names))
        for name in options.names:
            progress.update(bar, description=name)
            costs[name] = measure(name, Path(folder), rounds=options.rounds)
            progress.advance(bar)
    console = Console(width=120)
    console.print(f"CPU time per picture, one picture a run, one thread, medians of {options.rounds} rounds:\n")
    console.print(_table(costs, markdown=options.markdown))


def measure(name: str, folder: Path, *, rounds: int) -> Cost:
    """Export the network's three graphs into the folder and let them take turns.

    Raises:
        ValueError: there is no network of that name.
    """
    own, blueprint = random_graph(name)
    hirescam, _ = random_graph(name, cam="hirescam")
    shape = blueprint.image_shape
    rng = np.random.default_rng(0)
    feeds = {"image": rng.integers(0, 256, (1, *shape), np.uint8), "target": np.array([-1], np.int64)}
    proto = to_proto(own, image_shape=shape)
    with_cam = _run_of(proto, ("logits", "cam"), feeds, folder)
    leave_out_map(proto)
    plain = _run_of(proto, ("logits",), feeds, folder)
    with_hirescam = _run_of(to_proto(hirescam, image_shape=shape), ("logits", "cam"), feeds, folder)
    logits_ms, cam_ms, hirescam_ms = take_turns((plain, with_cam, with_hirescam), rounds=rounds)
    height, width = with_cam()[1].shape[1:]
    return Cost(
        method=own.cam.method,
        map_px=(height, width),
        logits_ms=logits_ms,
        cam_ms=cam_ms,
        hirescam_ms=hirescam_ms,
    )


def leave_out_map(proto: onnx.ModelProto) -> None:
    """Take the output `cam`, and whatever only it needs, out of a graph whose other output is `logits`."""
    graph = proto.graph
    needed = {"logits"}
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    kept = onnx.GraphProto(node=reversed(nodes))
    del graph.node[:]
    graph.node.extend(kept.node)
    for entries in (graph.input, graph.output, graph.initializer):
        for index in reversed(range(len(entries))):
            if entries[index].name not in needed:
                del entries[index]


def _run_of(
    proto: onnx.ModelProto, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]], folder: Path
) -> Callable[[], list[NDArray[Any]]]:
    """A function that runs the graph once for these outputs; its first run is behind it."""
    file = folder / "model.onnx"
    onnx.save_model(proto, str(file))
    session = open_session(file, provider="cpu")
    feeds = {name: array for name, array in feeds.items() if name in session.inputs}
    session.run(outputs, feeds)
    return lambda: session.run(outputs, feeds)


def _table(costs: Mapping[str, Cost], *, markdown: bool) -> Table:
    table = Table(box=box.MARKDOWN if markdown else box.HEAVY_HEAD)
    for column in ("network", "map", "logits ms", "with its map ms", "ratio", "with HiResCAM ms", "ratio"):
        table.add_column(column, justify="left" if column in ("network", "map") else "right")
    for name, cost in costs.items():
        table.add_row(
            name,
            f"{cost.method} {cost.map_px[0]}x{cost.map_px[1]}",
            f"{statistics.median(cost.logits_ms):.3f}",
            f"{statistics.median(cost.cam_ms):.3f}",
            f"{cost.times_logits(cost.cam_ms):.2f}",
            f"{statistics.median(cost.hirescam_ms):.3f}",
            f"{cost.times_logits(cost.hirescam_ms):.2f}",
        )
    return table


if __name__ == "__main__":
    main()
