"""What is sent, what counts as a right answer, and how load goes over time."""

import io
import json
import math
import struct
import zlib
from pathlib import Path

import configargparse  # type: ignore[import-untyped]
import pytest
import yaml
from PIL import Image

from loadtest.traffic.answers import Question, answered, code_in, problem_with
from loadtest.traffic.options import add_options, chosen_stages, judged_rate
from loadtest.traffic.pictures import Picture, load_pictures
from loadtest.traffic.stages import SHAPES, Stage, parse_stages, stage_at, streams_for

PICTURE = Picture("a.png", b"", "image/png", 40, 30)


def png(width: int, height: int, *, mode: str = "L", lit: int = 0, brighter_by: int = 0) -> bytes:
    """A dark picture, its first `lit` pixels lit and all of it a little brighter."""
    image = Image.new(mode, (width, height), (brighter_by,) * 3 if mode == "RGB" else brighter_by)
    for number in range(lit):
        image.putpixel((number % width, number // width), (200, 0, 0) if mode == "RGB" else 1)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def classes(*pairs: tuple[str, float], model: str = "m", version: int = 1) -> bytes:
    predictions = [{"index": ord(label[0]), "label": label, "score": score} for label, score in pairs]
    return json.dumps({"model": model, "version": version, "predictions": predictions}).encode()


def test_pictures_are_real_and_of_several_sizes() -> None:
    pictures = load_pictures()
    assert len({(picture.width, picture.height) for picture in pictures}) >= 4
    assert {picture.media_type for picture in pictures} == {"image/png", "image/jpeg"}
    for picture in pictures:
        image = Image.open(io.BytesIO(picture.data))
        assert image.size == (picture.width, picture.height)
        assert len(image.convert("L").getcolors(1 << 20) or []) > 20


AT_REST = classes(("7", 0.9), ("1", 0.05), ("2", 0.0499), ("9", 0.0001))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (AT_REST, None),
        (classes(("7", 0.9004), ("2", 0.0499), ("1", 0.0498), ("4", 0.0001)), None),  # last bits, and who is near whom
        (classes(("1", 0.9), ("7", 0.05), ("2", 0.0499), ("9", 0.0001)), "label 1 instead of 7"),
        (classes(("7", 0.9), ("8", 0.05), ("2", 0.0499), ("9", 0.0001)), "label 8 instead of 1"),
        (classes(("7", 0.89), ("1", 0.05), ("2", 0.0499), ("9", 0.0001)), "score 0.89 of 7 instead of 0.9"),
        (classes(("7", 0.9), ("1", 0.05)), "2 classes instead of 4"),
        (classes(("7", 0.9), ("1", 0.05), ("1", 0.05), ("9", 0.0001)), "3 classes instead of 4"),
        (AT_REST.replace(b'"m"', b'"evil"'), "evil version 1 instead of m version 1"),
        (AT_REST.replace(b'"version": 1', b'"version": 99'), "m version 99 instead of m version 1"),
    ],
)
def test_classes_have_to_be_those_that_are_given_at_rest(body: bytes, problem: str | None) -> None:
    question = answered(Question("classify", "/", PICTURE), AT_REST)
    assert problem_with(question, body) == problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        classes(),
        classes(("1", 0.1), ("7", 0.9)),
        classes(("7", 1.5)),
        b'{"predictions": [7]}',
        b'{"predictions": [{"label": "7", "score": 1' + b"0" * 400 + b"}]}",
        b'{"predictions": [{"label": "7", "score": ' + b"1" * 6000 + b"}]}",
        b'{"predictions": [{"label": ["7"], "score": 1}]}',
        b"[" * 200_000,
    ],
    ids=lambda body: f"{body[:60]!r}",
)
def test_predictions_that_are_none_or_out_of_order_are_wrong(body: bytes) -> None:
    assert problem_with(Question("classify", "/", PICTURE), body) is not None
    assert problem_with(answered(Question("classify", "/", PICTURE), AT_REST), body) is not None
    assert code_in(body) is None


@pytest.mark.parametrize("endpoint", ["segment", "cam"])
def test_masks_and_maps_are_whole_png_of_the_pictures_size(endpoint: str) -> None:
    question = Question(endpoint, "/", PICTURE)
    assert problem_with(question, png(40, 30)) is None
    assert problem_with(question, png(30, 40)) == "a PNG of 30x40 for a picture of 40x30"
    assert problem_with(question, png(40, 30)[:-5]) == "no whole PNG"
    assert problem_with(question, b"{}") == "no whole PNG"


