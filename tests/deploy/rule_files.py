"""The rule files of Prometheus as data, and what `promtool test rules` is told to expect of them."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.dashboards.definitions import known_series

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"

KNOWN = {**known_series(), "prometheus_rule_evaluation_failures_total": frozenset({"job", "rule_group"})}
"""Every series that may be asked for, and its labels; the last one is Prometheus's own, which the live
test sees there."""


@dataclass(frozen=True)
class Rule:
    """A recording rule or an alert."""

    file: str
    name: str
    expression: str
    is_alert: bool
    labels: dict[str, str]
    annotations: dict[str, str]
    waits: str
    """For how long an alert has to hold before it fires; empty where it fires at once."""

    @property
    def place(self) -> str:
        """Where to look."""
        window = self.labels.get("window", "")
        return f"{self.file}: {self.name} {window}".rstrip()


@dataclass(frozen=True)
class Case:
    """One moment of a test at which one alert is looked at."""

    file: str
    alert: str
    expected: tuple[dict[str, str], ...]
    """Labels of the alerts that fire then."""

    def fires(self, rule: Rule) -> bool:
        """Whether an alert of this very rule is expected, and not only one of its name."""
        return any(rule.labels.items() <= labels.items() for labels in self.expected)


def rules() -> list[Rule]:
    """Every rule, in the order of the files."""
    return [
        Rule(
            path.name,
            rule.get("record") or rule["alert"],
            rule["expr"],
            "alert" in rule,
            rule.get("labels", {}),
            rule.get("annotations", {}),
            rule.get("for", ""),
        )
        for path in sorted((PROMETHEUS / "rules").glob("*.yml"))
        for group in _read(path)["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[Rule]:
    """The rules that are alerts."""
    return [rule for rule in rules() if rule.is_alert]


@functools.cache
def cases() -> list[Case]:
    """Every expectation about an alert."""
    return [
        Case(path.name, case["alertname"], tuple(alert["exp_labels"] for alert in case["exp_alerts"]))
        for path in promtool_files()
        for test in _read(path)["tests"]
        for case in test.get("alert_rule_test", [])
    ]


def promtool_files() -> list[Path]:
    """What `promtool test rules` runs."""
    return sorted((PROMETHEUS / "tests").glob("*.yml"))


def runbook_sections() -> dict[str, str]:
    """Headings of the runbook that are names of alerts, and what stands below each."""
    page = (DEPLOY.parent / "docs/runbook.md").read_text()
    parts = re.split(r"^## (\S+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())
