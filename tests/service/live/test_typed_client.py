"""The typed pair of routes, through BentoML's own client and through plain forms."""

import math
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.service.inference.pictures import encode
from tests.service.live.api_service import PICTURE, quadrant
from tests.service.live.bentoml_client import said_by
from tests.service.live.running import Service

_CALLS = """
import json, sys
from pathlib import Path
import bentoml

url, folder = sys.argv[1], Path(sys.argv[2])
said = {}
with bentoml.SyncHTTPClient(url, server_ready_timeout=10, timeout=20) as client:
    said["routes"] = sorted(name for name in ("classify", "cam", "segment") if hasattr(client, name))
    said["ready"] = client.is_ready()
    said["default"] = client.classify(image=folder / "one.png")
    said["named"] = client.classify(image=folder / "one.png", model="gray", top_k=2)
    said["turned"] = client.classify(image=folder / "dark.png", model="gray", top_k=1, polarity="dark-on-light")
    said["jpeg"] = client.classify(image=folder / "one.jpg", model="gray", top_k=1)
    for name, options in {
        "map": {}, "label": dict(model="gray", target="bottom-left"), "index": dict(model="gray", target="3")
    }.items():
        image = client.cam(image=folder / "one.png", **options)
        said[name] = [image.format, *image.size]
    for name, options in {
        "unknown": dict(image=folder / "one.png", model="nobody"),
        "range": dict(image=folder / "one.png", model="gray", top_k=9),
        "text": dict(image=folder / "one.txt", model="gray"),
    }.items():
        try:
            client.classify(**options)
        except bentoml.exceptions.BentoMLException as error:
            said[name] = [int(error.error_code), str(error)]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(api: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What BentoML's client got for each of its calls."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "one.png").write_bytes(encode(quadrant(1, size_px=(56, 28)), "PNG"))
    (folder / "one.jpg").write_bytes(encode(quadrant(1), "JPEG", quality=95))
    (folder / "dark.png").write_bytes(encode(quadrant(3, light="black", dark="white"), "PNG"))
    (folder / "one.txt").write_text("hello")
    return said_by(_CALLS, api.url, folder)


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


def test_bentoml_s_client_finds_all_routes_and_a_ready_service(said: dict[str, Any]) -> None:
    assert said["routes"] == ["cam", "classify", "segment"]
    assert said["ready"] is True


def test_bentoml_s_client_gets_classes_of_the_default_model(said: dict[str, Any]) -> None:
    answer = said["default"]
    assert (answer["model"], answer["version"]) == ("colour", 1)
    assert [entry["index"] for entry in answer["predictions"]] == [1, 0, 2, 3]


def test_bentoml_s_client_names_a_model_and_how_many_classes(said: dict[str, Any]) -> None:
    answer = said["named"]
    assert (answer["model"], answer["version"]) == ("gray", 2)
    assert [entry["label"] for entry in answer["predictions"]] == ["top-right", "top-left"]
    assert sum(entry["score"] for entry in answer["predictions"]) <= 1
    assert said["jpeg"]["predictions"][0]["label"] == "top-right"


def test_bentoml_s_client_says_the_polarity(said: dict[str, Any]) -> None:
    assert [entry["label"] for entry in said["turned"]["predictions"]] == ["bottom-right"]


@pytest.mark.parametrize("call", ["map", "label", "index"])
def test_bentoml_s_client_gets_a_map_of_the_picture_s_size(said: dict[str, Any], call: str) -> None:
    assert said[call] == ["PNG", 56, 28]


@pytest.mark.parametrize(
    ("call", "status", "sentence"),
    [
        ("unknown", 404, "There is no model named 'nobody'."),
        ("range", 422, "top_k has to be an integer from 1 to 4, not '9'."),
        ("text", 400, "This is not a picture that can be decoded; send JPEG, PNG, WebP, BMP, GIF or TIFF."),
    ],
)
def test_bentoml_s_client_raises_with_the_service_s_own_sentence(
    said: dict[str, Any], call: str, status: int, sentence: str
) -> None:
    assert said[call][0] == status
    assert sentence in said[call][1]


def test_a_plain_form_gets_what_the_path_of_the_model_gives(client: httpx.Client) -> None:
    files = {"image": ("a.png", PICTURE, "image/png")}
    typed = client.post("/classify", files=files, data={"model": "gray", "top_k": "3"})
    assert typed.json() == client.post("/v1/models/gray/classify?top_k=3", content=PICTURE).json()
    assert typed.json()["predictions"][0]["score"] == round(math.e**10 / (math.e**10 + 3), 6)
    drawn = client.post("/cam", files=files, data={"model": "gray", "target": "top-left"})
    by_path = client.post("/v1/models/gray/cam?target=top-left", content=PICTURE)
    assert drawn.content == by_path.content
    assert drawn.headers["x-convoy-target-label"] == by_path.headers["x-convoy-target-label"] == "top-left"


@pytest.mark.parametrize("written", ["gray", '"gray"'])
def test_a_field_may_be_written_plain_or_as_json(client: httpx.Client, written: str) -> None:
    answer = client.post("/classify", files={"image": PICTURE}, data={"model": written, "top_k": "null"})
    assert answer.json()["model"] == "gray"


@pytest.mark.parametrize("form", ["heatmap", "json"])
def test_the_form_of_a_map_can_be_chosen_there_too(client: httpx.Client, form: str) -> None:
    answer = client.post("/cam", files={"image": PICTURE}, data={"model": "gray", "format": form})
    if form == "json":
        assert answer.json()["cam"] == [[0.0, 1.0], [0.0, 0.0]]
    else:
        with Image.open(BytesIO(answer.content)) as image:
            assert (image.mode, image.size) == ("L", (28, 28))


def test_raw_bytes_and_json_go_to_the_default_model(client: httpx.Client) -> None:
    assert client.post("/classify", content=PICTURE).json()["model"] == "colour"
    assert client.post("/cam", content=PICTURE).headers["x-convoy-model"] == "colour"


def test_several_pictures_are_taken_there_too(client: httpx.Client) -> None:
    files = [("image", encode(quadrant(index), "PNG")) for index in (2, 3)]
    answer = client.post("/classify", files=files, data={"model": "gray"}).json()
    assert [result["predictions"][0]["index"] for result in answer["results"]] == [2, 3]
