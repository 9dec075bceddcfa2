"""The tables of overload and soak say what happened, and what is not to be trusted; so do their exit codes."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from loadtest.__main__ import _load as load
from loadtest.__main__ import _overload as overload_command
from loadtest.command_line import parsed
from loadtest.measuring.generator import Asked, Generated, GeneratorFailed, generate
from loadtest.measuring.overload import Overload, Overloaded, overload
from loadtest.measuring.overload_report import faults, overload_code, overload_text
from loadtest.measuring.prometheus import watch_of
from loadtest.measuring.servers import Target
from loadtest.measuring.setting import setting_lines, setting_of
from loadtest.measuring.soak import Soak, Trend, soak_text
from loadtest.measuring.steps import Step, measure_step
from loadtest.results.objectives import Objective, Verdict
from loadtest.results.rows import Table
from loadtest.results.slopes import Slope
from loadtest.results.summary import Summary, summary_of
from loadtest.results.timeline import timeline_of
from loadtest.traffic.stages import RanStage, Stage
from tests.loadtest.stub_service import stub_service
from tests.loadtest.tables import joined, table_of


def ten_seconds(table: Table, *, rate: float) -> Summary:
    return summary_of(table, 0.0, 10.0, rate=rate)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


KNEE = ten_seconds(table_of([0.05] * 100), rate=10.0)
BUSIER = ten_seconds(table_of([0.01] * 120, every_s=1 / 12), rate=12.0)
REFUSED = table_of([0.003] * 90, every_s=0.1, outcome="refused")
TWICE = ten_seconds(joined(table_of([1.0] * 120, every_s=0.07), REFUSED), rate=20.0)
TIMELINE = timeline_of(joined(table_of([1.0] * 120, every_s=0.07), REFUSED), 0.0, 10.0, zero_s=2.0)
GOOD = Overload(2, KNEE, TWICE, KNEE, 3.0, (170.0, 171.4, 170.0), 0.2, 6.0, TIMELINE)


def convoy(*overloads: Overload, around: Summary = BUSIER) -> Overloaded:
    return Overloaded("Convoy", [KNEE, around, around], list(overloads), {"classify": "lenet5"})


def test_goodput_is_compared_with_the_best_that_was_seen_around_the_knee() -> None:
    text = overload_text([convoy(GOOD), replace(convoy(replace(GOOD, recovery_s=None)), name="FastAPI by hand")])
    around, table = text.split("\n\n")[:2]
    assert "| Convoy | 1.2 | 12.0 | 12.0 |" in around
    header, _, own, peer = (cells(line) for line in table.splitlines())
    row = dict(zip(header, own, strict=True))
    assert (row["offered/s"], row["goodput/s"], row["of the best"]) == ("21.0", "12.0", "100%")
    assert (row["refused"], row["refused in ms, p50 / p99"], row["back after"]) == ("42.9%", "3.0 / 3.0", "3 s")
    assert row["MiB before / most / after"] == "170 / 171 / 170"
    assert dict(zip(header, peer, strict=True))["back after"] == "not back"
    best = ten_seconds(table_of([0.05] * 150, every_s=1 / 15), rate=15.0)
    assert convoy(GOOD, around=best).best_goodput == 15.0


SLOW = ten_seconds(joined(table_of([1.0] * 50, every_s=0.07), REFUSED, REFUSED), rate=20.0)
BROKEN = ten_seconds(joined(table_of([1.0] * 120, every_s=0.07), table_of([15.0] * 80, outcome="broken")), rate=20.0)
HESITANT = ten_seconds(
    joined(table_of([1.0] * 120, every_s=0.07), table_of([0.15] * 80, every_s=0.1, outcome="refused")), rate=20.0
)
PASSED_OVER = summary_of(table_of([0.01] * 50), 2.0, 1.0, rate=10.0)
LATE = ten_seconds(table_of([1.0] * 200, every_s=0.05, late_s=0.5), rate=20.0)


@pytest.mark.parametrize(
    ("overload", "code", "sentence"),
    [
        (GOOD, 0, None),
        (replace(GOOD, over=SLOW), 1, "Convoy at 2 times the knee: 42% of its best goodput, below 90%."),
        (replace(GOOD, over=BROKEN), 1, "Convoy at 2 times the knee: 60.00% of what it took on was answered"),
        (replace(GOOD, recovery_s=None), 1, "the objectives did not hold again"),
        (replace(GOOD, memory_mib=(170.0, 300.0, 170.0)), 1, "memory is not flat: 170 MiB before, 300 at most"),
        (replace(GOOD, memory_mib=(170.0, 190.0, 190.0)), 1, "memory is not flat"),
        (replace(GOOD, multiple=10.0, over=SLOW, recovery_s=None), 0, None),  # reported, not judged
        (replace(GOOD, multiple=10.0, over=LATE), 0, None),
        (replace(GOOD, over=HESITANT), 1, "refusals took 150 ms (p99), more than 100"),
        (replace(GOOD, recovery_s=17.0), 1, "held again after 17 s, and not within 9"),
        (replace(GOOD, over=LATE), 3, "were sent more than 50 ms late"),
        (replace(GOOD, over=PASSED_OVER), 3, "the generator passed over the stage of 10 requests/s"),
        (replace(GOOD, back=replace(LATE, rate=5.0)), 3, "20 requests/s were due instead of 5"),
    ],
)
def test_overload_is_judged_up_to_five_times_the_knee(overload: Overload, code: int, sentence: str | None) -> None:
    result = convoy(overload)
    assert overload_code(result) == code
    text = overload_text([result])
    assert sentence in text if sentence is not None else not faults(result)


def test_a_service_that_answers_all_there_is_has_no_fault_at_a_knee_that_was_put_too_low() -> None:
    many = ten_seconds(table_of([0.01] * 1000, every_s=0.01), rate=100.0)
    all_of_it = ten_seconds(table_of([0.01] * 200, every_s=0.05), rate=20.0)
    result = convoy(replace(GOOD, over=all_of_it), replace(GOOD, multiple=10.0, over=many))
    assert result.best_goodput > 99
    assert faults(result) == []
    # But it proves nothing about overload.
    assert overload_code(result) == 3
    assert "Convoy answered 2 times what was given as its knee: it was never overloaded" in overload_text([result])


def test_a_rate_that_was_not_kept_around_the_knee_makes_the_best_goodput_worthless() -> None:
    assert overload_code(convoy(GOOD, around=LATE)) == 3


def made_up(summary: Summary, memory: Slope, *, met: bool = True) -> Soak:
    trends = {
        "memory, MiB": Trend(memory, 170.0, memory.per_hour / 3, 0.1),
        "p99, ms": Trend(Slope(-12.0, -21.0, -3.0), 50.0, -4.0, -2.0),
    }
    verdict = Verdict(Objective("classify", 99.0, 250.0), 50.0 if met else 300.0)
    return Soak(1200.0, summary, [verdict], 0.1, trends, 0, {"classify": "lenet5"})


def test_growth_that_is_not_seen_is_not_said_to_be_none() -> None:
    text = soak_text(made_up(KNEE, Slope(0.4, -0.2, 1.0)))
    assert text.startswith("20 minutes at 10.0 requests/s: 100.000% right, p50 50.0")
    assert "| memory, MiB | 170.0 | +0.10 | +0.40 | -0.20 to +1.00 | 0.60 | not seen |" in text
    assert '"Not seen" is not "flat"' in text
    assert "| p99, ms | 50.0 | -2.00 | -12.00 | -21.00 to -3.00 | 9.00 | not seen |" in text


def test_a_soak_is_judged_by_growth_and_objectives() -> None:
    unsure, leak = Slope(0.4, -0.2, 1.0), Slope(12.0, 9.0, 15.0)
    assert made_up(KNEE, unsure).exit_code == 0
    assert made_up(KNEE, leak).exit_code == 1
    assert "| yes |" in soak_text(made_up(KNEE, leak))
    assert made_up(KNEE, unsure, met=False).exit_code == 1
    assert made_up(LATE, unsure).exit_code == 3
    assert "**The run is invalid**" in soak_text(made_up(LATE, unsure))


def test_a_generator_that_cannot_work_hands_its_reason_on(tmp_path: Path) -> None:
    with stub_service() as url, pytest.raises(GeneratorFailed, match="another is not ready to classify"):
        generate(Target("stub", url), Asked(model="another"), [Stage(2, 5)], tmp_path)


def test_a_service_that_has_ended_is_the_reason_and_not_what_locust_said(tmp_path: Path) -> None:
    with psutil.Popen(["sleep", "60"]) as ended:
        target = Target("Convoy", "http://127.0.0.1:9", process=psutil.Process(ended.pid))
        ended.kill()
        with pytest.raises(GeneratorFailed, match=r"^Convoy has ended\.$"):
            generate(target, Asked(), [Stage(2, 5)], tmp_path)


def test_steps_are_written_before_their_rate_is_decided(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = Verdict(Objective("classify", 99.0, 250.0), 300.0)
    steps = [Step(10.0, KNEE, [slow], 0.5, 0.1, 170.0, {}, {"classify": "stub"})]

    def measure(*_: object, **__: object) -> Step:
        if not steps:
            raise GeneratorFailed("Convoy has ended.")
        return steps.pop()

    monkeypatch.setattr("loadtest.__main__.measure_step", measure)
    with stub_service() as url, pytest.raises(GeneratorFailed) as failed:
        load(parsed(["load", "--url", url, "--rates", "10,20", "--out", str(tmp_path)]))
    assert str(failed.value) == f"Convoy has ended. What was measured until then lies in {tmp_path}."
    assert "| 10 | 10.0 | 10.0 |" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "index.html").exists()


def test_a_result_says_what_it_was_measured_on() -> None:
    with stub_service() as url:
        setting = setting_of(Target("Convoy", url), Asked(), {"classify": "stub"})
    assert setting["asked"] == "Classify: classify of stub version 1; pictures in data"
    assert setting["service"] == f"Convoy at {url}"
    assert {"machine", "revision", "when", "command"} <= setting.keys()
    assert f"- service: Convoy at {url}" in setting_lines(setting)
    assert json.dumps(setting)


def frozen(target: Target, asked: Asked, stages: Sequence[Stage], folder: Path) -> Generated:
    """A generator that stood still over the second stage and gave up in the third."""
    ends_s = [10.0, 10.0, 11.0]
    ran = [
        RanStage(stage, start_s, end_s, 0.1)
        for stage, start_s, end_s in zip(stages, [0.0, *ends_s], ends_s, strict=False)
    ]
    problems = ["the generator was too busy to begin a stage in time"]
    return Generated(table_of([0.01] * 110), ran, {"classify": "m"}, problems)


def test_a_generator_that_slept_through_a_stage_makes_it_invalid(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("loadtest.measuring.overload.generate", frozen)
    with stub_service() as url:
        target = Target("stub", url, "/raw", psutil.Process())
        found = overload(
            lambda: nullcontext(target),
            Asked(),
            lambda target: watch_of(target, None),
            10.0,
            5.0,
            seconds=2.0,
            folder=tmp_path,
            tries=1,
        )
    assert found.problems[:2] == [
        "the generator was too busy to begin a stage in time",
        "the generator passed over the stage of 50 requests/s",
    ]
    assert overload_code(convoy(found)) == 3
    assert "invalid: the generator was too busy" in overload_text([convoy(found)])


def test_each_overload_has_a_peer_of_its_own_and_one_that_fails_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[str] = []

    def ask(target: Target, asked: Asked, stages: Sequence[Stage], folder: Path) -> Generated:
        if folder.name.startswith("times-5") and target.name == "peer":
            raise GeneratorFailed("/raw does not answer.")
        table = joined(*(table_of([0.01] * 100, start_s=10.0 * number) for number in range(3)))
        ran = [RanStage(stage, 10.0 * number, 10.0 * (number + 1), 0.1) for number, stage in enumerate(stages)]
        return Generated(table, ran, {"classify": "stub"})

    @contextmanager
    def stub(name: str) -> Iterator[Target]:
        with stub_service() as url:
            started.append(name)
            yield Target(name, url, process=psutil.Process())

    monkeypatch.setattr("loadtest.measuring.overload.generate", ask)
    monkeypatch.setattr("loadtest.__main__.running_convoy", lambda *_: stub("Convoy"))
    monkeypatch.setattr("loadtest.__main__.running_peer", lambda *_: stub("peer"))
    arguments = ["overload", "--knee", "10", "--multiples", "2,5,10", "--peer", __file__, "--out", str(tmp_path)]
    with pytest.raises(GeneratorFailed, match=r"^/raw does not answer\. What was measured until then lies in "):
        overload_command(parsed(arguments))
    # Around the knee (three times, for the rates are not kept here), and at most three times per multiple.
    assert started.count("peer") == 7
    assert started.count("Convoy") == 1
    for text in (capsys.readouterr().out, (tmp_path / "report.md").read_text()):
        for row in ("Convoy | 2 |", "Convoy | 5 |", "Convoy | 10 |", "peer | 2 |"):
            assert f"\n| {row} " in text
        assert "peer | 5 |" not in text
    with Image.open(tmp_path / "overload.png") as picture:
        pixels = {colour: count for count, colour in picture.convert("RGB").getcolors(1 << 20) or []}
    # Four charts of answers that were right, and no other bar: the legend alone has a thousand pixels of a colour.
    assert pixels[(31, 119, 180)] > 50_000
    assert pixels[(214, 39, 40)] < 2_000


def test_a_step_in_which_an_endpoint_was_not_asked_is_invalid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def ask(target: Target, asked: Asked, stages: Sequence[Stage], folder: Path) -> Generated:
        table = joined(table_of([0.01] * 120), table_of([0.01], start_s=0.1, endpoint="cam"))
        return Generated(table, [RanStage(stages[0], 0.0, 12.0, 0.1)], {"classify": "m", "cam": "m"})

    monkeypatch.setattr("loadtest.measuring.steps.generate", ask)
    with stub_service() as url:
        target = Target("stub", url, "/raw", psutil.Process())
        step = measure_step(target, Asked(), watch_of(target, None), 10.0, seconds=10.0, folder=tmp_path)
    assert step.summary.problems == ["nothing was asked of cam"]
    assert step.judgement == "invalid"
