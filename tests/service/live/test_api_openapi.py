"""What the service answers is what its description says: every good answer's shape, every refusal's status."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.service.http.openapi_rules import check_document, misfits, operations
from tests.service.live.api_service import PICTURE
from tests.service.live.bad_inputs import CASES
from tests.service.live.running import Service

BASE64 = base64.b64encode(PICTURE).decode()
ONE: dict[str, Any] = {"content": PICTURE}
SEVERAL: dict[str, Any] = {"json": {"image": [BASE64, BASE64]}}
FORM: dict[str, Any] = {"files": {"image": PICTURE}, "data": {"model": "gray"}}
AS_JSON: dict[str, Any] = {"params": {"format": "json"}}
SURE = {"scores": "true", "confidence": "true"}
MASKS: list[tuple[str, dict[str, str]]] = [
    ("png", {}), ("color", {}), ("overlay", {}), ("rle", {}), ("rle", {"rle": "uncompressed"}), ("polygons", SURE),
    ("polygons", {"polygons": "coco", "tolerance": "1"}), ("json", {}), ("json", {**SURE, "tile": "true"}),
]  # fmt: skip
GETS = ("/v1/models", "/v1/models/gray", "/v1/models/broken", "/v1/models/colour/versions/1", "/livez", "/readyz",
        "/metrics", "/openapi.json", "/docs", "/schema.json", "/")  # fmt: skip
GOOD: list[tuple[str, str, dict[str, Any]]] = [
    *(("GET", path, {}) for path in GETS),
    *(("POST", f"/v1/models/gray{version}/classify", body)
      for version in ("", "/versions/1") for body in (ONE, SEVERAL)),
    *(("POST", f"/v1/models/gray{version}/cam", {**body, **form})
      for version in ("", "/versions/1") for body in (ONE, SEVERAL) for form in ({}, AS_JSON)),
    *(("POST", f"/v1/models/levels{version}/segment", {**body, "params": {"format": form, **more}})
      for version in ("", "/versions/1") for body in (ONE, SEVERAL) for form, more in MASKS),
    ("POST", "/segment", {**FORM, "data": {"model": "levels"}}),
    ("POST", "/segment", {**FORM, "data": {"model": "coarse", "format": "json", "tile": "true"}}),
    ("POST", "/classify", FORM),
    ("POST", "/cam", FORM),
    ("POST", "/cam", {**FORM, "data": {"model": "gray", "format": "json"}}),
]  # fmt: skip


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    """As it is sent."""
    response = client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    sent: dict[str, Any] = response.json()
    return sent


@pytest.mark.parametrize("form", ["png", "rle"])
def test_every_default_may_be_said(document: dict[str, Any], client: httpx.Client, form: str) -> None:
    # Generated clients and the page fill them all in.
    parameters = document["paths"]["/v1/models/{name}/segment"]["post"]["parameters"]
    defaults = {each["name"]: each["schema"]["default"] for each in parameters if "default" in each["schema"]}
    assert len(defaults) == 7
    sent = {name: str(value).lower() for name, value in defaults.items()} | {"format": form}
    response = client.post("/v1/models/levels/segment", params=sent, content=PICTURE)
    assert response.status_code == 200, response.text
    assert response.content == client.post(f"/v1/models/levels/segment?format={form}", content=PICTURE).content


def described(document: dict[str, Any], method: str, target: str) -> tuple[str, dict[str, Any]] | None:
    """The template and the responses for a request."""
    path = target.partition("?")[0]
    for template, one_method, operation in operations(document):
        if method.lower() == one_method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return template, operation["responses"]
    return None


def test_the_document_that_is_sent_keeps_the_rules(document: dict[str, Any]) -> None:
    check_document(document)


@pytest.mark.parametrize(("method", "target", "options"), GOOD)
def test_good_answers_have_the_shape_that_is_described(
    client: httpx.Client, document: dict[str, Any], method: str, target: str, options: dict[str, Any]
) -> None:
    response = client.request(method, target, **options)
    found = described(document, method, target)
    assert found is not None
    assert response.is_success or response.is_redirect
    content = found[1][str(response.status_code)].get("content", {})
    if response.is_redirect:
        return
    media_type = response.headers["content-type"].partition(";")[0]
    schema = content[media_type]["schema"]
    if media_type == "application/json":
        assert misfits(document, schema, response.json()) == []
    else:
        assert schema["type"] == "string"


def test_every_operation_is_among_the_good_answers(document: dict[str, Any]) -> None:
    tried = {(found[0], method) for method, target, _ in GOOD if (found := described(document, method, target))}
    assert tried == {(path, method.upper()) for path, method, _ in operations(document)}


def test_every_refusal_of_a_known_path_is_described(document: dict[str, Any]) -> None:
    checked = 0
    for case in CASES:
        method, _, target = case.shown.partition(" ")
        found = described(document, method, target.partition(" ")[0].rstrip(","))
        # What is wrong with the connection, or with the path or method itself, belongs to no operation.
        if found is None or case.code in ("not_found", "method_not_allowed"):
            continue
        checked += 1
        assert str(case.status) in found[1], case
    assert checked > 150
