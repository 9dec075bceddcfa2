"""A mask has the size of the picture as people see it, whatever was sent and whatever size the network saw."""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.service.inference.pictures import encode, photo, samples_of_every_kind
from tests.service.live.api_service import SEGMENT
from tests.service.live.level_masks import array, level_logits, level_mask, opened, shapes
from tests.service.live.running import Service

COARSE = "/v1/models/coarse/segment"
ORIENTATION = 0x0112
# Two interpolations in float32 agree to this, for logits between -100 and 0.
CLOSE = 1e-3


@pytest.fixture(scope="module")
def client(api: Service) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


def mask_of(client: httpx.Client, data: bytes, target: str = SEGMENT, **parameters: str) -> NDArray[Any]:
    response = client.post(target, content=data, params=parameters)
    assert response.status_code == 200, response.text
    return array(response.content)


def logits_over(image: Image.Image) -> NDArray[np.float32]:
    """The logits that `coarse` gives for a picture, resized by Pillow to the picture's size (3, height, width)."""
    shorter, longer = sorted(image.size)
    edge_px, of_px = (16, shorter) if 16 * longer <= 64 * shorter else (64, longer)
    seen_px = max(1, edge_px * image.width // of_px), max(1, edge_px * image.height // of_px)
    seen = image.convert("L").resize(seen_px, Image.Resampling.BILINEAR)
    planes = [Image.fromarray(plane).resize(image.size, Image.Resampling.BILINEAR) for plane in level_logits(seen)]
    return np.stack([np.asarray(plane) for plane in planes])


def check_coarse(mask: NDArray[Any], image: Image.Image) -> None:
    """The class is the one of the largest logit, and any of two that are equal but for rounding."""
    logits = logits_over(image)
    assert mask.shape == logits.shape[1:]
    chosen = np.take_along_axis(logits, mask[np.newaxis].astype(np.intp), axis=0)[0]
    assert (logits.max(axis=0) - chosen).max() <= CLOSE


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_mask_is_upright_whichever_way_the_camera_was_held(client: httpx.Client, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encode(shapes(45, 31).convert("RGB"), form, exif=exif)
    upright = ImageOps.exif_transpose(opened(data))
    assert upright.size == ((45, 31) if orientation < 5 else (31, 45))
    assert np.array_equal(mask_of(client, data), level_mask(upright))
    check_coarse(mask_of(client, data, COARSE), upright)
    drawn = opened(client.post(COARSE, content=data, params={"format": "overlay"}).content)
    assert drawn.size == upright.size
    described = client.post(SEGMENT, content=data, params={"format": "rle"}).json()
    assert (described["width"], described["height"]) == upright.size


@pytest.mark.parametrize(
    "size_px",
    [(100, 60), (60, 100), (16, 16), (64, 16), (33, 17), (7, 5), (5, 3), (1, 1), (1, 300), (300, 1), (3, 900),
     (320, 240)],
    ids=str,
)  # fmt: skip
def test_logits_are_resized_before_they_are_compared(client: httpx.Client, size_px: tuple[int, int]) -> None:
    image = photo(*size_px)
    check_coarse(mask_of(client, encode(image, "PNG"), COARSE), image)


def test_a_coarse_mask_has_smooth_borders_in_place_of_steps(client: httpx.Client) -> None:
    slope = Image.new("L", (320, 320))
    slope.putdata([255 if x > y else 0 for y in range(320) for x in range(320)])
    mask = mask_of(client, encode(slope, "PNG"), COARSE)
    first_white = (mask == 2).argmax(axis=1)[40:280]
    # Cells of the network are 20 pixels wide.
    assert np.abs(np.diff(first_white)).max() <= 3


@pytest.mark.parametrize("tile", ["false", "true"])
@pytest.mark.parametrize("size_px", [(1, 1), (1, 5000), (5000, 1), (2, 3)], ids=str)
def test_pictures_of_a_pixel_or_a_line_have_masks(client: httpx.Client, size_px: tuple[int, int], tile: str) -> None:
    image = Image.effect_noise(size_px, 90)
    data = encode(image, "PNG")
    assert np.array_equal(mask_of(client, data, tile=tile), level_mask(image))
    for form in ("rle", "polygons", "json"):
        answer = client.post(SEGMENT, content=data, params={"format": form, "tile": tile}).json()
        assert sum(each["pixels"] for each in answer["classes"]) == size_px[0] * size_px[1]


@pytest.mark.parametrize("kind", samples_of_every_kind())
def test_every_kind_of_file_has_a_mask_of_its_size(client: httpx.Client, kind: str) -> None:
    data = samples_of_every_kind()[kind]
    width, height = ImageOps.exif_transpose(opened(data)).size
    assert mask_of(client, data).shape == (height, width)
    assert mask_of(client, data, COARSE, format="overlay").shape == (height, width, 3)


def test_transparent_pixels_lie_on_white_and_half_transparent_ones_half(client: httpx.Client) -> None:
    clear = Image.new("RGBA", (6, 4), (0, 0, 0, 0))
    assert set(np.unique(mask_of(client, encode(clear, "PNG")))) == {2}
    half = Image.new("LA", (6, 4), (0, 128))
    assert set(np.unique(mask_of(client, encode(half, "PNG")))) == {1}
    palette = Image.new("P", (6, 4))
    palette.putpalette([0, 0, 0, 128, 128, 128, 255, 255, 255])
    palette.putdata([0] * 8 + [1] * 8 + [2] * 8)
    assert mask_of(client, encode(palette, "PNG")).ravel().tolist() == [0] * 8 + [1] * 8 + [2] * 8


def test_samples_of_16_bits_keep_their_high_byte(client: httpx.Client) -> None:
    ramp = np.linspace(0, 65535, 1200).astype(np.uint16).reshape(30, 40)
    mask = mask_of(client, encode(Image.fromarray(ramp), "PNG"))
    assert np.array_equal(mask, level_mask(Image.fromarray((ramp >> 8).astype(np.uint8))))


def test_cmyk_is_converted_before_it_is_segmented(client: httpx.Client) -> None:
    inks = Image.new("CMYK", (30, 30), (0, 0, 0, 0))
    inks.paste((0, 0, 0, 255), (0, 0, 10, 30))
    inks.paste((0, 0, 0, 127), (10, 0, 20, 30))
    mask = mask_of(client, encode(inks, "JPEG", quality=95))
    assert [mask[15, x] for x in (5, 15, 25)] == [0, 1, 2]
