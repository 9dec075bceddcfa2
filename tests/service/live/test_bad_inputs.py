"""Each bad input gets its 4xx in the one shape, leaves nothing in the log, and the next request works."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from service.http.responses import STATUS_OF_CODE
from tests.service.live.api_service import CLASSIFY, PICTURE, troubles, written
from tests.service.live.bad_inputs import CASES, answer_to, table
from tests.service.live.case import BadInput
from tests.service.live.running import Service
from tests.service.live.wire import Answer


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    """One connection that stays open over all cases."""
    with api.client() as client:
        yield client


def assert_one_sentence(answer: Answer, code: str, says: str) -> None:
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.body)
    error = json.loads(answer.body)
    assert list(error) == ["error", "code"]
    assert error["code"] == code
    assert re.fullmatch(r"[A-Za-z][^\n\t\x00]{5,300}\.", error["error"])
    assert says in error["error"]
    assert not re.search(r"Traceback|<[a-z_]+\.|0x[0-9a-f]{6}|\.py\b|site-packages", error["error"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}: {case.status}"[:80])
def test_bad_input_is_refused_in_one_sentence(api: Service, client: httpx.Client, case: BadInput) -> None:
    logged = written(api.log)
    answer = answer_to(api.url, case)
    assert answer.status == case.status == STATUS_OF_CODE[case.code]
    assert answer.headers["x-request-id"]
    for name, value in case.headers:
        assert answer.headers[name] == value
    if case.head:
        assert answer.body == b""
    else:
        assert_one_sentence(answer, case.code, case.says)
    assert client.post(CLASSIFY, content=PICTURE).json()["predictions"][0]["index"] == 1
    assert not troubles(api.log[logged:])


def test_every_case_has_a_name_of_its_own() -> None:
    names = [(case.name, case.shown) for case in CASES]
    assert len(set(names)) == len(names)


def test_every_code_that_a_request_alone_can_cause_is_among_the_cases() -> None:
    # What the others take: a model that is still loading, overload, a defect.
    elsewhere = {"not_ready", "overloaded", "deadline_exceeded", "internal_error"}
    assert {case.code for case in CASES} == set(STATUS_OF_CODE) - elsewhere


def test_the_cases_can_be_shown_as_a_table(api: Service) -> None:
    lines = list(table(api.url, CASES[:5]))
    assert len(lines) == 7
    assert lines[2] == (
        "| empty body | `POST /v1/models/gray/classify` | 400 `bad_request` | The body is empty; send a picture. |"
    )
