"""One row per request: when it was due, how late it was sent, how long its answer took, and what became of it."""

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ENDPOINTS = ("classify", "segment", "cam")
"""What is asked for; a row holds the position in here."""

OUTCOMES = ("ok", "wrong", "refused", "late", "error", "broken", "unsent")
"""What became of a request; a row holds the position in here.

ok: the right answer. wrong: status 200 and not the answer that the service gives at rest. refused: 429, or 503 with the
code `overloaded`. late: 504. error: any other status. broken: no answer, or none within the client's patience. unsent:
the generator never came to send it, or had no socket for it.
"""

_OVERLOADED = "overloaded"
_COLUMNS = ("due_s", "late_s", "latency_s", "endpoint", "outcome")


def outcome_of(status: int, problem: str | None, *, code: str | None = None) -> str:
    """What became of a request that was sent.

    Args:
        status: HTTP status; 0 where there was no answer.
        problem: What is wrong with the content of an answer of status 200, if anything.
        code: The service's own word for its error. A service that is not ready answers 503 too, and that is no refusal.
    """
    if status == 0:
        return "broken"
    if status == 429 or (status == 503 and code == _OVERLOADED):
        return "refused"
    if status == 504:
        return "late"
    if status != 200:
        return "error"
    return "ok" if problem is None else "wrong"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as columns of equal length.

    `due_s` (float64, seconds since the epoch), `late_s` (float64, seconds from the due moment to the sending; 0 for
    unsent requests), `latency_s` (float64, seconds from the due moment to the end of the answer), `endpoint` and
    `outcome` (int8, positions in ENDPOINTS and OUTCOMES).
    """

    due_s: NDArray[np.float64]
    late_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    endpoint: NDArray[np.int8]
    outcome: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.due_s)

    def where(self, mask: NDArray[np.bool_]) -> "Table":
        """The rows for which the mask holds."""
        return Table(self.due_s[mask], self.late_s[mask], self.latency_s[mask], self.endpoint[mask], self.outcome[mask])

    def due_between(self, start_s: float, end_s: float) -> "Table":
        """The rows that were due from `start_s` on and before `end_s`."""
        return self.where((self.due_s >= start_s) & (self.due_s < end_s))

    def of(self, *outcomes: str) -> "Table":
        """The rows with one of these outcomes."""
        return self.where(np.isin(self.outcome, [OUTCOMES.index(name) for name in outcomes]))

    def but(self, outcome: str) -> "Table":
        """The rows without this outcome."""
        return self.where(self.outcome != OUTCOMES.index(outcome))

    def asked(self, endpoint: str) -> "Table":
        """The rows of one endpoint."""
        return self.where(self.endpoint == ENDPOINTS.index(endpoint))

    def endpoints(self) -> list[str]:
        """The endpoints that were asked, in the order of ENDPOINTS."""
        return [name for index, name in enumerate(ENDPOINTS) if (self.endpoint == index).any()]

    def write_csv(self, path: Path) -> None:
        """Write all rows, in the order in which they were due, with names for endpoint and outcome."""
        order = np.argsort(self.due_s, kind="stable")
        columns = (self.due_s, self.late_s, self.latency_s, self.endpoint, self.outcome)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            numbers = zip(*(column[order].tolist() for column in columns), strict=True)
            for due, late, latency, endpoint, outcome in numbers:
                writer.writerow(
                    (f"{due:.6f}", f"{late:.6f}", f"{latency:.6f}", ENDPOINTS[int(endpoint)], OUTCOMES[int(outcome)])
                )


class Rows:
    """Rows that are being collected; 26 bytes each."""

    def __init__(self) -> None:
        self._numbers = tuple(array("d") for _ in range(3))
        self._codes = tuple(array("b") for _ in range(2))

    def __len__(self) -> int:
        return len(self._numbers[0])

    def add(self, endpoint: str, outcome: str, *, due_s: float, late_s: float, latency_s: float) -> None:
        """Note a request."""
        for column, number in zip(self._numbers, (due_s, late_s, latency_s), strict=True):
            column.append(number)
        self._codes[0].append(ENDPOINTS.index(endpoint))
        self._codes[1].append(OUTCOMES.index(outcome))

    def take(self) -> list[bytes]:
        """All rows so far as bytes, a string per column, for a process of the same byte order; then forget them."""
        taken = [column.tobytes() for column in self._all()]
        for column in self._all():
            del column[:]
        return taken

    def extend(self, taken: Sequence[bytes]) -> None:
        """Add what `take` gave."""
        for column, data in zip(self._all(), taken, strict=True):
            column.frombytes(data)

    def table(self) -> Table:
        """A copy of all rows so far."""
        due_s, late_s, latency_s = (np.array(column, np.float64) for column in self._numbers)
        endpoint, outcome = (np.array(column, np.int8) for column in self._codes)
        return Table(due_s, late_s, latency_s, endpoint, outcome)

    def _all(self) -> Iterator["array[float] | array[int]"]:
        yield from self._numbers
        yield from self._codes


def read_csv(path: Path) -> Table:
    """What `write_csv` wrote."""
    rows = Rows()
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            times = {name: float(row[name]) for name in ("due_s", "late_s", "latency_s")}
            rows.add(row["endpoint"], row["outcome"], **times)
    return rows.table()
