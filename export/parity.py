"""Whether onnxruntime answers what torch answers: largest differences of both outputs, case by case."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from export.serving_graph import ExportedGraph, SegmentingGraph, ServingGraph
from service.inference.session import Session

TOLERANCE = 1e-4
"""Largest difference allowed, as a share of the largest magnitude in torch's answer."""
BATCHES = (1, 3, 8)
Output = Literal["logits", "cam"]
OUTPUTS: tuple[Output, ...] = ("logits", "cam")
ImageKind = Literal["validation", "random"]
TargetKind = Literal["top-1", "mixed"]
_SEED = 0
_REDRAWS = 6
_KINDS: tuple[ImageKind, ...] = ("validation", "random")
_Pair = tuple[NDArray[np.float32], NDArray[np.float32]]
"""What torch and what onnxruntime answers."""


class ParityCase(BaseModel):
    """One output for one batch, compared."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    output: Output
    batch: int
    images: ImageKind
    targets: TargetKind | None = None
    """None for graphs that explain no class."""
    size_px: tuple[int, int] | None = None
    """Height and width of the images, where the graph takes any."""
    difference: float
    """Largest absolute difference between torch and onnxruntime."""
    reference: float
    """Largest magnitude in torch's answer."""
    redrawn: int = 0
    """Pictures that were replaced because their map jumps, see `compare`."""

    @property
    def allowed(self) -> float:
        """Largest absolute difference that passes."""
        return TOLERANCE * self.reference

    @property
    def passes(self) -> bool:
        """Whether the difference is small enough; NaN is not."""
        return self.difference <= self.allowed

    @property
    def relative(self) -> float:
        """The difference as a share of the reference; a difference from nothing but zeros counts as infinite."""
        if self.reference == 0:
            return 0.0 if self.difference == 0 else float("inf")
        return self.difference / self.reference

    def __str__(self) -> str:
        """One clause for people."""
        which = f"{self.targets} targets" if self.size_px is None else "{}x{} px".format(*self.size_px)
        return (
            f"{self.output} at batch {self.batch} ({self.images} images, {which}) "
            f"differs by {self.difference:.3g}, {self.allowed:.3g} is allowed"
        )


def parity_cases(
    graph: ExportedGraph,
    session: Session,
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    images: NDArray[np.uint8] | None = None,
) -> Iterator[ParityCase]:
    """Compare a graph of either kind, at the shape (H, W, C) that it was exported with; see the two below."""
    if isinstance(graph, ServingGraph):
        yield from compare(graph, session, image_shape=image_shape, num_classes=num_classes, images=images)
        return
    assert isinstance(graph, SegmentingGraph)
    height, width, channels = image_shape
    sizes = ((height, width), (height + 37, width + 5), (height // 2, width + 11))
    yield from compare_pixels(graph, session, sizes=sizes, channels=channels)


def compare(
    graph: ServingGraph,
    session: Session,
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    images: NDArray[np.uint8] | None = None,
) -> Iterator[ParityCase]:
    """Run both on noise of this shape (H, W, C), and on some of these real images, uint8 (N, H, W, C).

    A map by gradients jumps where a hidden unit is on the verge of firing, or two positions tie for a maximum: there
    torch differs from itself between float32 and float64, and no tolerance helps. Most pictures are free of that,
    while a fault shows in all of them. So pictures whose map differs by too much are replaced, six times at most;
    what then still differs counts. The classic CAM has no such jumps, and none of its pictures is replaced.
    """
    rng = np.random.default_rng(_SEED)
    redraws = 0 if graph.cam.method == "cam" else _REDRAWS
    for batch in BATCHES:
        # The first row names a class, or a batch of one would repeat the case before it.
        mixed = np.concatenate([rng.integers(num_classes, size=1), rng.integers(-1, num_classes, size=batch - 1)])
        classes: dict[TargetKind, NDArray[np.int64]] = {"top-1": np.full(batch, -1, dtype=np.int64), "mixed": mixed}
        for image_kind in _KINDS if images is not None else _KINDS[1:]:
            draw = partial(_draw, rng, image_shape, images if image_kind == "validation" else None)
            for target_kind, targets in classes.items():
                pairs, redrawn = _settled_answers(graph, session, draw, targets, redraws)
                for output, (expected, actual) in zip(OUTPUTS, pairs, strict=True):
                    yield ParityCase(
                        output=output,
                        batch=batch,
                        images=image_kind,
                        targets=target_kind,
                        difference=float(np.abs(expected - actual).max()),
                        reference=float(np.abs(expected).max()),
                        redrawn=redrawn if output == "cam" else 0,
                    )


def _draw(
    rng: np.random.Generator, image_shape: tuple[int, int, int], images: NDArray[np.uint8] | None, count: int
) -> NDArray[np.uint8]:
    """So many of the images, or of noise where there are none."""
    if images is None:
        return rng.integers(0, 256, size=(count, *image_shape), dtype=np.uint8)
    return images[rng.integers(len(images), size=count)]


def _settled_answers(
    graph: ServingGraph,
    session: Session,
    draw: Callable[[int], NDArray[np.uint8]],
    targets: NDArray[np.int64],
    redraws: int,
) -> tuple[list[_Pair], int]:
    """Answers of both for drawn pictures, and how many pictures were replaced on the way."""
    pixels = draw(len(targets))
    redrawn = 0
    while True:
        pairs = _answers(graph, session, pixels, targets)
        (logits_apart, apart) = (
            np.abs(expected - actual).reshape(len(pixels), -1).max(axis=1) > TOLERANCE * np.abs(expected).max()
            for expected, actual in pairs
        )
        # Logits do not jump: where they differ, the map has no excuse.
        if redraws == 0 or logits_apart.any() or not apart.any():
            return pairs, redrawn
        pixels = pixels.copy()
        pixels[apart] = draw(int(apart.sum()))
        redrawn += int(apart.sum())
        redraws -= 1


def compare_pixels(
    graph: SegmentingGraph, session: Session, *, sizes: Sequence[tuple[int, int]], channels: int
) -> Iterator[ParityCase]:
    """Run both on noise of the first size (height, width) in every batch, and on one image of each other size."""
    rng = np.random.default_rng(_SEED)
    native, *others = sizes
    for batch, size in (*((batch, native) for batch in BATCHES), *((1, size) for size in others)):
        pixels = rng.integers(0, 256, size=(batch, *size, channels), dtype=np.uint8)
        with torch.inference_mode():
            expected = graph(torch.from_numpy(pixels)).numpy()
        (actual,) = session.run(["logits"], {"image": pixels})
        yield ParityCase(
            output="logits",
            batch=batch,
            images="random",
            size_px=size,
            difference=float(np.abs(expected - actual).max()) if actual.shape == expected.shape else math.inf,
            reference=float(np.abs(expected).max()),
        )


def _answers(
    graph: ServingGraph, session: Session, pixels: NDArray[np.uint8], targets: NDArray[np.int64]
) -> list[_Pair]:
    """Per output, what torch and what onnxruntime answers."""
    with torch.inference_mode():
        expected = graph(torch.from_numpy(pixels), torch.from_numpy(targets))
    actual = session.run(OUTPUTS, {"image": pixels, "target": targets})
    return [(ours.numpy(), theirs) for ours, theirs in zip(expected, actual, strict=True)]
