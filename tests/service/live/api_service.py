"""A service with small limits over tiny models with known answers, and pictures for it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.service.inference.pictures import encode
from tests.service.live.running import Service, running_service
from tests.service.tiny_artifact import write_tiny_artifact
from tests.service.tiny_segmenter import write_tiny_segmenter

MAX_BODY_BYTES = 256 * 1024
MAX_PIXELS = 1_000_000
MAX_IMAGES = 4
UPLOAD_TIMEOUT_S = 1.0

CLASSIFY = "/v1/models/gray/classify"
CAM = "/v1/models/gray/cam"
SEGMENT = "/v1/models/levels/segment"


@contextmanager
def running_api_service(folder: Path) -> Iterator[Service]:
    """Models `gray` (1 and 2; light on dark), `colour` (RGB, any polarity) and `broken` (fails to load); `levels`
    segments pictures as they are, `coarse` at half their size at most."""
    repository = folder / "repository"
    for version in (1, 2):
        write_tiny_artifact(repository, name="gray", version=version, polarity="light-on-dark")
    write_tiny_artifact(repository, name="colour", colour="rgb", labels=("0", "null", "über/a b", "4"))
    write_tiny_segmenter(repository, name="levels")
    write_tiny_segmenter(repository, name="coarse", resize="shortest", shortest_edge=16, longest_edge=64)
    broken = repository / "broken" / "3"
    broken.mkdir(parents=True)
    (broken / "model.onnx").write_bytes(b"not a graph")
    with running_service(
        folder,
        repository,
        max_body_bytes=MAX_BODY_BYTES,
        max_pixels=MAX_PIXELS,
        max_images=MAX_IMAGES,
        upload_timeout_s=UPLOAD_TIMEOUT_S,
    ) as service:
        yield service


def quadrant(
    index: int = 1, *, size_px: tuple[int, int] = (28, 28), light: str = "white", dark: str = "black"
) -> Image.Image:
    """An RGB picture that is light in one quadrant, by class index, and dark elsewhere; not resized unless told so."""
    width, height = size_px
    image = Image.new("RGB", size_px, dark)
    left, top = index % 2 * width // 2, index // 2 * height // 2
    image.paste(light, (left, top, left + width // 2, top + height // 2))
    return image


PICTURE = encode(quadrant(1), "PNG")
"""A good picture, of class 1."""


def written(log: str) -> int:
    """The length of a log up to the end of its last whole line: it is read while it is written."""
    return log.rfind("\n") + 1


def troubles(log: str) -> list[str]:
    """The whole lines of a service's log that are not JSON, or tell of an error."""
    found = []
    for line in log[: written(log)].splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            found.append(line)
            continue
        if entry["level"] in ("error", "critical") or "traceback" in entry or entry.get("code") == "internal_error":
            found.append(line)
    return found
