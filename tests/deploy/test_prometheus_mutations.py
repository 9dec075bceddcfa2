"""The cases of promtool test: each of these faults, put into a rule, makes one of them fail."""

import itertools
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.rule_files import PROMETHEUS, Rule, alerts, cases
from tests.prometheus_server import program

OBJECTIVES, REQUESTS, DATA = "recording_objectives.yml", "recording_requests.yml", "recording_data.yml"
SERVICE, BURNS, MODELS = "alerts_service.yml", "alerts_objectives.yml", "alerts_models.yml"
OBJECTIVE = {"availability": "job:prediction_failures_per_requests", "latency": "job:prediction_slow_per_answers"}

# The cases that have to notice, the file of rules, what stands there, and what would be wrong.
FAULTS = [
    ("availability", OBJECTIVES, "vector(0.999)", "vector(0.99)"),
    ("availability", OBJECTIVES, "1 - job:prediction_failures", "1 + job:prediction_failures"),
    ("availability", OBJECTIVES, 'status_code=~"5.."', 'status_code=~"50[03]"'),
    ("availability", OBJECTIVES, '(classify|cam|segment)", status_code=~"5', '(classify|segment)", status_code=~"5'),
    ("availability", OBJECTIVES, '"5.."}[5m])\n            unless rate', '"5.."}[5m])\n            and rate'),
    ("availability", OBJECTIVES, 'segment)"}[5m])\n            unless rate', 'segment)"}[5m])\n            or rate'),
    ("availability_loadbalancer", OBJECTIVES, "            or job:loadbalancer_failures:rate5m)\n          or", ") or"),
    ("availability_loadbalancer", OBJECTIVES, 'proxy="public", code="5xx"', 'proxy="public"'),
    ("availability_loadbalancer", OBJECTIVES, 'proxy="public", code="5xx"', 'code="5xx"'),
    ("availability_loadbalancer", OBJECTIVES, "haproxy_server_http", "haproxy_backend_http"),
    (
        "availability_loadbalancer",
        OBJECTIVES,
        "clamp_min(\n            sum(rate(hap",
        "clamp_max(\n            sum(rate(hap",
    ),
    ("latency", OBJECTIVES, "vector(0.99)", "vector(0.9)"),
    ("latency", OBJECTIVES, "1 - job:prediction_slow", "1 + job:prediction_slow"),
    ("latency", OBJECTIVES, '/(classify|cam)", status_code=~"2..|499"', '/classify", status_code=~"2..|499"'),
    ("latency", OBJECTIVES, 'cam)", status_code=~"2..|499"', 'cam)", status_code=~"2..|499|504"'),
    ("latency", OBJECTIVES, 'segment)", status_code=~"2..|499|504"', 'segment)", status_code=~"2..|504"'),
    ("latency", OBJECTIVES, 'segment)", status_code=~"2..|499|504"', 'segment)", status_code=~"2..|499|5.."'),
    ("latency", OBJECTIVES, 'le="2.5"', 'le="0.25"'),
    ("latency", OBJECTIVES, "convoy_answer_duration_seconds_count", "http_server_request_duration_seconds_count"),
    ("requests", REQUESTS, "expr: sum by (job) (up", "expr: max by (job) (up"),
    ("requests", REQUESTS, "expr: count by (job) (up", "expr: sum by (job) (up"),
    ("requests", REQUESTS, 'route="/readyz", ', ""),
    ("requests", REQUESTS, ', status_code=~"2.."}[5m])', "}[5m])"),
    ("replicas", SERVICE, "quantile_over_time(0.5, job:up:count[1h])", "max_over_time(job:up:count[1h])"),
    ("replicas", SERVICE, ' and up{job="convoy"} offset 10m', ""),
    ("replicas", SERVICE, ' and changes(up{job="convoy"}[10m]) >= 4', ""),
    ("replicas", SERVICE, 'avg_over_time(up{job="convoy"}[10m]) < 0.8 and ', ""),
    ("readiness", SERVICE, "max by (job) (convoy_ready)", "min by (job) (convoy_ready)"),
    ("readiness", SERVICE, "          or label_replace(", "          and label_replace("),
    ("readiness", SERVICE, ', proxy="replicas"', ""),
    ("workers", SERVICE, "convoy_configured_workers - 0.25", "quantile_over_time(0.5, convoy_workers[1h]) - 0.25"),
    ("workers", SERVICE, "convoy_configured_workers - 0.25", "convoy_configured_workers"),
    ("workers", SERVICE, "and convoy_configured_workers offset 10m", "and convoy_configured_workers"),
    ("workers", SERVICE, "job_instance:convoy_worker_deaths:sum[30m]", "convoy_worker_starts_total[30m]"),
    ("workers", SERVICE, "sum[30m]) >= 4", "sum[30m]) >= 3"),
    ("workers", SERVICE, "total[30m])) >= 3", "total[30m])) >= 2"),
    ("overload", SERVICE, 'deadline_exceeded"})\n', 'deadline_exceeded|not_ready"})\n'),
    ("overload", SERVICE, '|deadline_exceeded"})\n', '"})\n'),
    ("overload", SERVICE, "> 0)\n          > 0.01", "> 0)\n          > 0.004"),
    ("overload", SERVICE, "* 300 >= 10", "* 300 >= 1"),
    (
        *("overload", SERVICE),
        'sum by (job) (job_route_status_code:http_server_requests:rate5m{route=~".*/(classify|cam|segment)"})',
        "job:prediction_requests:rate5m",
    ),
    ("models", MODELS, "unless on (job, instance, model) max by", "unless on (job, model) max by"),
    ("models", MODELS, "unless on (job, instance, provider)", "unless on (job, provider)"),
    ("class_mix", MODELS, "convoy_class_mix:distance6h > 0.2", "convoy_class_mix:distance6h > 0.17"),
    ("class_mix", MODELS, ">= 50 * count", ">= 40 * count"),
    ("class_mix_window", DATA, "(convoy_inference_images_total[6h])", "(convoy_inference_images_total[1d])"),
    ("class_mix_window", DATA, "rate5m[6h])\n          / on", "rate5m[1d])\n          / on"),
    ("confidence", MODELS, "confidence:distance6h > 0.2", "confidence:distance6h > 0.09"),
]


