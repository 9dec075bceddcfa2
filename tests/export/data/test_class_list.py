"""Class lists are read in both forms, and refused by line where they are none."""

from pathlib import Path

import pytest

from export.data.class_list import read_class_list, voc_colour
from export.errors import BadData


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    return tmp_path / "classes.txt"


def test_names_alone_have_no_colours(listed: Path) -> None:
    listed.write_text("\ufeffbackground\nT-shirt/top 2\n# not a class\nzebra crossing\n\n", encoding="utf-8")
    classes = read_class_list(listed)
    assert classes.labels == ("background", "T-shirt/top 2", "zebra crossing")
    assert classes.colours is None


@pytest.mark.parametrize(
    "text",
    [
        "background 0 0 0\nzebra crossing 250 170\t30\n",
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nzebra crossing:250,170,30:stripe,edge:\n",
        "background:0,0,0::\r\nzebra crossing 250 170 30\r\n",
    ],
)
def test_colours_stand_behind_names_or_as_cvat_writes_them(listed: Path, text: str) -> None:
    listed.write_bytes(text.encode())
    classes = read_class_list(listed)
    assert classes.labels == ("background", "zebra crossing")
    assert classes.colours == ((0, 0, 0), (250, 170, 30))


def test_a_label_map_without_colours_is_a_list_of_names(listed: Path) -> None:
    listed.write_text("background:::\ncat:::\n")
    assert read_class_list(listed).labels == ("background", "cat")
    assert read_class_list(listed).colours is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no name that can be shown in line 1"),
        (b"background\n", "names 1 class; there must be 2 to 255"),
        ("\n".join(f"c{index}" for index in range(256)).encode(), "names 256 classes; there must be 2 to 255"),
        (b"# one\nbackground\n\ncat\n", "no name that can be shown in line 3"),
        (b"background\nca\x07t\n", "no name that can be shown in line 2"),
        (b"cat\ndog\ncat\n", "has 'cat' more than once"),
        (b"background 0 0 0\ncat 1 2 256\n", "a colour with values above 255 in line 2"),
        (b"background 0 0 0\ncat 0 0 0\n", "has the colour of 'cat' more than once"),
        (b"background 0 0 0\ncat\ndog 1 1 1\n", "gives 2 of 3 classes a colour; it must be all or none"),
        (b"caf\xe9\nbar\n", "is not UTF-8 text"),
    ],
)
def test_what_is_no_class_list_is_refused(listed: Path, content: bytes, complaint: str) -> None:
    listed.write_bytes(content)
    with pytest.raises(BadData) as caught:
        read_class_list(listed)
    assert str(caught.value).startswith(str(listed))
    assert complaint in str(caught.value)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"nowhere\.txt cannot be read: No such file"):
        read_class_list(tmp_path / "nowhere.txt")


def test_the_colours_of_voc_are_the_published_ones() -> None:
    published = {0: (0, 0, 0), 1: (128, 0, 0), 3: (128, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    assert {index: voc_colour(index) for index in published} == published
    assert voc_colour(255) == (224, 224, 192)
    assert len({voc_colour(index) for index in range(256)}) == 256
