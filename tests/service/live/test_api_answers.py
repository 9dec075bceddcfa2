"""The answers of classify and cam, number by number: the tiny models can be worked out on paper."""

import base64
import math
from collections.abc import Iterator
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.service.inference.pictures import encode
from tests.service.live.api_service import CAM, CLASSIFY, PICTURE, quadrant
from tests.service.live.running import Service

# One logit of 10 and three of 0.
SURE = round(math.e**10 / (math.e**10 + 3), 6)
UNSURE = round(1 / (math.e**10 + 3), 6)
PNG = "image/png"


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


def several(*indices: int) -> dict[str, list[str]]:
    """A JSON body of quadrants."""
    return {"image": [base64.b64encode(encode(quadrant(index), "PNG")).decode() for index in indices]}


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def test_classify_names_the_model_and_gives_every_class_best_first(client: httpx.Client) -> None:
    response = client.post(CLASSIFY, content=PICTURE)
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "model": "gray",
        "version": 2,
        "predictions": [
            {"index": 1, "label": "top-right", "score": SURE},
            {"index": 0, "label": "top-left", "score": UNSURE},
            {"index": 2, "label": "bottom-left", "score": UNSURE},
            {"index": 3, "label": "bottom-right", "score": UNSURE},
        ],
    }


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_top_k_says_how_many(client: httpx.Client, top_k: int) -> None:
    predictions = client.post(CLASSIFY, content=PICTURE, params={"top_k": top_k}).json()["predictions"]
    assert [entry["index"] for entry in predictions] == [1, 0, 2, 3][:top_k]


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_in_the_path_answers_itself(client: httpx.Client, version: int) -> None:
    base = f"/v1/models/gray/versions/{version}"
    assert client.post(f"{base}/classify", content=PICTURE).json()["version"] == version
    assert client.post(f"{base}/cam", content=PICTURE, params={"format": "json"}).json()["version"] == version
    assert client.post(f"{base}/cam", content=PICTURE).headers["x-convoy-version"] == str(version)


def test_several_pictures_are_answered_in_order(client: httpx.Client) -> None:
    answer = client.post(CLASSIFY, json=several(3, 1), params={"top_k": 1}).json()
    assert answer == {
        "model": "gray",
        "version": 2,
        "results": [
            {"predictions": [{"index": 3, "label": "bottom-right", "score": SURE}]},
            {"predictions": [{"index": 1, "label": "top-right", "score": SURE}]},
        ],
    }


def test_cam_in_json_is_the_map_at_its_own_size(client: httpx.Client) -> None:
    answer = client.post(CAM, content=PICTURE, params={"format": "json"}).json()
    assert answer == {
        "model": "gray",
        "version": 2,
        "method": "cam",
        "target": {"index": 1, "label": "top-right", "score": SURE},
        "height": 2,
        "width": 2,
        "cam": [[0.0, 1.0], [0.0, 0.0]],
    }


@pytest.mark.parametrize("target", ["2", "bottom-left"])
def test_cam_explains_the_class_that_is_asked_for_by_index_or_label(client: httpx.Client, target: str) -> None:
    dim = quadrant(1)
    dim.paste("#808080", (0, 14, 14, 28))
    answer = client.post(CAM, content=encode(dim, "PNG"), params={"format": "json", "target": target}).json()
    assert answer["target"]["index"] == 2
    assert answer["target"]["label"] == "bottom-left"
    dim_logit = 10 * 128 / 255
    assert answer["target"]["score"] == pytest.approx(
        math.exp(dim_logit) / (math.exp(dim_logit) + math.e**10 + 2), abs=1e-6
    )
    assert answer["cam"] == [[0.0, 0.0], [1.0, 0.0]]


def test_an_integer_is_an_index_and_anything_else_a_label(client: httpx.Client) -> None:
    target = "/v1/models/colour/cam"  # whose class 0 is labelled "0", 1 "null", 3 "4"
    for text, index in (("0", 0), ("null", 1), ("über/a b", 2), ("3", 3)):
        answer = client.post(target, content=PICTURE, params={"format": "json", "target": text}).json()
        assert answer["target"]["index"] == index
    assert client.post(target, content=PICTURE, params={"target": "4"}).json()["code"] == "unknown_target"


def test_a_map_of_zeros_stays_zero(client: httpx.Client) -> None:
    answer = client.post(CAM, content=PICTURE, params={"format": "json", "target": "0"}).json()
    assert answer["cam"] == [[0.0, 0.0], [0.0, 0.0]]
    heatmap = opened(client.post(CAM, content=PICTURE, params={"format": "heatmap", "target": "0"}).content)
    assert heatmap.getextrema() == (0, 0)


