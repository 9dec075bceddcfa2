"""Transposed convolutions against torch's own bilinear interpolation."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from models.upscore import FixedUpscore, Upscore


@pytest.mark.parametrize("size", [(1, 1), (4, 5)])
@pytest.mark.parametrize("factor", [2, 8, 16, 32])
@pytest.mark.parametrize("learning", [True, False])
def test_scores_are_interpolated_up_to_the_edges(learning: bool, factor: int, size: tuple[int, int]) -> None:
    layer: nn.Module = Upscore(3, factor) if learning else FixedUpscore(factor)
    scores = torch.randn(2, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(layer(scores), F.interpolate(scores, scale_factor=factor, mode="bilinear"))


def test_one_kind_learns_across_classes_and_the_other_not_at_all() -> None:
    assert [tuple(p.shape) for p in Upscore(3, 2).parameters()] == [(3, 3, 4, 4)]
    fixed = FixedUpscore(4).requires_grad_(True)
    assert not list(fixed.parameters())
    assert not fixed(torch.ones(1, 2, 3, 3)).requires_grad
