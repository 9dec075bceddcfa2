"""What the check asks for: real pictures, and answers that are known."""

import io

from PIL import Image

from deploy.check.stack import ROOT
from deploy.check.traffic import Call

SAMPLES = ROOT / "tests" / "data"
CALLERS, PER_SECOND = 8, 40.0
"""Of the steady traffic that goes on while something is done to the replicas."""


def calls() -> list[Call]:
    """One of each kind; the last is larger than what the load balancer keeps for a second try."""
    boot = (SAMPLES / "boot.png").read_bytes()
    seven = (SAMPLES / "seven_on_paper.jpg").read_bytes()
    return [
        Call(path="/v1/models/resnet20/classify", body=boot, expected=b"Ankle boot"),
        Call(path="/v1/models/lenet5/classify?polarity=auto", body=seven, expected=b'"label":"7"'),
        Call(path="/v1/models/resnet20/cam", body=boot, expected=b"IEND"),
        Call(path="/v1/models/unet/segment", body=photo(1600, 1200), expected=b"IEND"),
    ]


def photo(width: int, height: int) -> bytes:
    """A JPEG picture of that size in pixels."""
    with Image.open(SAMPLES / "seven_on_paper.jpg") as picture:
        file = io.BytesIO()
        picture.resize((width, height)).save(file, "JPEG", quality=95)
    return file.getvalue()
