"""Segmentation under way: a lane for tiles, deadlines, refusals, counts, and versions that replace one another."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from service.http.metrics.inference import STAGES
from tests.service.inference.pictures import encode, photo
from tests.service.live.api_service import troubles
from tests.service.live.callers import Caller, Reply, all_at_once, repeating
from tests.service.live.level_masks import array, level_mask, opened
from tests.service.live.running import Service, running_service
from tests.service.live.slow_segmenter import write_slow_segmenter
from tests.service.live.watching import scrape, total, until
from tests.service.live.wire import FORM_TYPE, form
from tests.service.tiny_artifact import write_tiny_artifact
from tests.service.tiny_segmenter import write_tiny_segmenter

LEVELS = "/v1/models/levels/segment"
MANY = "/v1/models/many/segment"
SLOW = "/v1/models/slow/segment"
CLASSES = 300
# Of the metrics: classes beyond it are counted together.
CAP = 100
TILE_DEADLINE_S = 1.0
TILES = 121
MANY_TILES = encode(Image.new("L", (4000, 4000), 128), "PNG")
ONE_TILE = encode(Image.new("L", (512, 512), 128), "PNG")
SMALL = encode(photo(), "PNG")
# A machine that is busy with something else adds this much to any time at most.
SLACK_S = 0.5


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`slow` takes long for each tile, `many` has 300 classes, `tiny` is a classifier."""
    folder = tmp_path_factory.mktemp("operation")
    repository = folder / "repository"
    write_tiny_artifact(repository, name="tiny")
    write_tiny_segmenter(repository, name="levels")
    write_tiny_segmenter(repository, name="many", labels=tuple(f"level {index}" for index in range(CLASSES)))
    write_slow_segmenter(repository)
    with running_service(
        folder, repository, threads=1, queue_size=2, tile_deadline_s=TILE_DEADLINE_S, watch_interval_s=0.2
    ) as running:
        yield running


@pytest.fixture
def caller(service: Service) -> Iterator[Caller]:
    with Caller(service.url) as caller:
        yield caller


def ask_each(service: Service, number: int, target: str, body: bytes) -> list[Reply]:
    """That many at once, a connection each."""

    def ask(index: int) -> Reply:
        with Caller(service.url) as caller:
            return caller.ask("POST", target, body)

    return all_at_once(number, ask)


def at_rest(service: Service) -> bool:
    text = scrape(service)
    return total(text, "convoy_queue_depth") == total(text, "convoy_inflight") == 0


def grown(service: Service, before: str, name: str, **labels: str) -> float:
    return total(scrape(service), name, **labels) - total(before, name, **labels)


def test_tiles_have_a_deadline_and_a_lane_of_their_own_and_are_given_up_after_it(
    service: Service, caller: Caller
) -> None:
    one = min((caller.ask("POST", f"{SLOW}?tile=true", ONE_TILE) for _ in range(3)), key=lambda reply: reply.seconds)
    assert one.status == 200
    assert TILES * one.seconds > 3 * TILE_DEADLINE_S
    with repeating(service.url, "POST", "/v1/models/tiny/classify", SMALL, pause_s=0.01) as quick:
        late = caller.ask("POST", f"{SLOW}?tile=true", MANY_TILES)
    assert (late.status, late.code) == (504, "deadline_exceeded")
    assert late.json["error"] == "The request was not answered within 1 seconds."
    assert TILE_DEADLINE_S - 0.01 <= late.seconds < TILE_DEADLINE_S + SLACK_S
    # What is begun is a tile; the rest of them is left.
    given_up_s = until(lambda: at_rest(service), within_s=20, what="an empty lane")
    assert given_up_s < 5 * one.seconds + SLACK_S
    meanwhile = [reply for reply in quick if reply.began > late.began and reply.ended < late.ended]
    assert {reply.status for reply in meanwhile} == {200}
    assert len(meanwhile) >= 10
    assert float(np.median([reply.seconds for reply in meanwhile])) < 0.05
    # A run of a second was seen, and nobody is shut out by it.
    assert caller.ask("POST", f"{SLOW}?tile=true", ONE_TILE).status == 200


