"""The moving average of the weights over the steps, which generalises better than the weights of any one step."""

from collections.abc import Callable, Sequence

from torch import Tensor

Update = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]


def moving_average(decay: float) -> Update:
    """The update for torch's AveragedModel: average = d * average + (1 - d) * weights, in place.

    After n updates d is the smaller of `decay` and (1 + n) / (10 + n): the random weights of the start are forgotten
    in tens of steps even where `decay` remembers thousands, so that short trainings are averaged too.
    """

    def update(averages: Sequence[Tensor], weights: Sequence[Tensor], updates: Tensor | int) -> None:
        n = int(updates)
        d = min(decay, (1 + n) / (10 + n))
        for average, weight in zip(averages, weights, strict=True):
            if average.is_floating_point():
                average.lerp_(weight, 1 - d)
            else:
                average.copy_(weight)

    return update
