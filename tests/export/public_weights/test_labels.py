"""ImageNet's names, and names out of files."""

import json
from pathlib import Path

import pytest

from export.errors import BadWeights
from export.public_weights.labels import imagenet_labels, read_labels, usual_labels


def test_imagenets_labels_are_a_thousand_different_ones_in_the_order_of_the_checkpoints() -> None:
    labels = imagenet_labels()
    assert len(labels) == len(set(labels)) == 1000
    known = {0: "tench", 134: "crane (bird)", 207: "golden retriever", 281: "tabby", 517: "crane (machine)"}
    known |= {638: "maillot", 639: "maillot (tank suit)", 817: "sports car", 999: "toilet tissue"}
    assert {index: labels[index] for index in known} == known


def test_a_segmenter_for_21_classes_has_pascal_vocs() -> None:
    labels = usual_labels("image-segmentation", 21)
    assert labels is not None
    assert (labels[0], labels[1], labels[15], labels[20]) == ("background", "aeroplane", "person", "tvmonitor")
    assert usual_labels("image-classification", 21) is None
    assert usual_labels("image-segmentation", 1000) is None
    assert usual_labels("image-classification", 1000) == imagenet_labels()


@pytest.mark.parametrize(
    "content",
    [b"cat\ndog\nT-shirt/top\n", b"cat\r\ndog\r\nT-shirt/top", b"\xef\xbb\xbf cat\n dog \nT-shirt/top\n\n"]
    + [json.dumps(["cat", "dog ", "T-shirt/top"], indent=indent).encode() for indent in (None, 2)],
)
def test_labels_come_one_a_line_or_as_a_json_list(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels").write_bytes(content)
    assert read_labels(tmp_path / "labels", num_classes=3) == ("cat", "dog", "T-shirt/top")


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("[unknown]\ncat\n", ("[unknown]", "cat")),
        ("[1] cat\n[2] dog", ("[1] cat", "[2] dog")),
        ("black\u2028cat\r\ndog\r\n\r\n", ("black\u2028cat", "dog")),
        ('["black\\u2028cat", "Käse"]', ("black\u2028cat", "Käse")),
        ("x" * 256 + "\n\U0001f436", ("x" * 256, "\U0001f436")),
    ],
)
def test_brackets_and_separators_may_be_part_of_a_name(tmp_path: Path, content: str, labels: tuple[str, str]) -> None:
    (tmp_path / "labels").write_bytes(content.encode())
    assert read_labels(tmp_path / "labels", num_classes=2) == labels


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"cat\ndog\n", r"has 2 labels, the weights are for 3 classes\."),
        (b"", r"has 0 labels, the weights are for 3 classes\."),
        (b"cat\ndog\ncat", r"has 'cat' more than once; labels must differ from one another\."),
        (b"cat\n\ndog", r"has a blank line 2 where the name of a class should be\."),
        (b"\ncat\ndog\nT-shirt", r"has a blank line 1 where the name of a class should be\."),
        (b'["cat", " ", "dog"]', r"has no name for class 1\."),
        (
            b'["cat", "dog", "\\ud800"]',
            r"has half a character \(a lone surrogate\) in the name '\\ud800' for class 2\.",
        ),
        (b'["cat", "dog\\u0000", "c"]', r"has control characters in the name 'dog\\x00' for class 1\."),
        (b'["cat", "d\\nog", "c"]', r"has control characters in the name 'd\\nog' for class 1\."),
        ("cat\nd\x85og\nbird".encode(), r"has control characters in the name 'd\\x85og' for class 1\."),
        (b"cat\nd\x0bog\nb\x0cird", r"has control characters in the name 'd\\x0bog' for class 1\."),
        (b"cat\ndog\rbird\nfish", r"has control characters in the name 'dog\\rbird' for class 1\."),
        (b"cat\n" + b"x" * 257 + b"\nbird", r"has a name of 257 characters, more than 256, for class 1\."),
        (b"[" * 100_000, r"has 1 labels, the weights are for 3 classes\."),
        (b"['cat', 'dog', 'bird']", r"begins like a JSON list and is none: "),
        (b"cat\ndog\n\xff\xfe", r"is not UTF-8 text\."),
        (b'["cat", "dog", 3]', r"is a JSON list of something else than strings\."),
        (b'["cat", "dog"', r"begins like a JSON list and is none: "),
    ],
)
def test_labels_that_do_not_fit_get_a_sentence(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(BadWeights, match=complaint):
        read_labels(tmp_path / "labels", num_classes=3)
