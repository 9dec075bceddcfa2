"""Bodies of tens of megabytes: the event loop goes on answering while they are read, and their memory goes back."""

import base64
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image

from tests.service.inference.pictures import encode
from tests.service.live.callers import Reply, repeating
from tests.service.live.running import Service, running_service
from tests.service.live.watching import resident_mb, until, workers_of
from tests.service.tiny_artifact import write_tiny_artifact

CLASSIFY = "/v1/models/tiny/classify"
MULTIPART = "multipart/form-data; boundary=parts"
# What the C library keeps of chunks too small to be given back one by one. The bodies of the test are ten times that.
SLACK_MB = 120


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("responsiveness")
    write_tiny_artifact(folder / "repository")
    with running_service(folder, folder / "repository", threads=2, max_body_bytes=40_000_000, deadline_s=30) as running:
        yield running


def noise(width: int, height: int) -> bytes:
    """A PNG that compression cannot make smaller."""
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return encode(Image.fromarray(pixels), "PNG", compress_level=1)


def form(parts: list[bytes]) -> bytes:
    head = b'--parts\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return b"".join(head + part + b"\r\n" for part in parts) + b"--parts--\r\n"


def large_bodies() -> list[tuple[str, str, bytes, int]]:
    """Path, content type, body and the status that it gets."""
    twelve_megapixels = noise(4000, 3000)
    in_text = json.dumps({"image": base64.b64encode(noise(3000, 2500)).decode()}).encode()
    assert min(len(twelve_megapixels), len(in_text)) > 29_000_000
    small = encode(Image.new("L", (28, 28), 99), "PNG")
    return [
        (CLASSIFY, "image/png", twelve_megapixels, 200),
        (f"{CLASSIFY.replace('classify', 'cam')}?format=heatmap", "image/png", noise(1500, 1000), 200),
        (CLASSIFY, "application/json", in_text, 200),
        (CLASSIFY, MULTIPART, form([noise(3000, 2500)]), 200),
        (CLASSIFY, MULTIPART, form([small] * 32), 200),
        ("/classify", MULTIPART, form([noise(3000, 2500)]), 200),
        (CLASSIFY, MULTIPART, form([b"\r\n" * 14_000_000]), 400),
        (CLASSIFY, "application/json", b'{"image": "' + b"A" * 28_000_000 + b'"}', 400),
    ]


def test_probes_are_answered_while_tens_of_megabytes_are_read_and_their_memory_goes_back(service: Service) -> None:
    (worker,) = workers_of(service)
    bodies = large_bodies()
    with ExitStack() as stack:
        before_mb = resident_mb(worker)
        load: list[tuple[list[Reply], int]] = []
        live = stack.enter_context(repeating(service.url, "GET", "/livez", pause_s=0.001))
        ready = stack.enter_context(repeating(service.url, "GET", "/readyz", pause_s=0.001))
        began = time.monotonic()
        for path, kind, body, status in bodies:
            replies = stack.enter_context(repeating(service.url, "POST", path, body, pause_s=0.05, kind=kind))
            load.append((replies, status))
        time.sleep(max(0.0, began + 6.0 - time.monotonic()))
    for replies, status in load:
        assert len(replies) >= 2
        assert {reply.status for reply in replies} == {status}
    for probes in (live, ready):
        seconds = [reply.seconds for reply in probes]
        assert {reply.status for reply in probes} == {200}
        # A picture of 12 megapixels alone takes longer than this to decode, and several are under way at any time.
        assert statistics.median(seconds) < 0.1
        assert max(seconds) < 1.0
    until(lambda: resident_mb(worker) < before_mb + SLACK_MB, within_s=5, what="memory near where it was")


def test_bodies_in_flight_are_all_that_is_in_memory(service: Service) -> None:
    """Twenty bodies one after another need no more than one of them."""
    (worker,) = workers_of(service)
    picture = noise(3000, 2500)
    before_mb = resident_mb(worker)
    with repeating(service.url, "POST", CLASSIFY, picture) as replies:
        until(lambda: len(replies) >= 20, within_s=30, what="twenty answers")
    assert {reply.status for reply in replies} == {200}
    until(lambda: resident_mb(worker) < before_mb + SLACK_MB, within_s=5, what="memory near where it was")
