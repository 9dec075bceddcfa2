"""Masks through BentoML's own client, and through plain forms at its route."""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.service.inference.pictures import encode, photo
from tests.service.live.api_service import SEGMENT
from tests.service.live.bentoml_client import said_by
from tests.service.live.level_masks import array, level_mask
from tests.service.live.running import Service

IMAGE = photo(61, 33)
PICTURE = encode(IMAGE, "PNG")
_CALLS = """
import json, sys
from pathlib import Path
import bentoml

url, image = sys.argv[1], Path(sys.argv[2])
said = {}
with bentoml.SyncHTTPClient(url, server_ready_timeout=10, timeout=20) as client:
    for name, options in {
        "default": {}, "named": dict(model="levels"), "whole": dict(model="coarse", tile=False),
        "tiled": dict(model="coarse", tile=True),
    }.items():
        mask = client.segment(image=image, **options)
        said[name] = dict(form=mask.format, mode=mask.mode, size=mask.size, pixels=list(mask.convert("L").tobytes()))
    for name, options in {"classifier": dict(model="gray"), "polarity": dict(model="levels", polarity="auto")}.items():
        try:
            client.segment(image=image, **options)
        except bentoml.exceptions.BentoMLException as error:
            said[name] = [int(error.error_code), str(error)]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(api: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What BentoML's client got for each of its calls."""
    image = tmp_path_factory.mktemp("typed") / "image.png"
    image.write_bytes(PICTURE)
    return said_by(_CALLS, api.url, image)


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


@pytest.mark.parametrize("call", ["default", "named", "whole", "tiled"])
def test_bentoml_s_client_gets_a_mask_of_the_picture_s_size(said: dict[str, Any], call: str) -> None:
    assert (said[call]["form"], said[call]["mode"], said[call]["size"]) == ("PNG", "L", [61, 33])


def test_bentoml_s_client_names_a_model_and_says_as_a_boolean_whether_to_tile(said: dict[str, Any]) -> None:
    exact = level_mask(IMAGE).ravel().tolist()
    assert said["named"]["pixels"] == said["tiled"]["pixels"] == exact
    # The first segmenter by name is the one that resizes.
    assert said["default"]["pixels"] == said["whole"]["pixels"] != exact


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("classifier", "Model 'gray' does image-classification, which is not asked for here."),
        ("polarity", "Model 'levels' takes pictures of any polarity."),
    ],
)
def test_bentoml_s_client_raises_with_the_service_s_own_sentence(
    said: dict[str, Any], call: str, sentence: str
) -> None:
    assert said[call][0] == 422
    assert sentence in said[call][1]


@pytest.mark.parametrize(
    "fields",
    [{}, {"format": "overlay"}, {"format": "json", "scores": "true", "tile": "True"},
     {"format": "polygons", "polygons": "coco", "tolerance": "1e-1"}],
    ids=str,
)  # fmt: skip
def test_a_plain_form_gets_what_the_path_of_the_model_gives(client: httpx.Client, fields: dict[str, str]) -> None:
    typed = client.post("/segment", files={"image": PICTURE}, data={"model": "levels", **fields})
    by_path = client.post(SEGMENT, content=PICTURE, params=fields)
    assert typed.status_code == by_path.status_code == 200
    assert typed.headers["content-type"] == by_path.headers["content-type"]
    assert typed.content == by_path.content


def test_several_pictures_and_raw_bytes_are_taken_there_too(client: httpx.Client) -> None:
    files = [("image", PICTURE), ("image", encode(IMAGE.rotate(180), "PNG"))]
    answer = client.post("/segment", files=files, data={"model": "levels"}).json()
    first, second = (array(text) for text in answer["results"])
    assert np.array_equal(first, level_mask(IMAGE))
    assert np.array_equal(second, np.rot90(first, 2))
    assert client.post("/segment", content=PICTURE).headers["x-convoy-model"] == "coarse"
