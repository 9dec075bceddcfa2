"""What is sent, what counts as a right answer, and how load goes over time."""

import io
import json

import pytest
from PIL import Image

from loadtest.traffic.answers import Question, label_in, problem_with
from loadtest.traffic.pictures import Picture, load_pictures
from loadtest.traffic.stages import SHAPES, Stage, parse_stages, stage_at

PICTURE = Picture("a.png", b"", "image/png", 40, 30)


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


def classes(*pairs: tuple[str, float]) -> bytes:
    return json.dumps({"predictions": [{"label": label, "score": score} for label, score in pairs]}).encode()


def test_pictures_are_real_and_of_several_sizes() -> None:
    pictures = load_pictures()
    assert len({(picture.width, picture.height) for picture in pictures}) >= 4
    assert {picture.media_type for picture in pictures} == {"image/png", "image/jpeg"}
    for picture in pictures:
        image = Image.open(io.BytesIO(picture.data))
        assert image.size == (picture.width, picture.height)
        assert len(image.convert("L").getcolors(1 << 20) or []) > 20


def test_the_label_has_to_be_the_one_that_is_given_at_rest() -> None:
    question = Question("classify", "/", PICTURE, label="7")
    assert problem_with(question, classes(("7", 0.9), ("1", 0.1))) is None
    assert problem_with(question, classes(("1", 0.9), ("7", 0.1))) == "label 1 instead of 7"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", classes(), classes(("1", 0.1), ("7", 0.9)), classes(("7", 1.5)), b'{"predictions": [7]}'],
)
def test_predictions_that_are_none_or_out_of_order_are_wrong(body: bytes) -> None:
    assert label_in(body) is None
    assert problem_with(Question("classify", "/", PICTURE), body) is not None


@pytest.mark.parametrize("endpoint", ["segment", "cam"])
def test_masks_and_maps_are_whole_png_of_the_pictures_size(endpoint: str) -> None:
    question = Question(endpoint, "/", PICTURE)
    assert problem_with(question, png(40, 30)) is None
    assert problem_with(question, png(30, 40)) == "a PNG of 30x40 for a picture of 40x30"
    assert problem_with(question, png(40, 30)[:-5]) == "no whole PNG"
    assert problem_with(question, b"{}") == "no whole PNG"


def test_stages_follow_each_other_and_end() -> None:
    stages = parse_stages("10x40, 2.5x80")
    assert stages == [Stage(10, 40), Stage(2.5, 80)]
    assert [stage_at(stages, elapsed_s) for elapsed_s in (0, 9.9, 10, 12.4, 12.5)] == [0, 0, 1, 1, None]


@pytest.mark.parametrize("text", ["", "10", "10x", "x5", "0x5", "5x0", "-1x5", "1.9x5", "10x40;5x5"])
def test_other_texts_are_no_stages(text: str) -> None:
    with pytest.raises(ValueError, match="is no stage"):
        parse_stages(text)


def test_shapes_are_relative_to_the_rate() -> None:
    stages = {name: shape(100.0) for name, shape in SHAPES.items()}
    assert max(stage.rate for stage in stages["smoke"]) == 2
    assert stages["load"][-1].rate == 100
    assert [stage.rate for stage in stages["step"]] == [20 * number for number in range(1, 11)]
    assert [stage.rate for stage in stages["spike"]] == [100, 500, 100]
    assert stages["soak"] == [Stage(1800, 70)]
