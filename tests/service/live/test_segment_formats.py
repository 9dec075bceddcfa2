"""The forms of a mask: each says what the others say, and what the picture's brightness says."""

import base64
import math
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pycocotools.mask
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.inference.masks.palette import class_colours
from tests.service.inference.masks.rings import distance, filled
from tests.service.inference.pictures import encode, photo
from tests.service.live.api_service import SEGMENT
from tests.service.live.level_masks import array, level_mask, level_scores, opened, shapes
from tests.service.live.running import Service
from tests.service.tiny_segmenter import LEVEL_LABELS

# What COCO's own decoder warns of is its arrays' way of being turned into numpy's.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPES = shapes()
RGB = photo(52, 37)
PICTURES = {"gray": SHAPES, "colour": RGB}
PICTURE_FORMATS = ("png", "color", "overlay")
COLOURS = class_colours(len(LEVEL_LABELS), background=True)


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


def segment(client: httpx.Client, image: Image.Image, **parameters: str) -> httpx.Response:
    response = client.post(SEGMENT, content=encode(image, "PNG"), params=parameters)
    assert response.status_code == 200, response.text
    return response


def several(*images: Image.Image) -> dict[str, list[str]]:
    return {"image": [base64.b64encode(encode(image, "PNG")).decode() for image in images]}


def by_index(answer: Any) -> dict[int, Any]:
    return {each["index"]: each for each in answer["classes"]}


def decoded(rle: dict[str, Any]) -> NDArray[np.uint8]:
    """By COCO's tools, from the string or from the numbers."""
    if isinstance(rle["counts"], list):
        rle = pycocotools.mask.frPyObjects(rle, *rle["size"])
    mask: NDArray[np.uint8] = pycocotools.mask.decode(rle)
    return mask


def rings_of(regions: list[Any]) -> list[NDArray[np.int32]]:
    return [np.array(ring, np.int32) for region in regions for ring in (region["exterior"], *region["holes"])]


@pytest.mark.parametrize("image", PICTURES.values(), ids=PICTURES)
def test_without_a_format_the_answer_is_a_gray_picture_of_class_indices(
    client: httpx.Client, image: Image.Image
) -> None:
    response = segment(client, image)
    assert response.headers["content-type"] == "image/png"
    mask = opened(response.content)
    assert (mask.format, mask.mode, mask.size) == ("PNG", "L", image.size)
    assert np.array_equal(np.asarray(mask), level_mask(image))
    assert set(mask.tobytes()) == {0, 1, 2}
    assert segment(client, image, format="png").content == response.content


@pytest.mark.parametrize("form", PICTURE_FORMATS)
def test_the_headers_of_a_picture_say_who_drew_it(client: httpx.Client, form: str) -> None:
    headers = segment(client, SHAPES, format=form).headers
    shown = {name: value for name, value in headers.items() if name.startswith("x-convoy-")}
    assert shown == {"x-convoy-model": "levels", "x-convoy-version": "1"}


@pytest.mark.parametrize("image", PICTURES.values(), ids=PICTURES)
def test_color_is_the_same_mask_in_the_colours_of_its_classes(client: httpx.Client, image: Image.Image) -> None:
    picture = opened(segment(client, image, format="color").content)
    assert picture.mode == "P"
    assert np.array_equal(np.asarray(picture), level_mask(image))
    assert np.array_equal(np.asarray(picture.convert("RGB")), COLOURS[level_mask(image)])


@pytest.mark.parametrize("image", PICTURES.values(), ids=PICTURES)
def test_overlay_mixes_the_colours_with_the_picture_and_leaves_the_background(
    client: httpx.Client, image: Image.Image
) -> None:
    overlay = array(segment(client, image, format="overlay").content)
    sent, mask = np.asarray(image.convert("RGB")), level_mask(image)
    assert np.array_equal(overlay[mask == 0], sent[mask == 0])
    expected = (sent.astype(float) + COLOURS[mask]) / 2
    assert np.abs(overlay - expected)[mask > 0].max() <= 1


