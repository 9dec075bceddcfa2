"""Follows the cycles of a permutation, all at once."""

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def cycle_labels(following: Indices) -> Indices:
    """The smallest index of the cycle that each index is in.

    Args:
        following: (n,), the index after each, a permutation. The time grows with n and with the logarithm of the
            longest cycle, as each round doubles how far every index sees.
    """
    labels, ahead = np.arange(len(following)), following
    while True:
        smaller = np.minimum(labels, labels[ahead])
        if np.array_equal(smaller, labels):
            return labels
        labels, ahead = smaller, ahead[ahead]


def cycles(following: Indices) -> tuple[Indices, Indices]:
    """The cycles of a permutation, each from its smallest index on, in order of these.

    Args:
        following: (n,), the index after each.

    Returns:
        The indices (n,), cycle after cycle; where each cycle begins, and n (cycles + 1,).
    """
    labels = cycle_labels(following)
    indices = np.arange(len(following))
    head = labels == indices
    # How many steps are left to the head, which stays where it is.
    ahead, left = np.where(head, indices, following), (~head).astype(np.int64)
    while not head[ahead].all():
        left += left[ahead]
        ahead = ahead[ahead]
    lengths = np.bincount(labels, minlength=len(indices))
    starts = np.cumsum(lengths) - lengths
    order = np.empty_like(indices)
    order[starts[labels] + np.where(head, 0, lengths[labels] - left)] = indices
    return order, np.append(starts[head], len(indices))


def ranges(starts: Indices, lengths: Indices) -> Indices:
    """The numbers of several ranges one after the other: `starts[i]`, `starts[i] + 1`, ... `lengths[i]` times."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