def test_few_pictures_in_tiles_may_wait_and_the_rest_is_refused_at_once(service: Service) -> None:
    replies = ask_each(service, 10, f"{SLOW}?tile=true", MANY_TILES)
    refused = [reply for reply in replies if reply.status == 503]
    late = [reply for reply in replies if reply.status == 504]
    assert len(refused) + len(late) == 10
    assert len(refused) >= 5
    assert late
    assert {reply.code for reply in refused} == {"overloaded"}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert float(np.median([reply.seconds for reply in refused])) < 0.2
    assert max(reply.seconds for reply in late) < TILE_DEADLINE_S + SLACK_S
    until(lambda: at_rest(service), within_s=20, what="rest")


def test_what_waits_in_tiles_counts_by_its_size_and_one_tile_waits_for_nobody(service: Service, caller: Caller) -> None:
    # Two tiles each teach what a pixel costs; by that, a second picture of many could not be answered in time.
    two_tiles = encode(Image.new("L", (800, 512), 128), "PNG")
    costs = [caller.ask("POST", f"{SLOW}?tile=true", two_tiles) for _ in range(8)]
    assert {reply.status for reply in costs} == {200}

    def ask(index: int) -> Reply:
        with Caller(service.url) as another:
            time.sleep(0.1 * index)
            return another.ask("POST", f"{SLOW}?tile=true", (MANY_TILES, MANY_TILES, two_tiles, ONE_TILE)[index])

    first, second, third, small = all_at_once(4, ask)
    assert (first.status, second.status, third.status) == (504, 503, 503)
    assert second.seconds < 0.3
    assert int(second.headers["retry-after"]) > TILE_DEADLINE_S
    assert small.status == 200
    assert small.ended < first.ended
    until(lambda: at_rest(service), within_s=20, what="rest")


def test_more_masks_than_a_lane_can_make_are_refused_and_counted(service: Service, caller: Caller) -> None:
    assert caller.ask("POST", SLOW, ONE_TILE).status == 200
    until(lambda: at_rest(service), within_s=10, what="rest before")
    before = scrape(service)
    replies = ask_each(service, 12, SLOW, ONE_TILE)
    answered = [reply for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status == 503]
    assert len(answered) + len(refused) == 12
    assert len(answered) >= 1
    assert len(refused) >= 6
    assert {reply.code for reply in refused} == {"overloaded"}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert all(set(np.unique(array(reply.body))) == {1} for reply in answered)
    until(lambda: at_rest(service), within_s=10, what="rest")
    name, labels = "convoy_inference_requests_total", {"model": "slow", "task": "image-segmentation"}
    assert grown(service, before, name, outcome="ok", **labels) == len(answered)
    assert grown(service, before, name, outcome="rejected", **labels) == len(refused)
    assert grown(service, before, "convoy_rejected_total", reason="overloaded") == len(refused)
    assert caller.ask("POST", SLOW, ONE_TILE).status == 200


