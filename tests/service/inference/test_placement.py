import pytest

from service.errors import InvalidParameter
from service.inference.placement import Placement, place
from service.repository.artifact import Preprocessing


def spec(resize: str, height: int | None, width: int | None, shortest_edge: int | None = None) -> Preprocessing:
    return Preprocessing.model_validate(
        {"height": height, "width": width, "resize": resize, "shortest_edge": shortest_edge, "colour": "gray"}
    )


@pytest.mark.parametrize("size_px", [(1, 1), (28, 28), (500, 3)])
def test_stretching_covers_the_input(size_px: tuple[int, int]) -> None:
    assert place(size_px, spec("stretch", 20, 30)) == Placement((30, 20), (30, 20), (0, 0))


@pytest.mark.parametrize(
    ("size_px", "scaled_px", "offset_px"),
    [
        ((500, 375), (341, 256), (-58, -16)),  # the longer edge is rounded down, a centre at .5 to the even side
        ((375, 500), (256, 341), (-16, -58)),
        ((256, 256), (256, 256), (-16, -16)),
        ((100, 50), (512, 256), (-144, -16)),
        ((1, 10_000), (256, 2_560_000), (-16, -1_279_888)),
    ],
)
def test_cropping_scales_the_shorter_edge_and_takes_the_centre(
    size_px: tuple[int, int], scaled_px: tuple[int, int], offset_px: tuple[int, int]
) -> None:
    assert place(size_px, spec("crop", 224, 224, 256)) == Placement((224, 224), scaled_px, offset_px)


def test_a_crop_larger_than_the_scaled_picture_is_surrounded() -> None:
    assert place((10, 10), spec("crop", 32, 32, 28)) == Placement((32, 32), (28, 28), (2, 2))


@pytest.mark.parametrize(
    ("size_px", "scaled_px", "offset_px"),
    [
        ((28, 28), (20, 20), (4, 4)),
        ((40, 20), (20, 10), (4, 9)),
        ((20, 40), (10, 20), (9, 4)),
        ((1000, 1), (20, 1), (4, 13)),
        ((1, 1), (20, 20), (4, 4)),
    ],
)
def test_padding_fits_the_picture_into_a_centred_square(
    size_px: tuple[int, int], scaled_px: tuple[int, int], offset_px: tuple[int, int]
) -> None:
    assert place(size_px, spec("pad", 28, 28, 20)) == Placement((28, 28), scaled_px, offset_px)


def test_padding_without_an_edge_fits_the_whole_input() -> None:
    assert place((100, 50), spec("pad", 40, 60)) == Placement((60, 40), (60, 30), (0, 5))


def test_padding_never_reaches_over_the_input() -> None:
    assert place((100, 100), spec("pad", 28, 20, 50)) == Placement((20, 28), (20, 20), (0, 4))


def test_a_picture_is_taken_as_it_is() -> None:
    assert place((31, 17), spec("none", None, None)) == Placement((31, 17), (31, 17), (0, 0))
    assert place((30, 20), spec("none", 20, 30)) == Placement((30, 20), (30, 20), (0, 0))


def test_a_picture_of_another_size_than_the_fixed_one_is_refused() -> None:
    with pytest.raises(
        InvalidParameter, match=r"^The model takes pictures of exactly 30x20 pixels, this one has 20x30\.$"
    ):
        place((20, 30), spec("none", 20, 30))
