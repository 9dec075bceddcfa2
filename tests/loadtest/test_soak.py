"""A soak is judged as a whole; only its slopes leave out the time in which a service settles."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from loadtest.command_line import parsed
from loadtest.measuring.generator import Generated
from loadtest.measuring.soak import Soak, soak_text, soaked
from loadtest.measuring.usage import Usage
from loadtest.results.objectives import Objective
from loadtest.results.rows import Table
from loadtest.traffic.stages import RanStage, Stage
from tests.loadtest.tables import joined, table_of

LAX = [Objective("classify", 99.0, 250.0), Objective("classify", None, 0.9)]


class Flat:
    """A service whose memory does not change."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def usage(self, start_s: float, end_s: float) -> Usage:
        at_s = np.linspace(start_s, end_s, 60)
        return Usage(0.5, at_s, np.full(60, 170.0), {})


def soak_of(table: Table, objectives: list[Objective]) -> Soak:
    """Of 90 seconds at 10 requests/s."""
    ran = RanStage(Stage(90.0, 10.0), 0.0, 90.0, 0.1)
    return soaked(Generated(table, [ran], {"classify": "m"}), Flat(), objectives)


def test_what_fails_while_a_service_settles_has_failed() -> None:
    early = joined(table_of([0.01] * 120, outcome="error"), table_of([0.01] * 780, start_s=12.0))
    soak = soak_of(early, [*LAX, Objective("classify", None, 0.001)])
    assert soak.summary.answers.counts["error"] == 120
    assert soak.exit_code == 1
    assert "86.667% right (120 error)" in soak_text(soak)


def test_a_rate_that_was_not_kept_in_the_first_third_makes_a_soak_invalid() -> None:
    assert soak_of(table_of([0.01] * 600, start_s=30.0), LAX).exit_code == 3


def test_slopes_leave_the_first_third_out() -> None:
    settling = joined(table_of([0.2] * 300), table_of([0.01] * 600, start_s=30.0))
    soak = soak_of(settling, LAX)
    assert soak.trends["p99, ms"].level == pytest.approx(10.0)
    assert soak.exit_code == 0


def test_a_while_without_an_answer_is_missed_and_shown() -> None:
    gap = [table_of([0.01] * 600), table_of([0.01] * 40, start_s=60.0, outcome="error")]
    soak = soak_of(joined(*gap, table_of([0.01] * 260, start_s=64.0)), LAX)
    assert soak.exit_code == 1
    assert "in 4 of 60 windows nothing was answered right" in soak_text(soak)
    assert "| p99, ms | 10.0 |" in soak_text(soak)
    dead = soak_of(table_of([0.01] * 900, outcome="error"), LAX)
    assert list(dead.trends) == ["memory, MiB"]
    assert dead.exit_code == 1


def test_too_few_minutes_are_refused_before_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(["soak", "--url", "http://127.0.0.1:9", "--knee", "5", "--minutes", "0.2", "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert "--minutes 0.2 are too few at this rate; slopes need 4.3." in capsys.readouterr().err
