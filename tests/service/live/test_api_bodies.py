"""Every form that a body may have, with every Content-Type that people send with it."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.service.inference.pictures import encode
from tests.service.live.api_service import CLASSIFY, MAX_BODY_BYTES, PICTURE, quadrant
from tests.service.live.running import Service
from tests.service.live.wire import chunked, exchange, request

FORMATS = {
    "image/jpeg": encode(quadrant(2), "JPEG", quality=95),
    "image/png": encode(quadrant(2), "PNG"),
    "image/webp": encode(quadrant(2), "WEBP", lossless=True),
    "image/bmp": encode(quadrant(2), "BMP"),
    "image/gif": encode(quadrant(2), "GIF"),
    "image/tiff": encode(quadrant(2), "TIFF"),
}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


def best(response: httpx.Response) -> int:
    """The index of the best class of the one picture."""
    assert response.status_code == 200, response.text
    answer = response.json()
    assert list(answer) == ["model", "version", "predictions"]
    index: int = answer["predictions"][0]["index"]
    return index


def bests(response: httpx.Response) -> list[int]:
    """The indices of the best classes of several pictures."""
    assert response.status_code == 200, response.text
    answer = response.json()
    assert list(answer) == ["model", "version", "results"]
    assert all(list(result) == ["predictions"] for result in answer["results"])
    return [result["predictions"][0]["index"] for result in answer["results"]]


@pytest.mark.parametrize("model", ["gray", "colour"])
@pytest.mark.parametrize("kind", FORMATS)
def test_raw_bytes_of_each_format_are_taken_by_every_network(client: httpx.Client, kind: str, model: str) -> None:
    target = f"/v1/models/{model}/classify"
    assert best(client.post(target, content=FORMATS[kind], headers={"content-type": kind})) == 2


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "application/octet-stream",
        "application/x-www-form-urlencoded",  # curl --data-binary
        "image/heic",
        "text/plain; charset=utf-8",
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "nonsense",
    ],
)
@pytest.mark.parametrize("kind", FORMATS)
def test_raw_bytes_are_known_by_themselves_whatever_their_type_says(
    client: httpx.Client, kind: str, said: str | None
) -> None:
    headers = {} if said is None else {"content-type": said}
    assert best(client.post(CLASSIFY, content=FORMATS[kind], headers=headers)) == 2


@pytest.mark.parametrize("kind", FORMATS)
def test_a_form_with_one_part_is_answered_as_one_picture(client: httpx.Client, kind: str) -> None:
    assert best(client.post(CLASSIFY, files={"image": ("a.bin", FORMATS[kind], kind)})) == 2


def test_a_form_s_part_needs_neither_a_type_nor_a_file_name(client: httpx.Client) -> None:
    assert best(client.post(CLASSIFY, files={"image": (None, PICTURE)})) == 1
    assert best(client.post(CLASSIFY, files={"image": ("a.csv", PICTURE, "text/csv")})) == 1


def test_a_form_with_several_parts_is_answered_in_their_order(client: httpx.Client) -> None:
    files = [("image", (f"{index}.png", encode(quadrant(index), "PNG"))) for index in (3, 0, 2, 1)]
    assert bests(client.post(CLASSIFY, files=files)) == [3, 0, 2, 1]


@pytest.mark.parametrize("said", ["application/json", "application/json; charset=utf-8", "application/ld+json", None])
def test_base64_in_json_is_taken_with_and_without_its_type(client: httpx.Client, said: str | None) -> None:
    body = b'{"image": "' + base64.b64encode(PICTURE) + b'"}'
    assert best(client.post(CLASSIFY, content=body, headers={} if said is None else {"content-type": said})) == 1


def test_json_said_to_be_a_picture_is_read_as_json(client: httpx.Client) -> None:
    body = b' \n{"image": "' + base64.b64encode(PICTURE) + b'"}'
    assert best(client.post(CLASSIFY, content=body, headers={"content-type": "image/png"})) == 1


@pytest.mark.parametrize("kind", FORMATS)
def test_json_takes_base64_plain_in_lines_and_as_a_data_url(client: httpx.Client, kind: str) -> None:
    data = FORMATS[kind]
    plain, lines = base64.b64encode(data).decode(), base64.encodebytes(data).decode()
    for text in (plain, lines, f"data:{kind};base64,{plain}", f"data:;base64,{plain}"):
        assert best(client.post(CLASSIFY, json={"image": text})) == 2


def test_a_json_list_is_answered_as_several_even_where_it_holds_one(client: httpx.Client) -> None:
    texts = [base64.b64encode(encode(quadrant(index), "PNG")).decode() for index in (1, 3, 0, 2)]
    assert bests(client.post(CLASSIFY, json={"image": texts})) == [1, 3, 0, 2]
    assert bests(client.post(CLASSIFY, json={"image": texts[:1]})) == [1]


def test_a_body_of_exactly_the_limit_is_taken(api: Service) -> None:
    padded = PICTURE + bytes(MAX_BODY_BYTES - len(PICTURE))
    assert exchange(api.url, [request("POST", CLASSIFY, padded)]).status == 200
    assert exchange(api.url, [chunked("POST", CLASSIFY, [padded[:1000], padded[1000:]])]).status == 200


def test_a_body_in_many_small_chunks_is_put_together(api: Service) -> None:
    answer = exchange(api.url, [chunked("POST", CLASSIFY, [bytes((byte,)) for byte in PICTURE])])
    assert (answer.status, b'"index":1' in answer.body) == (200, True)


def test_a_body_that_trickles_within_its_time_is_taken(api: Service) -> None:
    whole = request("POST", CLASSIFY, PICTURE)
    pieces = [whole[at : at + 40] for at in range(0, len(whole), 40)]
    assert exchange(api.url, pieces, pause_s=0.4 / len(pieces)).status == 200


def test_a_gray_picture_is_three_equal_channels_to_a_colour_network(client: httpx.Client) -> None:
    gray = quadrant(0).convert("L")
    for mode in ("L", "1", "LA", "I;16"):
        picture = Image.new("I;16", gray.size) if mode == "I;16" else gray.convert(mode)
        if mode == "I;16":
            picture.putdata([value * 257 for value in gray.tobytes()])
        assert best(client.post("/v1/models/colour/classify", content=encode(picture, "PNG"))) == 0


def test_a_colour_picture_is_luma_to_a_gray_network(client: httpx.Client) -> None:
    # By ITU-R 601, green is lighter than red, and red than blue.
    picture = quadrant(0, light="lime", dark="blue")
    picture.paste(quadrant(0, light="red", dark="blue").crop((0, 0, 14, 14)), (14, 14))
    scores = client.post(CLASSIFY, content=encode(picture, "PNG"), params={"top_k": 4}).json()["predictions"]
    assert [entry["label"] for entry in scores[:2]] == ["top-left", "bottom-right"]


def rotated(image: Image.Image) -> dict[str, Any]:
    """JPEG options for a camera that was held upright: stored lying, to be turned by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"exif": exif, "quality": 95}


def test_a_picture_is_classified_upright(client: httpx.Client) -> None:
    # Turned clockwise, what lies top left comes to lie top right.
    lying = quadrant(0)
    assert best(client.post(CLASSIFY, content=encode(lying, "JPEG", quality=95))) == 0
    assert best(client.post(CLASSIFY, content=encode(lying, "JPEG", **rotated(lying)))) == 1


def test_a_transparent_ground_is_white_paper(client: httpx.Client) -> None:
    picture = quadrant(3).convert("RGBA")
    picture.putalpha(quadrant(2, light="black", dark="white").convert("L"))
    scores = client.post(CLASSIFY, content=encode(picture, "PNG"), params={"top_k": 2}).json()["predictions"]
    assert {entry["label"] for entry in scores} == {"bottom-left", "bottom-right"}


def test_the_first_picture_of_an_animation_counts(client: httpx.Client) -> None:
    frames = encode(quadrant(3), "GIF", save_all=True, append_images=[quadrant(0), quadrant(1)])
    assert best(client.post(CLASSIFY, content=frames)) == 3