@pytest.mark.parametrize("form", ["rle", "polygons", "json"])
@pytest.mark.parametrize("image", PICTURES.values(), ids=PICTURES)
def test_json_counts_the_pixels_of_each_class(client: httpx.Client, image: Image.Image, form: str) -> None:
    answer = segment(client, image, format=form).json()
    mask = level_mask(image)
    extra = ["mask"] if form == "json" else []
    assert list(answer) == ["model", "version", "width", "height", "classes", *extra]
    assert (answer["model"], answer["version"]) == ("levels", 1)
    assert (answer["width"], answer["height"]) == image.size
    for index, each in enumerate(answer["classes"]):
        assert (each["index"], each["label"]) == (index, LEVEL_LABELS[index])
        assert each["pixels"] == np.count_nonzero(mask == index)
        assert each["share"] == pytest.approx(each["pixels"] / mask.size, abs=5e-7)
        forms = [] if index == 0 else ["rle", "polygons"] if form == "json" else [form]
        assert list(each) == ["index", "label", "pixels", "share", *forms]


@pytest.mark.parametrize("form", [{}, {"rle": "compressed"}, {"rle": "uncompressed"}], ids=str)
@pytest.mark.parametrize("image", PICTURES.values(), ids=PICTURES)
def test_cocos_tools_decode_the_png_from_run_lengths(
    client: httpx.Client, image: Image.Image, form: dict[str, str]
) -> None:
    classes = by_index(segment(client, image, format="rle", **form).json())
    mask = array(segment(client, image).content)
    for index in (1, 2):
        rle = classes[index]["rle"]
        assert rle["size"] == [image.height, image.width]
        assert isinstance(rle["counts"], list if form == {"rle": "uncompressed"} else str)
        assert np.array_equal(decoded(rle), mask == index)


@pytest.mark.parametrize("image", PICTURES.values(), ids=PICTURES)
def test_rings_filled_by_the_even_odd_rule_are_the_png(client: httpx.Client, image: Image.Image) -> None:
    mask = array(segment(client, image).content)
    for parameters in ({}, {"polygons": "rings"}, {"tolerance": "0"}):
        classes = by_index(segment(client, image, format="polygons", **parameters).json())
        for index in (1, 2):
            assert np.array_equal(filled(rings_of(classes[index]["polygons"]), mask.shape), mask == index)
    assert any(region["holes"] for region in classes[2]["polygons"])


@pytest.mark.parametrize("image", PICTURES.values(), ids=PICTURES)
def test_cocos_tools_draw_the_png_from_flat_polygons(client: httpx.Client, image: Image.Image) -> None:
    mask = array(segment(client, image).content)
    classes = by_index(segment(client, image, format="polygons", polygons="coco").json())
    for index in (1, 2):
        flat = classes[index]["polygons"]
        assert all(len(ring) >= 8 and len(ring) % 2 == 0 for ring in flat)
        drawn = pycocotools.mask.merge(pycocotools.mask.frPyObjects(flat, *mask.shape))
        assert np.array_equal(pycocotools.mask.decode(drawn), mask == index)


def test_a_tolerance_makes_outlines_shorter_and_moves_no_border_farther_than_it_says(client: httpx.Client) -> None:
    image = shapes(90, 90)
    exact, simpler = (
        by_index(segment(client, image, format="polygons", tolerance=tolerance).json())[2]["polygons"]
        for tolerance in ("0", "2")
    )
    points = [sum(len(ring) for ring in rings_of(regions)) for regions in (exact, simpler)]
    assert 0 < points[1] < points[0] / 3
    mask = level_mask(image) == 2
    wrong = np.argwhere(filled(rings_of(simpler), mask.shape) != mask).astype(np.int32)
    assert len(wrong) > 0
    for y_x in wrong:
        # From a corner of the pixel, so that its diagonal comes on top.
        assert min(distance(y_x[::-1], ring) for ring in rings_of(exact)) <= 2 + math.sqrt(2)


def test_a_region_that_is_simplified_away_leaves_its_class_with_an_empty_list(client: httpx.Client) -> None:
    dot = Image.new("L", (30, 30))
    dot.putpixel((11, 7), 255)
    (_, white) = segment(client, dot, format="polygons", tolerance="100").json()["classes"]
    assert (white["index"], white["pixels"], white["polygons"]) == (2, 1, [])


