"""The runbook has a section for each alert, and its commands and queries are real."""

import re
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

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
    for query in re.findall(r"^    (?!curl |docker |ask )(.+)$", section, re.MULTILINE)
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
        assert all(filters <= KNOWN[series] for series, filters in asked.items()), query


def test_the_settings_and_codes_that_it_names_exist() -> None:
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    settings |= set(re.findall(r"^#(\w+)=", (DEPLOY.parent / ".env.example").read_text(), re.MULTILINE))
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", PAGE)) <= settings
    codes = set(re.findall(r"code `(\w+)`", PAGE))
    assert codes
    assert codes <= set(STATUS_OF_CODE)


def test_what_a_replica_is_asked_inside_prints_its_answer_even_where_that_is_a_refusal() -> None:
    class Unready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(f"{self.path}: No model can answer.".encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    (code,) = re.findall(r'^    +docker exec "\$1" python -c "((?:.+\n)+?.+)"$', PAGE, re.MULTILINE)
    with HTTPServer(("127.0.0.1", 0), Unready) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        asked = textwrap.dedent(f"    {code}").replace("$2", "/readyz").replace("3000", str(server.server_port))
        done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "/readyz: No model can answer.\n"
