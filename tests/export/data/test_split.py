"""Held out pictures are nobody else's, in proportion, and the same ones every time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from export.data.split import hold_out


@given(
    targets=st.lists(st.integers(0, 5), min_size=1, max_size=200),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_position_is_on_exactly_one_side(targets: list[int], share: float, seed: int) -> None:
    kept, held_out = hold_out(np.array(targets, dtype=np.int64), share=share, seed=seed)
    assert sorted([*kept, *held_out]) == list(range(len(targets)))
    assert set(np.array(targets)[kept]) == set(targets)


def test_every_class_gives_its_share() -> None:
    targets = np.repeat(np.arange(3), (600, 300, 100))
    _, held_out = hold_out(targets, share=0.1, seed=1)
    assert np.bincount(targets[held_out]).tolist() == [60, 30, 10]


def test_the_total_is_exact_where_classes_do_not_divide() -> None:
    targets = np.repeat(np.arange(4), (7, 7, 7, 9))
    _, held_out = hold_out(targets, share=0.2, seed=1)
    assert len(held_out) == 6


def test_a_seed_always_gives_these_positions() -> None:
    targets = np.arange(20) % 2
    assert hold_out(targets, share=0.3, seed=5)[1].tolist() == [4, 5, 10, 11, 13, 18]
    assert not np.array_equal(hold_out(targets, share=0.3, seed=5)[1], hold_out(targets, share=0.3, seed=6)[1])
