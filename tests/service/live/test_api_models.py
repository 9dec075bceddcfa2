"""What the service says of its models and of itself, and the manners that every path has in common."""

import hashlib
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.service.live.api_service import CAM, CLASSIFY, PICTURE, written
from tests.service.live.running import Service
from tests.service.live.wire import exchange, request
from tests.service.tiny_artifact import CELL_LABELS
from tests.service.tiny_segmenter import LEVEL_LABELS

GRAY = {
    "name": "gray",
    "version": 2,
    "task": "image-classification",
    "state": "ready",
    "reason": None,
    "labels": list(CELL_LABELS),
    "provider": "cpu",
}
COLOUR = {**GRAY, "name": "colour", "version": 1, "labels": ["0", "null", "über/a b", "4"]}
LEVELS = {**COLOUR, "name": "levels", "task": "image-segmentation", "labels": list(LEVEL_LABELS)}
BROKEN = {
    "name": "broken",
    "version": 3,
    "task": None,
    "state": "failed",
    "reason": "onnxruntime cannot open model.onnx: Protobuf parsing failed.",
    "labels": [],
    "provider": None,
}


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


def test_the_list_has_every_version_of_every_model(client: httpx.Client) -> None:
    response = client.get("/v1/models")
    assert response.status_code == 200
    coarse, first = {**LEVELS, "name": "coarse"}, {**GRAY, "version": 1}
    assert response.json() == {"models": [BROKEN, coarse, COLOUR, first, GRAY, LEVELS]}


def test_a_model_is_its_newest_version_with_what_its_artifact_says(api: Service, client: httpx.Client) -> None:
    artifact = api.log_path.parent / "repository/gray/2/model.onnx"
    assert client.get("/v1/models/gray").json() == {
        **GRAY,
        "architecture": "tiny",
        "preprocessing": {
            "height": 28,
            "width": 28,
            "resize": "stretch",
            "shortest_edge": None,
            "longest_edge": None,
            "interpolation": "bilinear",
            "antialias": True,
            "colour": "gray",
            "polarity": "light-on-dark",
        },
        "dataset": "none",
        "metrics": [],
        "cam": {"method": "cam", "layer": "cells"},
        "precision": "fp32",
        "source_revision": "",
        "sha256": hashlib.sha256(artifact.read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_is_shown_like_its_model(client: httpx.Client, version: int) -> None:
    model = client.get("/v1/models/gray").json()
    assert client.get(f"/v1/models/gray/versions/{version}").json() == {**model, "version": version}


@pytest.mark.parametrize("path", ["/v1/models/broken", "/v1/models/broken/versions/3"])
def test_a_model_that_failed_to_load_is_shown_with_the_reason(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.json() == BROKEN


@pytest.mark.parametrize("path", ["/v1/models/broken/classify", "/v1/models/broken/versions/3/cam"])
def test_a_model_that_failed_to_load_answers_503_with_the_reason(client: httpx.Client, path: str) -> None:
    response = client.post(path, content=PICTURE)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert response.json() == {
        "error": f"Version 3 of model 'broken' failed to load: {BROKEN['reason']}",
        "code": "not_ready",
    }


def test_a_failed_model_does_not_keep_traffic_away(client: httpx.Client) -> None:
    assert client.get("/readyz").json() == {"status": "ready"}
    assert client.get("/livez").json() == {"status": "live"}


def test_the_root_leads_to_the_documentation(client: httpx.Client) -> None:
    response = client.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/docs")


GETS = ("/v1/models", "/v1/models/gray", "/v1/models/gray/versions/1", "/livez", "/readyz", "/metrics", "/docs",
        "/openapi.json", "/", "/schema.json", "/static_content/swagger-ui.css")  # fmt: skip


@pytest.mark.parametrize("path", [*GETS, "/v1/models/nobody", "/nothing"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    if path != "/metrics":
        assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize("path", [*GETS, "/nothing", CLASSIFY])
@pytest.mark.parametrize("given", ["a", "id-42/ä".encode().hex(), "!" * 128, "{}[]\"'<>&"])
def test_a_request_id_goes_back_as_it_came(client: httpx.Client, path: str, given: str) -> None:
    assert client.get(path, headers={"x-request-id": given}).headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", [None, "", "two words", "x" * 129, "tab\there"])
def test_a_request_id_is_made_where_none_that_can_be_used_is_given(client: httpx.Client, given: str | None) -> None:
    headers = {} if given is None else {"x-request-id": given}
    made = [client.post(CLASSIFY, content=PICTURE, headers=headers).headers["x-request-id"] for _ in range(2)]
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in made)
    assert made[0] != made[1]


def test_a_request_id_that_is_not_ascii_is_replaced(api: Service) -> None:
    answer = exchange(api.url, [request("GET", "/livez", headers={"X-Request-ID": "ä"})])
    assert len(answer.headers["x-request-id"]) == 32


def test_the_access_log_names_a_request_by_its_id(api: Service, client: httpx.Client) -> None:
    client.post(CAM, content=PICTURE, headers={"x-request-id": "find-me"})
    client.post(f"{CAM}?target=nobody", content=PICTURE, headers={"x-request-id": "find-me-too"})
    ends = time.monotonic() + 5
    lines = ""
    while "find-me-too" not in lines and time.monotonic() < ends:
        time.sleep(0.05)
        lines = api.log[: written(api.log)]
    assert '"request_id":"find-me","method":"POST","path":"/v1/models/gray/cam"' in lines
    assert '"status":422,"code":"unknown_target"' in next(line for line in lines.splitlines() if "find-me-too" in line)
