"""`python -m benchmarks.parity [NAME ...]`: how far onnxruntime is from torch, network by network.

Every network has random weights, the statistics of its batch normalisation taken from noise, and the input of its
paper. Both answer the pictures of noise that bringing weights compares by: batches of 1, 3 and 8, explained for the
top class and for others. The table shows the largest difference as a share of the largest value in its batch. Where
the network's own map is the classic CAM, HiResCAM is that map divided by a constant and is not compared once more: an
export takes longer than all else. A line on stderr tells each network's figures as soon as they are known.

Maps from gradients jump where a ReLU's input or the lead of a pooling's winner is smaller than rounding: of VGG's
thousands, one in one picture is enough for a difference of percents, and torch may be the side that turned, as far from
its own answer in double precision. Such pictures are replaced (export.parity); the table counts them.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import nn

from benchmarks.networks import network_parser
from benchmarks.random_artifacts import random_graph
from export.onnx_graph import save_artifact, to_proto
from export.parity import TOLERANCE, Output, ParityCase, compare
from export.serving_graph import CamChoice
from models import facts_of
from models.resnet import BasicBlock, Bottleneck
from service.inference.session import open_session
from service.repository.artifact import MODEL_FILE

_PICTURES = 8
_SHARE_OF_BLOCK = 0.2


@dataclass(frozen=True, kw_only=True)
class Parity:
    """One network's worst cases."""

    input_px: tuple[int, int]
    method: str
    """The map that is the network's own: cam or grad-cam."""
    logits: ParityCase
    own_map: ParityCase
    hirescam: ParityCase | None
    """None where it is the own map divided by the number of positions."""
    replaced: int
    """Pictures that were replaced because their map jumps, over all cases."""

    @property
    def passes(self) -> bool:
        """Whether all cases do."""
        return self.logits.passes and self.own_map.passes and (self.hirescam is None or self.hirescam.passes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and print the table; 1 where a network differs by more than is allowed."""
    options = network_parser("python -m benchmarks.parity", __doc__).parse_args(arguments)
    found: dict[str, Parity] = {}
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(options.names))
        for name in options.names:
            progress.update(bar, description=name)
            started_s = time.monotonic()
            found[name] = measure(name)
            row = "  ".join(_row(name, found[name]))
            progress.console.print(f"{row}  ({time.monotonic() - started_s:.0f} s)", highlight=False)
            progress.advance(bar)
    Console(width=120).print(_table(found, markdown=options.markdown))
    return 0 if all(parity.passes for parity in found.values()) else 1


def measure(name: str) -> Parity:
    """Export the network with its own map, and with HiResCAM where that is another, and compare with torch.

    Raises:
        ValueError: there is no network of that name.
    """
    method, cases = _compare(name, "own")
    others = [] if method == "cam" else _compare(name, "hirescam")[1]
    return Parity(
        input_px=facts_of(name).input_px,
        method=method,
        logits=_worst(cases + others, "logits"),
        own_map=_worst(cases, "cam"),
        hirescam=_worst(others, "cam") if others else None,
        replaced=sum(case.redrawn for case in cases + others),
    )


def settle(network: nn.Module, image_shape: tuple[int, int, int]) -> None:
    """Take the statistics of batch normalisation from noise (H, W, C), so that values keep their size on the way.

    The blocks of a ResNet add a fifth of what random weights would, as those of a trained one do about: else rounding
    grows from block to block, and after fifty of them torch itself is 2e-4 from its own answer in double precision.
    """
    height, width, channels = image_shape
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            # The plain average over batches, of which there is one.
            module.momentum = None
        if isinstance(module, BasicBlock | Bottleneck):
            last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
            nn.init.constant_(last.weight, _SHARE_OF_BLOCK)
    network.train()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        network(torch.randn(_PICTURES, channels, height, width, generator=generator))
    network.eval()


def _compare(name: str, cam: CamChoice) -> tuple[str, list[ParityCase]]:
    """The method of the map, and all cases."""
    graph, blueprint = random_graph(name, cam=cam)
    settle(graph.network, blueprint.image_shape)
    with tempfile.TemporaryDirectory() as folder:
        save_artifact(to_proto(graph, image_shape=blueprint.image_shape), Path(folder))
        session = open_session(Path(folder) / MODEL_FILE, provider="cpu", intra_op_threads=1)
        cases = list(compare(graph, session, image_shape=blueprint.image_shape, num_classes=len(blueprint.labels)))
    return graph.cam.method, cases


def _worst(cases: Sequence[ParityCase], output: Output) -> ParityCase:
    """The case with the largest difference for its size."""
    return max((case for case in cases if case.output == output), key=lambda case: case.relative)


def _table(found: Mapping[str, Parity], *, markdown: bool) -> Table:
    table = Table(box=box.MARKDOWN if markdown else box.HEAVY_HEAD, caption=f"allowed: {TOLERANCE:.0e}")
    for column in ("network", "input", "logits", "own map", "its map", "HiResCAM", "replaced"):
        table.add_column(column, justify="left" if column in ("network", "own map") else "right")
    for name, parity in found.items():
        table.add_row(*_row(name, parity))
    return table


def _row(name: str, parity: Parity) -> tuple[str, ...]:
    size = "x".join(map(str, parity.input_px))
    return (
        name,
        size,
        _share(parity.logits),
        parity.method,
        _share(parity.own_map),
        _share(parity.hirescam),
        str(parity.replaced),
    )


def _share(case: ParityCase | None) -> str:
    if case is None:
        return "-"
    return f"{case.relative:.1e}" if case.passes else f"[red]{case.relative:.1e}[/red]"


if __name__ == "__main__":
    raise SystemExit(main())
