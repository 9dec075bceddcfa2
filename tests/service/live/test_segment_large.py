"""Large pictures and long answers: tiles answer as the whole does, in memory that is stated, and noise is refused."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.service.inference.pictures import encode, photo
from tests.service.live.callers import Caller, Reply
from tests.service.live.level_masks import array, level_mask, opened
from tests.service.live.running import Service, running_service
from tests.service.live.watching import workers_of
from tests.service.tiny_segmenter import write_tiny_segmenter

LEVELS = "/v1/models/levels/segment"
# What docs/api.md states for 12 megapixels: 81 and 242 MB were measured, and the allocator is not the same every time.
MASK_MB = 130
OVERLAY_MB = 330
# The largest answers in outlines took 2.2 s here, with both cores busy with something else.
BOUNDED_S = 8.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`levels` and `colours` take pictures as they are, the latter in RGB; `coarse` resizes them."""
    folder = tmp_path_factory.mktemp("large")
    write_tiny_segmenter(folder / "repository", name="levels")
    write_tiny_segmenter(folder / "repository", name="colours", colour="rgb", labels=("dark", "medium", "light"))
    write_tiny_segmenter(folder / "repository", name="coarse", resize="shortest", shortest_edge=256, longest_edge=512)
    with running_service(folder, folder / "repository", threads=1) as running:
        yield running


@pytest.fixture
def caller(service: Service) -> Iterator[Caller]:
    with Caller(service.url) as caller:
        yield caller


def answered(reply: Reply) -> Reply:
    assert reply.status == 200, reply.body
    return reply


def twelve_megapixels() -> bytes:
    """A JPEG of 4000x3000 with areas and edges of every size, as photos have them."""
    random = np.random.default_rng(3)
    picture = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((4000, 3000))
    picture.paste(photo(1000, 1000), (1500, 1000))
    return encode(picture, "JPEG", quality=90)


def noise(width: int, height: int) -> bytes:
    levels = np.random.default_rng(0).choice(np.array([0, 128, 255], np.uint8), (height, width))
    return encode(Image.fromarray(levels), "PNG", compress_level=1)


def peak_mb(pid: int) -> float:
    """The most memory that a process has had so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def test_twelve_megapixels_are_segmented_in_tiles_within_the_memory_that_is_stated(
    service: Service, caller: Caller
) -> None:
    (worker,) = workers_of(service)
    data = twelve_megapixels()
    answered(caller.ask("POST", LEVELS, encode(photo(), "PNG")))
    before_mb = peak_mb(worker)
    reply = answered(caller.ask("POST", f"{LEVELS}?tile=true", data))
    grown_mb = peak_mb(worker) - before_mb
    assert np.array_equal(array(reply.body), level_mask(opened(data)))
    assert grown_mb < MASK_MB
    overlay = answered(caller.ask("POST", f"{LEVELS}?tile=true&format=overlay", data))
    assert opened(overlay.body).size == (4000, 3000)
    assert peak_mb(worker) - before_mb < OVERLAY_MB


def test_a_large_picture_is_refused_by_a_model_that_takes_it_as_it_is_and_resized_by_another(caller: Caller) -> None:
    data = twelve_megapixels()
    refused = caller.ask("POST", LEVELS, data)
    assert (refused.status, refused.code) == (413, "too_large")
    assert refused.json["error"] == (
        "The network would see this picture at 4000x3000, more than the 1048576 pixels that it takes at once; "
        "tile=true cuts it into tiles."
    )
    mask = array(answered(caller.ask("POST", "/v1/models/coarse/segment", data)).body)
    assert mask.shape == (3000, 4000)
    # Away from borders a network sees the same in a smaller picture.
    assert np.mean(mask[::10, ::10] == level_mask(opened(data))[::10, ::10]) > 0.9


@pytest.mark.parametrize("model", ["levels", "colours"])
def test_tiles_give_the_mask_of_the_whole(caller: Caller, model: str) -> None:
    data = encode(photo(700, 900), "PNG", compress_level=1)
    target = f"/v1/models/{model}/segment"
    assert caller.ask("POST", f"{target}?tile=true", data).body == answered(caller.ask("POST", target, data)).body
    whole, tiled = (
        answered(caller.ask("POST", f"{target}?format=rle&confidence=true&scores=true&tile={tile}", data)).json
        for tile in ("false", "true")
    )
    difference = array(whole.pop("confidence")).astype(int) - array(tiled.pop("confidence"))
    assert np.abs(difference).max() <= 1
    for ours, theirs in zip(whole["classes"], tiled["classes"], strict=True):
        assert ours.pop("score") == pytest.approx(theirs.pop("score"), abs=1 / 255)
    assert whole == tiled


def test_a_model_that_resizes_sees_the_picture_itself_in_tiles(caller: Caller) -> None:
    image = photo(620, 540)
    data = encode(image, "PNG", compress_level=1)
    assert np.array_equal(
        array(answered(caller.ask("POST", "/v1/models/coarse/segment?tile=true", data)).body), level_mask(image)
    )


def test_without_a_background_every_class_has_outlines_and_a_colour(caller: Caller) -> None:
    image = Image.new("RGB", (20, 10), (255, 0, 0))  # a third of the light there is
    image.paste((0, 0, 60), (0, 0, 10, 10))
    data = encode(image, "PNG")
    target = "/v1/models/colours/segment"
    dark, medium = answered(caller.ask("POST", f"{target}?format=json", data)).json["classes"]
    assert (dark["label"], medium["label"]) == ("dark", "medium")
    assert dark["polygons"] == [{"exterior": [[0, 0], [10, 0], [10, 10], [0, 10]], "holes": []}]
    assert dark["rle"]["size"] == [10, 20]
    overlay = array(answered(caller.ask("POST", f"{target}?format=overlay", data)).body)
    sent = np.asarray(image)
    assert all(np.any(overlay[:, x] != sent[:, x]) for x in (0, 19))


@pytest.mark.parametrize(("form", "edge_px"), [("polygons", 1000), ("json", 1000), ("rle", 1300)])
def test_the_borders_of_noise_are_refused_at_once(caller: Caller, form: str, edge_px: int) -> None:
    refused = caller.ask("POST", f"{LEVELS}?tile=true&format={form}", noise(edge_px, edge_px))
    assert (refused.status, refused.code) == (413, "too_large")
    assert f"that format={form} takes in one request; ask for a picture." in refused.json["error"]
    assert refused.seconds < BOUNDED_S / 2
    assert array(answered(caller.ask("POST", LEVELS, noise(1000, 1000))).body).shape == (1000, 1000)


@pytest.mark.parametrize(
    "query", ["format=polygons", "format=polygons&polygons=coco", "format=json&scores=true&tolerance=1"]
)
def test_the_longest_outlines_that_are_allowed_take_bounded_time_and_size(caller: Caller, query: str) -> None:
    reply = answered(caller.ask("POST", f"{LEVELS}?{query}", noise(850, 850)))
    assert 1_000_000 < len(reply.body) < 35_000_000
    assert reply.seconds < BOUNDED_S


def test_borders_of_all_pictures_of_a_request_count(caller: Caller) -> None:
    one = base64.b64encode(noise(700, 700)).decode()
    target = f"{LEVELS}?format=polygons&tolerance=1"
    kind = "application/json"
    assert caller.ask("POST", target, json.dumps({"image": [one]}).encode(), content_type=kind).status == 200
    refused = caller.ask("POST", target, json.dumps({"image": [one, one]}).encode(), content_type=kind)
    assert (refused.status, refused.code) == (413, "too_large")