@pytest.mark.parametrize("endpoint", ["segment", "cam"])
def test_masks_and_maps_show_what_they_showed_at_rest(endpoint: str) -> None:
    mode = "RGB" if endpoint == "cam" else "L"
    at_rest = png(40, 30, mode=mode, lit=600)
    question = answered(Question(endpoint, "/", PICTURE), at_rest)
    assert problem_with(question, at_rest) is None
    assert problem_with(question, png(40, 30, mode=mode)) == "600 of 1200 pixels are not what they were at rest"
    assert problem_with(question, png(40, 30, mode=mode, lit=602)) == "2 of 1200 pixels are not what they were at rest"
    torn = bytearray(at_rest)
    torn[len(torn) // 2 : len(torn) // 2 + 8] = bytes(8)
    assert problem_with(question, bytes(torn)) == "an answer that cannot be read (OSError)"
    # A run over several pictures may change a last bit: a class at a border, a colour by its rounding.
    assert problem_with(question, png(40, 30, mode=mode, lit=601)) is None
    assert len(question.known) == 2
    slightly = png(40, 30, mode=mode, lit=600, brighter_by=1)
    assert (problem_with(question, slightly) is None) == (endpoint == "cam")


def test_another_class_is_no_tie_where_there_was_no_room_for_it() -> None:
    for right, body in (
        ((("7", 0.9),), classes(("1", 0.9))),
        ((("7", 0.9), ("1", 0.1)), classes(("7", 0.9), ("2", 0.1))),
    ):
        question = answered(Question("classify", "/", PICTURE), classes(*right))
        assert problem_with(question, body) is not None


def test_a_mask_is_of_the_kind_that_it_was_at_rest() -> None:
    question = answered(Question("segment", "/", PICTURE), png(40, 30))
    assert problem_with(question, png(40, 30, mode="P")) == "a PNG of mode P instead of L"


def test_a_picture_that_its_reader_refuses_is_wrong() -> None:
    whole = png(40, 30)
    bomb = b"zTXt" + b"k\0\0" + zlib.compress(b"a" * (2 << 20))
    chunk = struct.pack(">I", len(bomb) - 4) + bomb + struct.pack(">I", zlib.crc32(bomb))
    body = whole[:33] + chunk + whole[33:]  # behind the header
    question = answered(Question("segment", "/", PICTURE), whole)
    assert problem_with(question, body) == "an answer that cannot be read (ValueError)"


def test_the_word_of_an_error_is_read_where_there_is_one() -> None:
    assert code_in(b'{"error": "Too many.", "code": "overloaded"}') == "overloaded"
    assert [code_in(body) for body in (b"", b"[]", b"{}", b'{"code": 3}', b"<html>")] == [None] * 5


def test_stages_follow_each_other_and_end() -> None:
    stages = parse_stages("10x40, 2.5x80")
    assert stages == [Stage(10, 40), Stage(2.5, 80)]
    assert [stage_at(stages, elapsed_s) for elapsed_s in (0, 9.9, 10, 12.4, 12.5)] == [0, 0, 1, 1, None]


@pytest.mark.parametrize("text", ["", "10", "10x", "x5", "0x5", "5x0", "-1x5", "1.9x5", "10x40;5x5"])
def test_other_texts_are_no_stages(text: str) -> None:
    with pytest.raises(ValueError, match="is no stage"):
        parse_stages(text)


@pytest.mark.parametrize(
    ("rate", "most", "classes", "streams"),
    [(2, 1, 1, 2), (2, 1, 3, 3), (10, 1, 3, 12), (0.5, 1, 2, 2), (30, 0.1, 1, 300)],
)
def test_every_class_of_users_has_as_many_streams_as_the_others(
    rate: float, most: float, classes: int, streams: int
) -> None:
    assert streams_for(rate, most, classes) == streams


def test_shapes_are_relative_to_the_rate() -> None:
    stages = {name: shape(100.0) for name, shape in SHAPES.items()}
    assert max(stage.rate for stage in stages["smoke"]) == 2
    assert stages["load"][-1].rate == 100
    assert [stage.rate for stage in stages["step"]] == [20 * number for number in range(1, 11)]
    assert [stage.rate for stage in stages["spike"]] == [100, 500, 100]
    assert stages["soak"] == [Stage(1800, 70)]


def test_variables_that_are_empty_stand_for_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = configargparse.ArgumentParser()
    add_options(parser)
    names = ("SHAPE", "RATE", "STAGES", "STREAM_RATE", "MODEL", "PICTURES", "OBJECTIVES", "REPORT")
    defaults = parser.parse_args([])
    for name in names:
        monkeypatch.setenv(f"LOADTEST_{name}", "")
    given = parser.parse_args([])
    assert (given.stream_rate, given.pictures, given.objectives) == (
        defaults.stream_rate,
        defaults.pictures,
        defaults.objectives,
    )
    assert judged_rate(given) == 10


def test_objectives_count_up_to_the_rate_that_was_given() -> None:
    parser = configargparse.ArgumentParser()
    add_options(parser)
    assert judged_rate(parser.parse_args(["--stages", "10x40"])) == math.inf
    assert judged_rate(parser.parse_args(["--stages", "10x40,10x80", "--rate", "40"])) == 40
    assert chosen_stages(parser.parse_args(["--shape", "load", "--rate", "40"]))[-1].rate == 40


class Options:
    """What add_options asks of Locust's parser."""

    def __init__(self) -> None:
        self.variables: set[str] = set()

    def add_argument_group(self, _: str) -> "Options":
        return self

    def add_argument(self, *_: str, env_var: str, **__: object) -> None:
        self.variables.add(env_var)


def test_the_compose_file_hands_on_options_that_there_are() -> None:
    options = Options()
    add_options(options)
    compose = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())
    given = set(compose["services"]["locust"]["environment"])
    assert given < options.variables
    assert {"LOADTEST_SHAPE", "LOADTEST_RATE", "LOADTEST_MODEL", "LOADTEST_REPORT"} <= given
