"""Holding out a share of every class, by seed, the same way on every machine and in every release of numpy."""

import numpy as np
from numpy.typing import NDArray


def hold_out(targets: NDArray[np.int64], *, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions (kept, held out), each ascending; together every position once.

    round(share * N) pictures are held out, spread over the classes in proportion by largest remainder; a class
    with more than one picture keeps at least one, and so does a class with only one.
    """
    # numpy freezes the stream of RandomState for good; that of its newer generators may change.
    random = np.random.RandomState(seed)
    classes, counts = np.unique(targets, return_counts=True)
    exact = counts * share
    quotas = np.floor(exact).astype(np.int64)
    missing = round(len(targets) * share) - int(quotas.sum())
    quotas[np.argsort(quotas - exact, kind="stable")[:missing]] += 1
    quotas = np.minimum(quotas, counts - 1)
    held: list[NDArray[np.int64]] = []
    for index, quota in zip(classes, quotas, strict=True):
        positions = np.flatnonzero(targets == index)
        held.append(random.permutation(positions)[:quota])
    held_out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(targets)), held_out), held_out