@pytest.mark.parametrize("form", [None, "overlay", "heatmap"])
def test_the_headers_of_a_picture_say_what_it_shows(client: httpx.Client, form: str | None) -> None:
    response = client.post(
        "/v1/models/colour/cam", content=encode(quadrant(2), "PNG"), params={"format": form} if form else {}
    )
    assert response.headers["content-type"] == PNG
    shown = {name: value for name, value in response.headers.items() if name.startswith("x-convoy-")}
    assert shown == {
        "x-convoy-model": "colour",
        "x-convoy-version": "1",
        "x-convoy-target-index": "2",
        "x-convoy-target-label": "%C3%BCber/a%20b",
        "x-convoy-target-score": f"{SURE:.6f}",
    }


@pytest.mark.parametrize(("form", "mode"), [("overlay", "RGB"), ("heatmap", "L")])
@pytest.mark.parametrize("turned", [False, True])
def test_a_picture_has_the_size_of_the_one_sent_when_upright(
    client: httpx.Client, form: str, mode: str, turned: bool
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6 if turned else 1
    sent = encode(quadrant(1, size_px=(61, 33)), "JPEG", exif=exif, quality=95)
    image = opened(client.post(CAM, content=sent, params={"format": form}).content)
    assert (image.format, image.mode) == ("PNG", mode)
    assert image.size == ((33, 61) if turned else (61, 33))


def test_the_heatmap_is_light_where_the_class_was_seen(client: httpx.Client) -> None:
    heatmap = np.asarray(opened(client.post(CAM, content=PICTURE, params={"format": "heatmap"}).content))
    assert heatmap.shape == (28, 28)
    assert heatmap[2, 25] == 255
    assert heatmap[25, 2] == 0
    assert heatmap[:14, 14:].mean() > 3 * heatmap[:14, :14].mean()


def test_the_overlay_leaves_the_picture_to_be_seen_and_differs_where_the_class_was_seen(client: httpx.Client) -> None:
    overlay = np.asarray(opened(client.post(CAM, content=PICTURE).content)).astype(int)
    sent = np.asarray(opened(PICTURE)).astype(int)
    assert np.abs(overlay[2, 25] - sent[2, 25]).sum() > 50
    assert overlay[:14, 14:].mean() > overlay[:14, :14].mean() + 50


def test_several_pictures_come_as_base64_of_what_each_would_have_been(client: httpx.Client) -> None:
    answer = client.post(CAM, json=several(0, 3)).json()
    assert list(answer) == ["model", "version", "results"]
    alone = [client.post(CAM, content=encode(quadrant(index), "PNG")).content for index in (0, 3)]
    assert [base64.b64decode(text, validate=True) for text in answer["results"]] == alone


def test_several_maps_in_json_come_without_the_model_in_each(client: httpx.Client) -> None:
    answer = client.post(CAM, json=several(0, 3), params={"format": "json"}).json()
    assert list(answer) == ["model", "version", "results"]
    assert [list(result) for result in answer["results"]] == [["method", "target", "height", "width", "cam"]] * 2
    assert [result["target"]["index"] for result in answer["results"]] == [0, 3]


def best(response: httpx.Response) -> str:
    label: str = response.json()["predictions"][0]["label"]
    return label


def test_polarity_turns_a_picture_round_when_told(client: httpx.Client) -> None:
    dark = encode(quadrant(3, light="black", dark="white"), "PNG")
    assert best(client.post(CLASSIFY, content=dark)) != "bottom-right"
    assert best(client.post(CLASSIFY, content=dark, params={"polarity": "light-on-dark"})) != "bottom-right"
    assert best(client.post(CLASSIFY, content=dark, params={"polarity": "dark-on-light"})) == "bottom-right"
    assert best(client.post(CLASSIFY, content=PICTURE, params={"polarity": "light-on-dark"})) == "top-right"


@pytest.mark.parametrize(("ground", "ink"), [("white", "black"), ("black", "white"), ("#ddd", "#303060")])
def test_polarity_auto_decides_by_itself(client: httpx.Client, ground: str, ink: str) -> None:
    page = Image.new("RGB", (56, 56), ground)
    ImageDraw.Draw(page).line([(36, 44), (40, 36), (50, 50)], fill=ink, width=3)
    response = client.post(CLASSIFY, content=encode(page, "PNG"), params={"polarity": "auto"})
    assert best(response) == "bottom-right"


def test_polarity_turns_what_the_map_is_made_from_but_not_what_it_is_laid_over(client: httpx.Client) -> None:
    dark = encode(quadrant(3, light="black", dark="white"), "PNG")
    response = client.post(CAM, content=dark, params={"polarity": "dark-on-light"})
    assert response.headers["x-convoy-target-label"] == "bottom-right"
    overlay = np.asarray(opened(response.content)).astype(int)
    assert overlay[2, 2].sum() > overlay[25, 25].sum()
