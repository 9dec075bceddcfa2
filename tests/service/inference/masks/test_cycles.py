import numpy as np
import pytest

from service.inference.masks.cycles import cycle_labels, cycles, ranges


@pytest.mark.parametrize("length", [0, 1, 2, 3, 100, 4097])
def test_cycles_are_followed_from_their_smallest_index(length: int) -> None:
    following = np.random.default_rng(length).permutation(length)
    order, starts = cycles(following)
    assert sorted(order.tolist()) == list(range(length))
    heads = []
    for first, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        cycle = order[first:stop]
        assert np.array_equal(following[cycle], np.roll(cycle, -1))
        assert cycle[0] == cycle.min()
        heads.append(cycle[0])
    assert heads == sorted(heads)


@pytest.mark.parametrize("length", [1, 2, 1000, 1024])
def test_one_long_cycle_has_one_label(length: int) -> None:
    following = (np.arange(length) + 1) % length
    assert np.all(cycle_labels(following) == 0)
    assert cycles(following)[0].tolist() == list(range(length))


def test_ranges_follow_each_other_and_may_be_empty() -> None:
    numbers = ranges(np.array([5, 0, 7, 2]), np.array([2, 0, 1, 3]))
    assert numbers.tolist() == [5, 6, 7, 2, 3, 4]
    assert ranges(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []
