"""What is asked of a lane, and what comes back: a picture's results before they are encoded, and the encoded answer."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.errors import DeadlineExceeded
from service.inference.classifier import Prediction
from service.inference.model import LoadedModel
from service.inference.preprocess import PicturePolarity

Operation = Literal["classify", "cam", "segment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a classifier says of one picture."""

    predictions: list[Prediction]
    """The best classes, best first; for a map only the class that it explains."""
    top: Prediction
    """The best class, which the metrics count."""
    cam: NDArray[np.float32] | None = None
    """The map in [0, 1] at its own size (h, w); None when classifying."""
    size_px: tuple[int, int] = (0, 0)
    """Width and height of the picture as sent, upright."""
    picture: Image.Image | None = None
    """The picture itself, where the answer is drawn over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentResult:
    """What a segmenter says of one picture."""

    mask: NDArray[np.uint8] | NDArray[np.uint16]
    """Class index per pixel of the picture as sent, upright, (height, width)."""
    pixels: NDArray[np.int64]
    """Pixels per class, (classes,)."""
    confidence: NDArray[np.uint8] | None = None
    """Score of each pixel's class, (height, width), 255 for 1; None where nobody asked."""
    picture: Image.Image | None = None
    """The picture itself, where the answer is drawn over it."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer ready to be sent."""

    body: bytes
    media_type: str
    headers: list[tuple[bytes, bytes]]
    tops: list[Prediction] = field(default_factory=list)
    """The best class of each picture, from a classifier."""
    pixels: list[NDArray[np.int64]] = field(default_factory=list)
    """Pixels per class, (classes,), of each picture, from a segmenter."""


@dataclass(slots=True, kw_only=True)
class Question:
    """One request to a lane."""

    operation: Operation
    model: LoadedModel
    read: Callable[[], Sequence[bytes]]
    """Gives the pictures of the body; it runs in the lane because a large body takes long to parse."""
    encode: Callable[[LoadedModel, Any], Encoded]
    """Makes the answer of a list of results, one per picture: Result of a classifier, SegmentResult of a segmenter."""
    max_pixels: int
    polarity: PicturePolarity = None
    top_k: int = 1
    target: int = -1
    tile: bool = False
    """Whether a segmenter sees the picture at its own size, in tiles."""
    confidence: bool = False
    """Whether a segmenter says how sure it is of each pixel."""
    keep_picture: bool = False
    large: bool = False
    """Whether the body is so large that decoding may take far longer than the network does."""
    amount: int = 1
    """What its cost goes by: 1, and of pictures in tiles the pixels of all tiles, once the pictures are measured."""
    given_up: bool = False
    """Set once nobody waits for the answer any more; work of many steps ends early then."""
    stages: dict[str, float] = field(default_factory=dict)
    run_sizes: list[int] = field(default_factory=list)
    """Pictures in each run of the network; stands with the first question of a run that answered several."""
    image_pixels: list[int] = field(default_factory=list)
    """Width times height of each picture as sent."""

    def check_awaited(self) -> None:
        """Long work calls this now and then.

        Raises:
            DeadlineExceeded: nobody waits for the answer any more.
        """
        if self.given_up:
            raise DeadlineExceeded("Nobody waits for the answer any more.")

    @property
    def group(self) -> Hashable:
        """Requests of one operation on one loaded file; what large pictures cost says nothing of small ones."""
        return self.operation, self.model.digest, self.large, self.tile

    @property
    def batchable(self) -> bool:
        """Whether it may share a run with others.

        Pictures that are kept for drawing would add up, as masks do; nobody should wait for a neighbour's large one.
        """
        return not (self.keep_picture or self.large or self.operation == "segment")
