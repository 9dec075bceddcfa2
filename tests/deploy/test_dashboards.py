"""The dashboards in git are what the generator writes, and it writes none that asks for what does not exist."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.dashboards.checks import Question, complaints
from deploy.dashboards.definitions import known_series, recorded_series, service_series
from deploy.dashboards.generation import DASHBOARDS, FOLDER, differences, generate, write
from deploy.dashboards.promql import names
from tests.deploy.rule_files import rules

KNOWN = known_series()
PAGES: dict[str, Any] = {name: page().as_json() for name, page in DASHBOARDS.items()}


def panels() -> list[tuple[str, Any]]:
    """Every panel that shows data, with the name of its dashboard."""
    return [
        (name, each) for name, page in PAGES.items() for each in page["panels"] if each["type"] not in ("row", "text")
    ]


def test_the_files_in_git_are_what_the_generator_writes() -> None:
    command = [sys.executable, "-m", "deploy.dashboards", "--check"]
    checked = subprocess.run(command, cwd=FOLDER.parents[2], capture_output=True, text=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_changed_a_missing_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    texts, wrong = generate(KNOWN)
    assert wrong == []
    write(texts, tmp_path)
    assert differences(texts, tmp_path) == []
    (tmp_path / "overview.json").write_text("{}")
    (tmp_path / "data.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    assert differences(texts, tmp_path) == [
        "overview.json is not what the generator writes.",
        "data.json is not what the generator writes.",
        "old.json is of no dashboard.",
    ]
    write(texts, tmp_path)
    assert differences(texts, tmp_path) == []


@pytest.mark.parametrize("gone", ["convoy_queue_depth", "convoy_stage_duration_seconds_bucket", "job:up:sum"])
def test_generation_fails_where_a_metric_or_a_rule_is_no_longer_there(gone: str) -> None:
    _, wrong = generate({name: labels for name, labels in KNOWN.items() if name != gone})
    assert wrong
    assert all(sentence.endswith(f"neither the service nor a recording rule defines {gone}.") for sentence in wrong)


@pytest.mark.parametrize(
    ("expression", "legend", "sentence"),
    [
        ("sum(convoy_queue_dept)", "", "neither the service nor a recording rule defines convoy_queue_dept."),
        ("rate(convoy_rejected[5m])", "", "neither the service nor a recording rule defines convoy_rejected."),
        ('sum(convoy_workers{modle="a"})', "", "convoy_workers has no label modle."),
        ("sum by (modle) (convoy_model_loaded)", "", "no series of the query has the label modle."),
        ("convoy_model_loaded", "name", "no series of the query has the label name."),
        ("vector(1)", "", "the query names no series."),
        ("job:up:count{bogus='x'}", "", "job:up:count has no label bogus."),
        ("sum by (nonsense) (job:up:count)", "", "no series of the query has the label nonsense."),
        ("job_route_status_code:http_server_requests:rate5m", "status", "no series of the query has the label status."),
    ],
)
def test_a_misspelling_is_found(expression: str, legend: str, sentence: str) -> None:
    question = Question("here", expression, frozenset({legend} - {""}))
    assert list(complaints(question, KNOWN)) == [f"here: {sentence}"]


def test_names_of_an_expression_are_its_metrics_filters_and_groupings() -> None:
    found = names(
        'histogram_quantile(0.5, sum by (le, model) (rate(a_bucket{x="{", y=~"$z"}[$__rate_interval]))) '
        '/ on (model) group_left (b) label_replace(sum(c{x="y"} offset 5m), "made", "$1", "d", "(.*)") '
        "or 0 * sum(e) by (f) # g"
    )
    assert found.matched == {"a_bucket": {"x", "y"}, "c": {"x"}, "e": set()}
    assert found.grouped == {"le", "model", "b", "f"}
    assert found.made == {"made"}


@pytest.mark.parametrize("expression", ['{__name__="a"}', "a ? b"])
def test_an_expression_that_hides_its_metric_or_is_none_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"in '"):
        names(expression)


def test_every_recording_rule_that_a_panel_asks_for_is_of_this_project() -> None:
    recorded = recorded_series()
    assert "job:availability_budget_left:ratio30d" in recorded
    assert recorded.keys().isdisjoint(service_series())


def test_the_labels_of_a_recorded_series_stand_in_its_name() -> None:
    recorded = recorded_series()
    assert recorded["job_route_status_code:http_server_requests:rate5m"] == {"job", "route", "status_code"}
    assert recorded["job_route:convoy_answer_duration_seconds:quantile_rate5m"] == {"job", "route", "quantile"}
    assert recorded["convoy:latency_objective:ratio"] == frozenset()


@pytest.mark.parametrize(
    ("name", "panel"), panels(), ids=lambda value: value if isinstance(value, str) else value["title"]
)
def test_a_panel_names_its_metric_has_a_unit_and_says_what_nothing_means(name: str, panel: Any) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["noValue"]
    asked = {series for target in panel["targets"] for series in names(target["expr"]).matched}
    families = {series.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for series in asked}
    assert any(family in panel["description"] for family in families), families
    assert [target["refId"] for target in panel["targets"]] == [chr(65 + at) for at in range(len(panel["targets"]))]


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_a_dashboard_keeps_its_filters_and_fills_the_lines(page: Any) -> None:
    variables = [each["name"] for each in page["templating"]["list"]]
    assert variables == ["datasource", "job", "instance", "model", "version"]
    link = page["links"][0]
    assert (link["type"], link["includeVars"], link["keepTime"], link["tags"]) == ("dashboards", True, True, ["convoy"])
    assert (page["timezone"], page["refresh"], page["time"]) == ("browser", "10s", {"from": "now-1h", "to": "now"})
    lines: dict[int, int] = {}
    for panel in page["panels"]:
        place = panel["gridPos"]
        lines[place["y"]] = lines.get(place["y"], 0) + place["w"]
    assert set(lines.values()) == {24}


def test_a_heatmap_counts_everything_once_and_has_some_scrapes_to_count_in() -> None:
    heatmaps = [panel for _, panel in panels() if panel["type"] == "heatmap"]
    assert len(heatmaps) == 6
    for panel in heatmaps:
        (target,) = panel["targets"]
        assert re.findall(r"\[(\S+)\]", target["expr"]) == ["$__interval"]
        assert target["interval"] == "1m"


def test_latency_is_that_of_answers_and_never_of_two_objectives_in_one_line() -> None:
    seen = 0
    for _, panel in panels():
        for target in panel["targets"]:
            if not re.search(r"quantile\(.*(answer|request)_duration_seconds", target["expr"]):
                continue
            seen += 1
            assert re.search(r'status_code=~?"(2\.\.|503)"', target["expr"])
            of_one = 'route=~".*/(classify|cam)"' in target["expr"] or 'route=~".*/segment"' in target["expr"]
            assert of_one or "(le, route)" in target["expr"] or panel["title"] == "Latency of refusals"
    assert seen == 2 * 6 + 1 + 2


def test_addresses_and_titles_stay() -> None:
    assert {page["uid"]: page["title"] for page in PAGES.values()} == {
        "convoy-overview": "Convoy overview",
        "convoy-models": "Convoy models",
        "convoy-data": "Convoy data",
        "convoy-load-test": "Convoy load test",
    }


def test_lines_are_drawn_where_the_alerts_and_the_objectives_are() -> None:
    expressions = {rule.name: rule.expression for rule in rules()}
    drawn = {
        panel["title"]: panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps") for _, panel in panels()
    }

    def last(title: str) -> float:
        value: float = drawn[title][-1]["value"]
        return value

    assert expressions["convoy:availability_objective:ratio"] == f"vector({last('Objectives kept')})"
    assert expressions["convoy:latency_objective:ratio"] == f"vector({drawn['Objectives kept'][1]['value']})"
    for title, route in (("Latency of classify and cam", "(classify|cam)"), ("Latency of segment", "segment")):
        within = rf'route=~"\.\*/{re.escape(route)}", status_code=~"\S+", le="{last(title)}"'
        assert re.search(within, expressions["job:prediction_slow:rate5m"])
    assert f"> {last('Distance of the class mix')}" in expressions["ConvoyClassMixDrift"]
    assert f"> {last('Distance of the confidence')}" in expressions["ConvoyConfidenceDrift"]
    assert f">= {last('Pictures behind these figures')}" in expressions["ConvoyConfidenceDrift"]
    burns = [rule.expression for rule in rules() if rule.name == "ConvoyAvailabilityBurn"]
    for step in drawn["Availability burn rate"][1:]:
        assert any(f"> {step['value']} * " in burn for burn in burns)


def test_the_data_source_is_the_one_that_dashboards_choose_and_knows_how_often_is_scraped() -> None:
    folder = FOLDER.parents[1]
    (source,) = yaml.safe_load((folder / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert {page["templating"]["list"][0]["current"]["value"] for page in PAGES.values()} == {source["uid"]}
    scraped = yaml.safe_load((folder / "prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped


def test_a_stage_has_the_same_colour_everywhere() -> None:
    seen: dict[str, set[str]] = {}
    for _, panel in panels():
        text = json.dumps(panel)
        if "by (stage)" not in text and "by (le, stage)" not in text:
            continue
        for override in panel["fieldConfig"]["overrides"]:
            seen.setdefault(override["matcher"]["options"], set()).add(override["properties"][0]["value"]["fixedColor"])
    assert set(seen) == {"queue", "decode", "preprocess", "inference", "postprocess", "encode"}
    assert all(len(colours) == 1 for colours in seen.values())
