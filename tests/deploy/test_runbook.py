"""The runbook has a section for each alert, and its commands and queries are real."""

import re

import pytest

from deploy.dashboards.promql import names
from service.http.responses import STATUS_OF_CODE
from service.settings import PREFIX, Settings
from tests.deploy.rule_files import DEPLOY, KNOWN, alerts, runbook_sections

PAGE = (DEPLOY.parent / "docs/runbook.md").read_text()
# Of the indented lines of its sections, those that are no commands of a shell.
QUERIES = sorted(
    query
    for section in runbook_sections().values()
    for query in re.findall(r"^    (?!curl |docker )(.+)$", section, re.MULTILINE)
)
QUESTIONS = ("**What it means.**", "**What users see.**", "**Look.**", "**Do.**", "**Silence.**")


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    assert sorted(runbook_sections()) == sorted({rule.name for rule in alerts()})


@pytest.mark.parametrize(("name", "text"), runbook_sections().items(), ids=list(runbook_sections()))
def test_every_section_answers_the_same_questions_in_order(name: str, text: str) -> None:
    places = [text.find(question) for question in QUESTIONS]
    assert -1 not in places
    assert places == sorted(places)


def test_every_query_asks_for_series_and_labels_that_exist() -> None:
    assert len(QUERIES) > 30
    for query in QUERIES:
        asked = names(query).matched
        assert asked
        assert asked.keys() <= KNOWN.keys(), query
        assert all(filters <= (KNOWN[series] or filters) for series, filters in asked.items()), query


def test_the_settings_and_codes_that_it_names_exist() -> None:
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", PAGE)) <= settings
    codes = set(re.findall(r"code `(\w+)`", PAGE))
    assert codes
    assert codes <= set(STATUS_OF_CODE)
