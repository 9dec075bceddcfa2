"""What the requests of each group have cost so far, and from it how long all that is pending will take."""

from collections import Counter
from collections.abc import Hashable

# Weight of the newest observation in the moving average of a group.
_NEWEST = 0.2


class Costs:
    """Estimates in seconds of one thread's work; a group that was never seen is taken to cost nothing.

    What a group's cost goes by is counted in whole units: requests where all cost alike.

    The pending work is always valued at what is known now, so that requests which came before their group's
    first answer count for what they turn out to cost.
    """

    def __init__(self) -> None:
        self.pending_s = 0.0
        """Estimated cost of all that waits or runs."""
        self._each_s: dict[Hashable, float] = {}
        self._pending: Counter[Hashable] = Counter()

    def each_s(self, group: Hashable) -> float:
        """Estimated cost of one unit."""
        return self._each_s.get(group, 0.0)

    def add(self, group: Hashable, amount: int = 1) -> None:
        """A request is pending from now on."""
        self._pending[group] += amount
        self.pending_s += amount * self.each_s(group)

    def remove(self, group: Hashable, amount: int = 1) -> None:
        """Requests have ended, or were withdrawn."""
        self._pending[group] -= amount
        if not self._pending[group]:
            del self._pending[group]
        # Sums of floats drift; an empty one is 0 by definition.
        self.pending_s = max(0.0, self.pending_s - amount * self.each_s(group)) if self._pending else 0.0

    def observe(self, group: Hashable, spent_s: float) -> None:
        """A unit of the group took `spent_s` of a lane's time."""
        before_s = self.each_s(group)
        known_s = self._each_s.get(group, spent_s)
        self._each_s[group] = now_s = known_s + _NEWEST * (spent_s - known_s)
        self.pending_s = max(0.0, self.pending_s + self._pending.get(group, 0) * (now_s - before_s))
