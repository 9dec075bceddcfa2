"""The rules of Prometheus: promtool accepts and tests them, and they name only what exists."""

import re
import subprocess

import pytest
from prometheus_client import CollectorRegistry

from deploy.dashboards.promql import names
from service.http.metrics.requests import RequestMetrics
from tests.deploy.rule_files import KNOWN, PROMETHEUS, Rule, alerts, cases, promtool_files, rules
from tests.prometheus_server import program


def promtool(*arguments: str) -> str:
    """What promtool prints; it has to be content."""
    done = subprocess.run(
        [program("promtool"), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_accepts_the_configuration_and_every_rule_file() -> None:
    said = promtool("check", "config", "prometheus.yml")
    assert f"{len(list((PROMETHEUS / 'rules').glob('*.yml')))} rule files found" in said
    found = [int(number) for number in re.findall(r"SUCCESS: (\d+) rules found", said)]
    assert sum(found) == len(rules())


def test_every_case_of_promtool_is_as_it_expects() -> None:
    files = [str(path) for path in promtool_files()]
    assert promtool("test", "rules", *files).count("SUCCESS") == len(files)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule.place)
def test_every_alert_has_a_case_that_fires_and_one_that_does_not(rule: Rule) -> None:
    assert {case.fires(rule) for case in cases() if case.alert == rule.name} == {True, False}


def test_no_case_is_about_an_alert_that_does_not_exist() -> None:
    assert {case.alert for case in cases()} == {rule.name for rule in alerts()}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule.place)
def test_every_alert_says_how_urgent_it_is_what_is_wrong_and_what_to_do(rule: Rule) -> None:
    assert rule.labels["severity"] in ("page", "ticket")
    assert rule.annotations.keys() == {"summary", "description", "runbook_url"}
    assert all(text.endswith(".") for key, text in rule.annotations.items() if key != "runbook_url")
    assert rule.annotations["runbook_url"] == f"docs/runbook.md#{rule.name.lower()}"


def complaints(rule: Rule) -> list[str]:
    """Series and labels of a rule that nobody makes."""
    found = []
    for series, filters in names(rule.expression).matched.items():
        if series not in KNOWN:
            found.append(f"{series} does not exist")
        labels = KNOWN.get(series)
        if labels is not None:
            found += [f"{series} has no label {label}" for label in filters - labels]
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.place)
def test_every_rule_asks_for_series_that_the_service_or_a_recording_rule_makes(rule: Rule) -> None:
    assert complaints(rule) == []


def test_a_misspelled_series_or_label_is_noticed() -> None:
    (down,) = [rule for rule in alerts() if rule.name == "ConvoyReplicaMissing"]
    misspelled = Rule(**{**vars(down), "expression": down.expression.replace("up", "upp", 1)})
    assert complaints(misspelled) == ["job:upp:count does not exist"]
    wrong_label = Rule(**{**vars(down), "expression": 'rate(convoy_rejected_total{reasons="overloaded"}[5m])'})
    assert complaints(wrong_label) == ["convoy_rejected_total has no label reasons"]


def test_recorded_series_are_named_by_level_metric_and_operation() -> None:
    recorded = {rule.name for rule in rules() if not rule.is_alert}
    assert {name for name in recorded if not re.fullmatch(r"\w+:\w+:\w+", name)} == set()


def test_the_limits_of_the_latency_objective_are_edges_of_the_histogram() -> None:
    (slow,) = [rule for rule in rules() if rule.name == "job:prediction_slow:rate5m"]
    registry = CollectorRegistry()
    RequestMetrics(registry).ended(
        method="", route="", status=200, code=None, seconds=0, answer_seconds=None, received=0, sent=0
    )
    edges = {sample.labels.get("le") for family in registry.collect() for sample in family.samples}
    assert {"0.25", "2.5"} == set(re.findall(r'le="(.+?)"', slow.expression)) < edges


@pytest.mark.parametrize(
    ("objective", "alert"), [("availability", "ConvoyAvailabilityBurn"), ("latency", "ConvoyLatencyBurn")]
)
def test_burn_rates_are_multiples_of_the_budget_that_the_objective_leaves(objective: str, alert: str) -> None:
    (stated,) = [rule for rule in rules() if rule.name == f"convoy:{objective}_objective:ratio"]
    budget = 1 - float(stated.expression.removeprefix("vector(").removesuffix(")"))
    burning = {}
    for rule in alerts():
        if rule.name == alert:
            factors = re.findall(r"> ([\d.]+) \* ([\d.]+)", rule.expression)
            assert len(set(factors)) == 1
            assert float(factors[0][1]) == pytest.approx(budget)
            burning[rule.labels["window"]] = float(factors[0][0])
    # The share of the budget of 30 days that a window spends at its rate.
    hours = {"1h": 1, "6h": 6, "1d": 24, "3d": 72}
    spent = {window: rate * hours[window] / 720 for window, rate in burning.items()}
    assert spent == pytest.approx({"1h": 0.02, "6h": 0.05, "1d": 0.1, "3d": 0.1})
