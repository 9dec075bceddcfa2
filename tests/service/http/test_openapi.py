"""The description of the API is well formed and describes exactly the routes that there are."""

import json
from typing import Any

import pytest

from service.http.application import Application
from service.http.framework import PATHS as FRAMEWORK_PATHS
from service.http.framework import Framework
from service.http.openapi import openapi_document
from service.http.request import Receive, Scope, Send
from service.http.responses import STATUS_OF_CODE
from service.http.routes import Route
from service.settings import Settings
from tests.service.http.openapi_rules import check_document, misfits, operations

# The page itself loads these; nobody else asks for them.
FILES_OF_THE_PAGE = {path for path in FRAMEWORK_PATHS if path.startswith("/static_content/")}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """As it is sent."""
    sent: dict[str, Any] = json.loads(json.dumps(openapi_document("1.2.3")))
    return sent


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[Route]:
    """Every route of the application."""

    async def framework(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("nothing is asked")

    settings = Settings(repository=tmp_path_factory.mktemp("repository"), access_log=False, threads=1)
    application = Application(settings, "cpu")
    application.engine.stop()
    return application.routes(Framework(framework))


def test_the_document_keeps_the_rules(document: dict[str, Any]) -> None:
    check_document(document)
    assert document["info"]["version"] == "1.2.3"


def test_every_route_is_described_and_every_description_has_a_route(
    document: dict[str, Any], routes: list[Route]
) -> None:
    described = {(path, method.upper()) for path, method, _ in operations(document)}
    there = {(route.template, method) for route in routes for method in route.handlers}
    assert there - described == {(path, "GET") for path in FILES_OF_THE_PAGE}
    assert described <= there


def test_every_error_that_is_described_is_one_that_there_is(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status in ("200", "307"):
                continue
            codes = response["description"].split(" or ")
            assert codes, (path, method)
            assert {str(STATUS_OF_CODE[code]) for code in codes} == {status}
            assert set(codes) == {code for code, of in STATUS_OF_CODE.items() if str(of) == status}
            assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    error = document["components"]["schemas"]["Error"]
    assert set(error["properties"]["code"]["enum"]) == set(STATUS_OF_CODE)


@pytest.mark.parametrize(
    ("value", "misfit"),
    [
        ({"index": 1, "label": "a", "score": 0.5}, None),
        ({"index": 1, "label": "a"}, ".score: missing"),
        ({"index": "1", "label": "a", "score": 0.5}, ".index: str, not integer"),
        ({"index": True, "label": "a", "score": 0.5}, ".index: bool, not integer"),
        ({"index": 1, "label": None, "score": 0.5}, ".label: null"),
        ({"index": 1, "label": "a", "score": -0.5}, ".score: -0.5 is too small"),
        ({"index": 1, "label": "a", "score": 0.5, "more": 1}, ".more: not described"),
    ],
)
def test_the_comparison_with_a_schema_finds_what_differs(
    document: dict[str, Any], value: dict[str, Any], misfit: str | None
) -> None:
    schema = {"$ref": "#/components/schemas/Prediction"}
    assert misfits(document, schema, value) == ([] if misfit is None else [misfit])