def test_pixels_of_each_class_requests_pictures_runs_and_stages_are_counted(service: Service, caller: Caller) -> None:
    at = {"model": "levels", "version": "1"}
    before = scrape(service)
    assert total(before, "convoy_mask_pixels_total", **at) == 0
    two = form(('name="image"', SMALL), ('name="image"', ONE_TILE))
    assert len(caller.ask("POST", LEVELS, two, content_type=FORM_TYPE).json["results"]) == 2
    assert caller.ask("POST", f"{LEVELS}?tile=true&format=rle", SMALL).status == 200
    assert caller.ask("POST", LEVELS, b"noise").status == 400
    assert caller.ask("POST", f"{LEVELS}?scores=true", SMALL).status == 422
    assert caller.ask("POST", "/v1/models/levels/classify", SMALL).status == 422
    name = "convoy_inference_requests_total"
    task = {"task": "image-segmentation"}
    until(lambda: grown(service, before, name, **at, **task) == 5, within_s=5, what="five requests")
    assert grown(service, before, name, **at, **task, outcome="ok") == 2
    assert grown(service, before, name, **at, **task, outcome="client_error") == 3
    assert grown(service, before, "convoy_inference_images_total", **at) == 3
    assert grown(service, before, "convoy_batch_size_count", **at) == 3
    assert grown(service, before, "convoy_batch_size_sum", **at) == 3
    assert grown(service, before, "convoy_image_pixels_count", **at) == 3
    in_all = 2 * level_mask(photo()).size + 512 * 512
    own = np.bincount(level_mask(photo()).ravel(), minlength=3)
    assert grown(service, before, "convoy_mask_pixels_total", **at) == in_all
    assert grown(service, before, "convoy_image_pixels_sum", **at) == in_all
    for index, (label, more) in enumerate((("background", 0), ("gray", 512 * 512), ("white", 0))):
        counted = grown(service, before, "convoy_mask_pixels_total", **at, **{"class": label})
        assert counted == 2 * own[index] + more
    for stage in STAGES:
        wanted = 3 if stage == "queue" else 2
        assert grown(service, before, "convoy_stage_duration_seconds_count", **at, stage=stage) == wanted


def test_above_256_classes_a_mask_has_16_bits_and_pixels_beyond_the_cap_count_together(
    service: Service, caller: Caller
) -> None:
    before = scrape(service)
    ramp = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8)[np.newaxis], 4, axis=0))
    data = encode(ramp, "PNG")
    expected = np.rint(np.arange(256) * (CLASSES - 1) / 255).astype(int)
    mask = opened(caller.ask("POST", MANY, data).body)
    assert mask.mode == "I;16"
    assert np.array_equal(np.asarray(mask), np.repeat(expected[np.newaxis], 4, axis=0))
    everything = caller.ask("POST", f"{MANY}?format=json", data).json
    assert np.array_equal(array(everything["mask"]), np.asarray(mask))
    assert [each["index"] for each in everything["classes"]] == sorted(set(expected.tolist()))
    assert opened(caller.ask("POST", f"{MANY}?format=color", data).body).mode == "RGB"
    assert opened(caller.ask("POST", f"{MANY}?format=overlay", data).body).mode == "RGB"
    pixels = "convoy_mask_pixels_total"
    until(lambda: grown(service, before, pixels, model="many") == 4 * 4 * 256, within_s=5, what="four masks")
    beyond = 4 * 4 * np.count_nonzero(expected >= CAP)
    assert grown(service, before, pixels, model="many", **{"class": "other"}) == beyond


def test_a_new_version_of_a_segmenter_replaces_the_old_one_between_two_requests(
    service: Service, caller: Caller
) -> None:
    repository = service.log_path.parent / "repository"
    # Two classes in the place of three: gray belongs to one of them.
    new = write_tiny_segmenter(repository / ".elsewhere", version=2, labels=("void", "light"))
    with repeating(service.url, "POST", f"{LEVELS}?format=json", ONE_TILE) as replies:
        time.sleep(0.3)
        new.rename(repository / "levels" / "2")
        until(lambda: bool(replies) and replies[-1].json["version"] == 2, within_s=20, what="version 2")
    assert {reply.status for reply in replies} == {200}
    versions = [reply.json["version"] for reply in replies]
    assert versions == sorted(versions)
    assert set(versions) == {1, 2}
    labels = {(reply.json["version"], reply.json["classes"][0]["label"]) for reply in replies}
    assert labels == {(1, "gray"), (2, "light")}
    old = caller.ask("POST", "/v1/models/levels/versions/1/segment", SMALL)
    assert np.array_equal(array(old.body), level_mask(photo()))
    assert old.headers["x-convoy-version"] == "1"


def test_none_of_this_left_a_trace_in_the_log(service: Service) -> None:
    assert [line for line in troubles(service.log) if not line.startswith("convoy: http://")] == []
