"""Made-up rows."""

from collections.abc import Iterable

from loadtest.results.rows import Rows, Table


def table_of(
    latencies_s: Iterable[float],
    *,
    every_s: float = 0.1,
    start_s: float = 0.0,
    late_s: float = 0.0,
    outcome: str = "ok",
    endpoint: str = "classify",
) -> Table:
    """Requests that were due one after the other, with these latencies."""
    rows = Rows()
    for number, latency_s in enumerate(latencies_s):
        rows.add(endpoint, outcome, due_s=start_s + number * every_s, late_s=late_s, latency_s=latency_s)
    return rows.table()


def joined(*tables: Table) -> Table:
    """All their rows."""
    rows = Rows()
    for table in tables:
        columns = (table.due_s, table.late_s, table.latency_s, table.endpoint, table.outcome)
        rows.extend([column.tobytes() for column in columns])
    return rows.table()
