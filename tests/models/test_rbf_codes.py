import pytest
import torch

from models.rbf_codes import class_codes


@pytest.mark.parametrize("num_classes", [1, 2, 9, 10, 11, 1000])
def test_codes_are_distinct_rows_of_plus_and_minus_one(num_classes: int) -> None:
    codes = class_codes(num_classes)
    assert codes.shape == (num_classes, 84)
    assert codes.dtype == torch.float32
    assert torch.equal(codes.abs(), torch.ones_like(codes))
    assert len({tuple(code) for code in codes.tolist()}) == num_classes


def test_digits_are_drawings_seven_wide_and_twelve_high() -> None:
    one, seven = class_codes(10)[[1, 7]].view(2, 12, 7)
    assert one[11].tolist() == [-1, 1, 1, 1, 1, 1, 1]
    assert seven[0].tolist() == [1] * 7
    assert (seven[8:, 4:] == -1).all()


def test_no_two_digits_are_nearer_than_eighteen_pixels() -> None:
    codes = class_codes(10)
    differing = (84 - codes @ codes.T) / 2
    assert (differing + 84 * torch.eye(10)).min() >= 18


def test_hashed_codes_are_the_same_for_ever() -> None:
    # Published files carry these codes; a change would make them classes of another network.
    first = "".join("+" if value > 0 else "-" for value in class_codes(3)[0, :24])
    assert first == "+-+++++++--+-++-+-+++--+"
    assert torch.equal(class_codes(3), class_codes(26)[:3])
