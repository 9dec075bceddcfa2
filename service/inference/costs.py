"""What the requests of each group have cost so far, and from it how long all that is pending will take."""

from collections import Counter
from collections.abc import Hashable

# Weight of the newest observation in the moving average of a group.
_NEWEST = 0.2


class Costs:
    """Estimates in seconds of one thread's work; a group that was never seen is taken to cost nothing.

    The pending work is always valued at what is known now, so that requests which came before their group's
    first answer count for what they turn out to cost.
    """

    def __init__(self) -> None:
        self.pending_s = 0.0
        """Estimated cost of all that waits or runs."""
        self._each_s: dict[Hashable, float] = {}
        self._pending: Counter[Hashable] = Counter()

    def each_s(self, group: Hashable) -> float:
        """Estimated cost of one request."""
        return self._each_s.get(group, 0.0)

    def add(self, group: Hashable) -> None:
        """A request is pending from now on."""
        self._pending[group] += 1
        self.pending_s += self.each_s(group)

    def remove(self, group: Hashable, requests: int = 1) -> None:
        """Requests have ended, or were withdrawn."""
        self._pending[group] -= requests
        if not self._pending[group]:
            del self._pending[group]
        # Sums of floats drift; an empty one is 0 by definition.
        self.pending_s = max(0.0, self.pending_s - requests * self.each_s(group)) if self._pending else 0.0

    def observe(self, group: Hashable, spent_s: float) -> None:
        """A request of the group took `spent_s` of a lane's time."""
        before_s = self.each_s(group)
        known_s = self._each_s.get(group, spent_s)
        self._each_s[group] = now_s = known_s + _NEWEST * (spent_s - known_s)
        self.pending_s = max(0.0, self.pending_s + self._pending.get(group, 0) * (now_s - before_s))