def test_json_holds_what_the_other_formats_say(client: httpx.Client) -> None:
    everything = segment(client, SHAPES, format="json").json()
    assert base64.b64decode(everything["mask"], validate=True) == segment(client, SHAPES).content
    for form in ("rle", "polygons"):
        alone = segment(client, SHAPES, format=form).json()
        for each, own in zip(everything["classes"], alone["classes"], strict=True):
            assert each | own == each
    other = segment(client, SHAPES, format="json", rle="uncompressed", polygons="coco", tolerance="1").json()
    assert isinstance(other["classes"][1]["rle"]["counts"], list)
    assert isinstance(other["classes"][1]["polygons"][0][0], int)


@pytest.mark.parametrize("form", ["rle", "polygons", "json"])
def test_a_class_without_pixels_is_left_out(client: httpx.Client, form: str) -> None:
    white = {"index": 2, "label": "white", "pixels": 35, "share": 1.0}
    (only,) = segment(client, Image.new("L", (7, 5), 255), format=form).json()["classes"]
    assert only | white == only
    (background,) = segment(client, Image.new("L", (7, 5)), format=form).json()["classes"]
    assert background == {**white, "index": 0, "label": "background"}


def test_scores_are_the_mean_of_what_the_network_was_sure_of(client: httpx.Client) -> None:
    halves = Image.new("L", (10, 4), 191)
    halves.paste(255, (0, 0, 10, 2))
    answer = segment(client, halves, format="json", scores="true", confidence="true").json()
    # 191 / 255 lies 0.002 nearer to gray than to white.
    nearer = 1 / (1 + math.exp(-100 * ((1 - 191 / 255) - (191 / 255 - 0.5))))
    gray, white = answer["classes"]
    assert gray["score"] == pytest.approx(nearer, abs=0.5 / 255 + 1e-6)
    assert white["score"] == pytest.approx(1.0, abs=1e-6)
    confidence = array(answer["confidence"])
    assert confidence.shape == (4, 10)
    assert set(np.unique(confidence[:2])) == {255}
    assert set(np.unique(confidence[2:])) == {round(255 * nearer)}


@pytest.mark.parametrize("form", ["rle", "polygons", "json"])
def test_confidence_is_the_softmax_of_every_pixel(client: httpx.Client, form: str) -> None:
    answer = segment(client, RGB, format=form, scores="true", confidence="true").json()
    expected = level_scores(RGB)
    assert expected.min() < 0.6
    assert np.abs(array(answer["confidence"]) - 255 * expected).max() <= 0.51
    mask = level_mask(RGB)
    for index, each in by_index(answer).items():
        assert each["score"] == pytest.approx(expected[mask == index].mean(), abs=1 / 255)
    unasked = segment(client, RGB, format=form).json()
    assert "confidence" not in unasked
    assert not any("score" in each for each in unasked["classes"])


@pytest.mark.parametrize("form", PICTURE_FORMATS)
def test_several_pictures_come_as_base64_of_what_each_would_have_been(client: httpx.Client, form: str) -> None:
    answer = client.post(SEGMENT, json=several(SHAPES, RGB), params={"format": form}).json()
    assert list(answer) == ["model", "version", "results"]
    alone = [segment(client, image, format=form).content for image in (SHAPES, RGB)]
    assert [base64.b64decode(text, validate=True) for text in answer["results"]] == alone


@pytest.mark.parametrize(
    "parameters",
    [{"format": "rle"}, {"format": "rle", "rle": "uncompressed"}, {"format": "polygons"},
     {"format": "polygons", "polygons": "coco"}, {"format": "json", "scores": "true", "confidence": "true"}],
    ids=str,
)  # fmt: skip
def test_several_masks_in_json_are_those_of_each_without_the_model(
    client: httpx.Client, parameters: dict[str, str]
) -> None:
    answer = client.post(SEGMENT, json=several(SHAPES, RGB), params=parameters).json()
    assert (answer["model"], answer["version"]) == ("levels", 1)
    for image, result in zip((SHAPES, RGB), answer["results"], strict=True):
        alone = segment(client, image, **parameters).json()
        assert result == {name: alone[name] for name in alone if name not in ("model", "version")}


def test_a_list_of_one_is_a_list(client: httpx.Client) -> None:
    answer = client.post(SEGMENT, json=several(SHAPES), params={"format": "rle"}).json()
    assert list(answer) == ["model", "version", "results"]
    assert len(answer["results"]) == 1
