"""Asks a Prometheus what dashboards ask, and finds the questions to which it has no answer."""

import json
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

from deploy.dashboards.checks import Question

_VARIABLE = re.compile(r"\$(\w+)")
_TIMEOUT_S = 20.0
_MOST_POINTS = 600


def unanswered(
    url: str, questions: Iterable[Question], *, began_s: float, window: str, chosen: Mapping[str, str]
) -> list[Question]:
    """Those of the questions to which the Prometheus at `url` has no number, NaN and infinity being none.

    `began_s` (Unix time) is the start of the time range, which ends now; `window` stands for $__rate_interval and
    $__interval; `chosen` has a regular expression for each of the variables job, instance, model and version. Raises
    ValueError for a query that Prometheus refuses.
    """
    values = {"__rate_interval": window, "__interval": window, **chosen}
    return [each for each in questions if not _answered(url, each, began_s, values)]


def filled(expression: str, values: Mapping[str, str]) -> str:
    """An expression with Grafana's variables replaced; KeyError for one without a value."""
    return _VARIABLE.sub(lambda match: values[match[1]], expression)


def _answered(url: str, question: Question, began_s: float, values: Mapping[str, str]) -> bool:
    expression = filled(question.expression, values)
    now_s = time.time()
    if question.values_of is not None:
        found = _ask(url, f"label/{question.values_of}/values", {"match[]": expression, "start": began_s, "end": now_s})
        return bool(found)
    if question.instant:
        series = _ask(url, "query", {"query": expression, "time": now_s})["result"]
    else:
        step_s = max(1.0, (now_s - began_s) / _MOST_POINTS)
        times = {"start": began_s, "end": now_s, "step": step_s}
        series = _ask(url, "query_range", {"query": expression, **times})["result"]
    return any(
        question.labels <= each["metric"].keys() and math.isfinite(float(value))
        for each in series
        for _, value in each.get("values") or [each["value"]]
    )


def _ask(url: str, path: str, parameters: Mapping[str, str | float]) -> Any:
    """What the API gives; ValueError with its own words where it refuses the query."""
    address = f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        with error:
            raise ValueError(f"{parameters}: {error.read().decode(errors='replace')}") from None
