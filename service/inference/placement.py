"""Where a picture lies in a network's input: one piece of geometry, used on the way in and on the way back."""

from typing import NamedTuple

from service.errors import InvalidParameter
from service.repository.artifact import Preprocessing


class Placement(NamedTuple):
    """A picture scaled to `scaled_px` with its upper left corner at `offset_px` of an input of `input_px`.

    Sizes are (width, height). A negative offset means that the input shows a cut-out of the scaled picture, a
    positive one that background surrounds it.
    """

    input_px: tuple[int, int]
    scaled_px: tuple[int, int]
    offset_px: tuple[int, int]


def place(size_px: tuple[int, int], spec: Preprocessing) -> Placement:
    """Place a picture of `size_px` (width, height) as `spec.resize` says.

    The cut-out follows the rounding of the usual evaluation transforms (shorter edge to `shortest_edge`, the longer
    one rounded down, then the centre), so that weights trained elsewhere see what they saw there.

    Raises:
        InvalidParameter: `spec.resize` is "none", the graph has a fixed size, and the picture another one.
    """
    width, height = size_px
    input_px = spec.width or width, spec.height or height
    if spec.resize == "stretch":
        return Placement(input_px, input_px, (0, 0))
    if spec.resize == "none":
        if size_px != input_px:
            raise InvalidParameter(
                f"The model takes pictures of exactly {input_px[0]}x{input_px[1]} pixels, this one has "
                f"{width}x{height}."
            )
        return Placement(size_px, size_px, (0, 0))
    if spec.resize == "shortest":
        scaled_px = _bounded(size_px, spec.shortest_edge or min(size_px), spec.longest_edge or max(size_px))
        return Placement(scaled_px, scaled_px, (0, 0))
    if spec.resize == "crop":
        scaled_px = _shortest(size_px, spec.shortest_edge or min(input_px))
    else:
        edge = spec.shortest_edge or max(input_px)
        box = min(edge, input_px[0]), min(edge, input_px[1])
        scale = min(box[0] / width, box[1] / height)
        scaled_px = (
            min(box[0], max(1, round(width * scale))),
            min(box[1], max(1, round(height * scale))),
        )
    return Placement(input_px, scaled_px, (_centre(input_px[0], scaled_px[0]), _centre(input_px[1], scaled_px[1])))


def _shortest(size_px: tuple[int, int], edge_px: int) -> tuple[int, int]:
    """`size_px` with its shorter edge brought to `edge_px`, the longer one rounded down."""
    width, height = size_px
    return (edge_px, edge_px * height // width) if width <= height else (edge_px * width // height, edge_px)


def _bounded(size_px: tuple[int, int], shortest_px: int, longest_px: int) -> tuple[int, int]:
    """`size_px` with its shorter edge brought to `shortest_px`, unless the longer one would be over `longest_px`."""
    scaled_px = _shortest(size_px, shortest_px)
    longest = max(scaled_px)
    if longest <= longest_px:
        return scaled_px
    scaled_width, scaled_height = (max(1, longest_px * edge // max(size_px)) for edge in size_px)
    return scaled_width, scaled_height


def _centre(inner_px: int, scaled_px: int) -> int:
    """Offset that centres `scaled_px` in `inner_px`."""
    return (inner_px - scaled_px) // 2 if scaled_px <= inner_px else -round((scaled_px - inner_px) / 2)
