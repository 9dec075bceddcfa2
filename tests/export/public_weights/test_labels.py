"""ImageNet's names, and names out of files."""

import json
from pathlib import Path

import pytest

from export.errors import BadWeights
from export.public_weights.labels import imagenet_labels, read_labels


def test_imagenets_labels_are_a_thousand_different_ones_in_the_order_of_the_checkpoints() -> None:
    labels = imagenet_labels()
    assert len(labels) == len(set(labels)) == 1000
    known = {0: "tench", 134: "crane (bird)", 207: "golden retriever", 281: "tabby", 517: "crane (machine)"}
    known |= {638: "maillot", 639: "maillot (tank suit)", 817: "sports car", 999: "toilet tissue"}
    assert {index: labels[index] for index in known} == known


@pytest.mark.parametrize(
    "content",
    [b"cat\ndog\nT-shirt/top\n", b"cat\r\ndog\r\nT-shirt/top", b"\xef\xbb\xbf cat\n dog \nT-shirt/top\n\n"]
    + [json.dumps(["cat", "dog ", "T-shirt/top"], indent=indent).encode() for indent in (None, 2)],
)
def test_labels_come_one_a_line_or_as_a_json_list(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels").write_bytes(content)
    assert read_labels(tmp_path / "labels", num_classes=3) == ("cat", "dog", "T-shirt/top")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"cat\ndog\n", r"has 2 labels, the weights are for 3 classes\."),
        (b"", r"has 0 labels, the weights are for 3 classes\."),
        (b"cat\ndog\ncat", r"has 'cat' more than once; labels must differ from one another\."),
        (b"cat\n\ndog", r"has no name for class 1\."),
        (b"cat\ndog\n\xff\xfe", r"is not UTF-8 text\."),
        (b'["cat", "dog", 3]', r"is a JSON list of something else than strings\."),
        (b'["cat", "dog"', r"begins like a JSON list and is none: "),
    ],
)
def test_labels_that_do_not_fit_get_a_sentence(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(BadWeights, match=complaint):
        read_labels(tmp_path / "labels", num_classes=3)