def complaints(folder: Path, rules: str, text: str, files: set[str]) -> str:
    """What promtool says of files of cases where a file of rules has another text; empty where it is content."""
    for name in ("rules", "tests"):
        shutil.copytree(PROMETHEUS / name, folder / name)
    (folder / "rules" / rules).write_text(text)
    command = [program("promtool"), "test", "rules", *(str(folder / "tests" / name) for name in sorted(files))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == ("FAILED" in done.stderr), done.stdout + done.stderr
    return done.stderr


@pytest.mark.parametrize(("noticing", "rules", "right", "wrong"), FAULTS)
def test_a_fault_in_a_rule_fails_a_case(noticing: str, rules: str, right: str, wrong: str, tmp_path: Path) -> None:
    text = (PROMETHEUS / "rules" / rules).read_text()
    assert text.count(right) == 1
    assert complaints(tmp_path, rules, text.replace(right, wrong), {f"{noticing}.yml"})


@pytest.mark.parametrize("factor", [0, 2])
@pytest.mark.parametrize("rule", [rule for rule in alerts() if rule.waits], ids=lambda rule: rule.place)
def test_an_alert_that_waits_for_another_time_fails_a_case(rule: Rule, factor: int, tmp_path: Path) -> None:
    text = (PROMETHEUS / "rules" / rule.file).read_text()
    minutes = factor * int(rule.waits.removesuffix("m"))
    other, count = re.subn(
        rf"(- alert: {rule.name}\n(?: {{8}}.*\n)*? {{8}}for: ){rule.waits}", rf"\g<1>{minutes}m", text
    )
    assert count == 1
    assert complaints(tmp_path, rule.file, other, {case.file for case in cases() if case.alert == rule.name})


def test_a_share_over_another_window_fails_a_case(tmp_path: Path) -> None:
    text = (PROMETHEUS / "rules" / OBJECTIVES).read_text()
    following = dict(itertools.pairwise(["30m", "1h", "2h", "6h", "1d", "3d", "30d", "30m"]))
    wrong, count = re.subn(
        r"(sum_over_time\(job:prediction_\w+:rate5m)\[(\w+)\]", lambda match: f"{match[1]}[{following[match[2]]}]", text
    )
    assert count == 2 * 2 * len(following)
    said = complaints(tmp_path, OBJECTIVES, wrong, {"burn_windows.yml"})
    assert {f"{ratio}:ratio_rate{window}" for ratio in OBJECTIVE.values() for window in following} <= set(
        re.findall(r"job:\w+:ratio_rate\w+", said)
    )


@pytest.mark.parametrize("objective", OBJECTIVE)
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"\n +and {ratio}:ratio_rate\w+ > .*", ""),
        (r"expr: >-\n +{ratio}:ratio_rate\w+ > .*\n +and ", "expr: >-\n          "),
        (r"\n +and sum_over_time.* >= 10\n", "\n"),
        (r" \* 60 >= 10\n", " * 60 >= 11\n"),
    ],
    ids=["no short window", "no long window", "no least number", "a larger least number"],
)
def test_an_alert_about_a_budget_with_a_condition_less_fails_a_case(
    objective: str, right: str, wrong: str, tmp_path: Path
) -> None:
    text = (PROMETHEUS / "rules" / BURNS).read_text()
    other, count = re.subn(right.format(ratio=OBJECTIVE[objective]), wrong, text)
    assert count >= 4
    said = complaints(tmp_path, BURNS, other, {f"burn_alerts_{objective}.yml"})
    assert set(re.findall(r'exp: .*window="(\w+)"', said)) == {"1h", "6h", "1d", "3d"}
