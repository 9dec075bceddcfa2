"""Pictures continued beyond their edges by indices, so that an exported graph does it at any height and width."""

from collections.abc import Sequence

import torch
from torch import Tensor


def filled_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Bring height and width of (N, C, H, W) up to multiples of a number by repeating the last row and column."""
    rows, columns = (
        # Division rounds below zero in Python and towards zero in ONNX: nothing here is negative.
        torch.arange((pixels + multiple - 1) // multiple * multiple, device=x.device).clamp(max=pixels - 1)
        for pixels in x.shape[2:]
    )
    return x.index_select(2, rows).index_select(3, columns)


def cut_back(x: Tensor, size_px: Sequence[int]) -> Tensor:
    """Give the part of (N, C, H, W) above and to the left that has `size_px` (height, width)."""
    # A slice would end at the smaller of two lengths: in an exported graph the axes would lose their names.
    return x.narrow(2, 0, size_px[0]).narrow(3, 0, size_px[1])


def mirrored(x: Tensor, border_px: int, size_px: tuple[int, int]) -> Tensor:
    """Continue (N, C, H, W) by mirroring it in its first and last pixels, as often as it takes.

    The result, of `size_px` (height, width), begins `border_px` above and to the left of the picture. A picture of one
    row or column repeats it.
    """
    rows, columns = (
        _mirrored_positions(torch.arange(length, device=x.device) - border_px, pixels)
        for length, pixels in zip(size_px, x.shape[2:], strict=True)
    )
    return x.index_select(2, rows).index_select(3, columns)


def _mirrored_positions(positions: Tensor, pixels: int) -> Tensor:
    """Where positions inside and outside of an axis of so many pixels lie in it, int64."""
    last = pixels - 1
    # There and back again, without the two ends twice; one pixel alone is its own mirror image.
    period: int = torch.sym_max(2 * last, 1)  # type: ignore[no-untyped-call]
    # As a tensor, for the exporter knows no remainder of a division by a size.
    return last - (positions % positions.new_full((1,), period) - last).abs()
