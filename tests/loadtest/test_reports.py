"""The tables of overload and soak say what happened, and what is not to be trusted."""

from pathlib import Path

import pytest

from loadtest.measuring.generator import Asked, GeneratorFailed, generate
from loadtest.measuring.overload import Overload, overload_text
from loadtest.measuring.servers import Target
from loadtest.measuring.soak import Soak, soak_text
from loadtest.results.rows import Table
from loadtest.results.slopes import Slope
from loadtest.results.summary import Summary, summary_of
from loadtest.traffic.stages import Stage
from tests.loadtest.stub_service import stub_service
from tests.loadtest.tables import joined, table_of


def ten_seconds(table: Table) -> Summary:
    return summary_of(table, 0.0, 10.0, deadline_s=10.0)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_goodput_is_compared_with_the_best_of_the_same_service() -> None:
    at_knee = ten_seconds(table_of([0.05] * 100))
    answered, refused = table_of([1.0] * 80), table_of([0.003] * 120, every_s=0.05, outcome="refused")
    over = ten_seconds(joined(answered, refused))
    late = ten_seconds(table_of([1.0] * 100, late_s=0.5))
    text = overload_text(
        [
            Overload("Convoy", 2, at_knee, over, 1.0, 3.0, (170.0, 171.4, 170.0)),
            Overload("FastAPI by hand", 2, late, late, 0.4, None, (70.0, 900.0, 800.0)),
        ]
    )
    header, _, convoy, peer = (cells(line) for line in text.splitlines())
    row = dict(zip(header, convoy, strict=True))
    assert (row["offered/s"], row["goodput/s"], row["of the best"]) == ("20.0", "8.0", "80%")
    assert (row["refused"], row["refused in ms, p50 / p99"], row["back after"]) == ("60.0%", "3.0 / 3.0", "3 s")
    assert row["MiB before / most / after"] == "170 / 171 / 170"
    row = dict(zip(header, peer, strict=True))
    assert (row["of the best"], row["back after"], row["sent on time"]) == ("100%", "not back", "0.0% (invalid)")


def test_a_slope_that_may_be_none_is_told_from_one_that_is_there() -> None:
    slopes = {"memory, MiB": Slope(0.4, -0.2, 1.0), "p99, ms": Slope(12.0, 3.0, 21.0)}
    text = soak_text(Soak(1620.0, ten_seconds(table_of([0.05] * 100)), 170.2, 170.4, slopes))
    assert text.startswith("27 minutes at 10.0 requests/s: 100.000% right, p50 50.0 ms")
    assert "| memory, MiB | +0.40 | -0.20 to +1.00 | no |" in text
    assert "| p99, ms | +12.00 | +3.00 to +21.00 | yes |" in text


def test_a_generator_that_cannot_work_hands_its_reason_on(tmp_path: Path) -> None:
    with stub_service() as url, pytest.raises(GeneratorFailed, match="another is not ready to classify"):
        generate(Target("stub", url), Asked(model="another"), [Stage(2, 5)], tmp_path)
