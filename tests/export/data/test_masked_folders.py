"""Everything that is wrong with pictures and masks is named at once, and what is right is split."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.data.masked_folders import held_out_test, split_masked_folder
from export.errors import BadData
from tests.export.data.plain_pairs import fault_of, opened, put_pair, put_pairs, seen


def test_pictures_and_masks_are_paired_by_name(things: Path) -> None:
    put_pair(things / "images" / "below" / "x.jpg", things / "masks" / "below" / "x.png", 99)
    (things / "images" / "notes.txt").write_text("not a picture")
    (things / "images" / "._000.png").write_bytes(b"a Mac's")
    (things / "masks" / ".thumbnails").mkdir()
    (things / "masks" / ".thumbnails" / "000.png").write_bytes(b"small")
    train = opened(things).splits["train"]
    assert seen(train) == [*range(20), 99]
    assert train.labels == ("background", "thing")
    assert train.names[20] == str(things / "images" / "below" / "x.jpg")
    picture, mask = train.read(20)
    assert picture.size == (8, 6)
    assert mask.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]] * 6


def test_splits_share_no_picture_and_lose_none(things: Path) -> None:
    splits = split_masked_folder(opened(things), validation_share=0.25, test_share=0.2, seed=5)
    assert [pictures.split for pictures in splits] == ["train", "validation", "test"]
    assert [len(pictures) for pictures in splits] == [12, 4, 4]
    assert sorted(value for pictures in splits for value in seen(pictures)) == list(range(20))
    again = split_masked_folder(opened(things), validation_share=0.25, test_share=0.2, seed=5)
    other = split_masked_folder(opened(things), validation_share=0.25, test_share=0.2, seed=6)
    assert [pictures.names for pictures in again] == [pictures.names for pictures in splits]
    assert [pictures.names for pictures in other] != [pictures.names for pictures in splits]
    assert held_out_test(opened(things), test_share=0.2, seed=5).names == splits[2].names


def test_splits_that_the_user_made_stay_as_they_are(tmp_path: Path) -> None:
    for split, values in (("train", range(9)), ("val", range(20, 23)), ("test", range(30, 34))):
        put_pairs(tmp_path / split, values)
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\nthing:128,0,0::\n")
    train, validation, test = split_masked_folder(opened(tmp_path), validation_share=0.5, test_share=0.5, seed=1)
    assert seen(train) == list(range(9))
    assert seen(validation) == [20, 21, 22]
    assert seen(test) == [30, 31, 32, 33]


def test_a_test_split_is_held_out_where_only_that_is_missing(tmp_path: Path) -> None:
    put_pairs(tmp_path / "train", range(10))
    put_pairs(tmp_path / "val", range(20, 22))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    train, validation, test = split_masked_folder(opened(tmp_path), validation_share=0.5, test_share=0.2, seed=1)
    assert (len(train), seen(validation), len(test)) == (8, [20, 21], 2)


def test_of_too_few_pictures_to_split_it_is_said_how_many_it_takes(tmp_path: Path) -> None:
    put_pairs(tmp_path, range(4))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    with pytest.raises(BadData) as caught:
        split_masked_folder(opened(tmp_path), validation_share=0.1, test_share=0.15, seed=1)
    assert str(caught.value) == (
        f"{tmp_path} has too few pictures for a validation split (4, and it takes 7), unless you make val/ and test/ "
        "yourself, with images/ and masks/ in each."
    )
    assert len(held_out_test(opened(tmp_path), test_share=0.15, seed=1)) == 1
    put_pairs(tmp_path, range(4, 7))
    splits = split_masked_folder(opened(tmp_path), validation_share=0.1, test_share=0.15, seed=1)
    assert [len(pictures) for pictures in splits] == [5, 1, 1]


def test_too_few_pictures_to_hold_out_are_enough_where_the_user_makes_the_splits(tmp_path: Path) -> None:
    put_pairs(tmp_path, range(2))
    put_pairs(tmp_path / "val", [20])
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    with pytest.raises(BadData, match=r"too few pictures for a test split \(2, and it takes 4\)"):
        split_masked_folder(opened(tmp_path), validation_share=0.1, test_share=0.15, seed=1)
    put_pairs(tmp_path / "test", [30])
    splits = split_masked_folder(opened(tmp_path), validation_share=0.1, test_share=0.15, seed=1)
    assert [seen(pictures) for pictures in splits] == [[0, 1], [20], [30]]


def test_a_split_that_is_empty_is_refused(tmp_path: Path) -> None:
    put_pairs(tmp_path / "train", range(4))
    for folder in ("images", "masks"):
        (tmp_path / "test" / folder).mkdir(parents=True)
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    with pytest.raises(BadData, match="has no pictures in its test split"):
        held_out_test(opened(tmp_path), test_share=0.15, seed=1)
    with pytest.raises(BadData, match="has no pictures in its test split"):
        split_masked_folder(opened(tmp_path), validation_share=0.5, test_share=0.15, seed=1)


def test_every_fault_is_named_in_one_sentence(things: Path) -> None:
    images, masks = things / "images", things / "masks"
    (masks / "000.png").unlink()
    (images / "001.png").unlink()
    Image.new("L", (6, 8)).save(images / "002.png")
    Image.new("L", (8, 6), 7).save(masks / "003.png")
    (images / "004.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (masks / "004.png").write_bytes(b"")
    Image.new("RGB", (8, 6)).save(masks / "005.png")
    Image.new("L", (8, 6)).save(images / "006.jpg")
    sentence = fault_of(things)
    assert sentence.startswith("8 pictures or masks cannot be used: ")
    assert (
        "; ".join(
            (
                f"{images / '006.jpg'} and {images / '006.png'} have the same name",
                f"{images / '000.png'} has no mask",
                f"{masks / '001.png'} has no picture",
                f"{images / '002.png'} has 6x8 pixels upright, {masks / '002.png'} 8x6",
                f"{masks / '003.png'} has the value 7, which no class of 2 has",
                f"{images / '004.png'}: The PNG picture cannot be decoded: it is damaged or incomplete",
                f"{masks / '004.png'} is not a PNG file, which a mask has to be to keep its values",
                f"{masks / '005.png'} is a colour mask, but the class list has no colours: write red, green and "
                "blue behind each name, as in 'thing 128 0 0'.",
            )
        )
        in sentence
    )


def test_one_cause_in_many_files_is_said_once(things: Path) -> None:
    for mask in (things / "masks").iterdir():
        mask.write_bytes(b"")
    (things / "masks" / "019.png").unlink()
    masks = [str(things / "masks" / f"{number:03}.png") for number in range(19)]
    assert fault_of(things) == (
        f"20 pictures or masks cannot be used: {things / 'images' / '019.png'} has no mask; {masks[0]} is not a PNG "
        f"file, which a mask has to be to keep its values (likewise {', '.join(masks[1:5])} and 14 more)."
    )


def test_of_many_causes_ten_are_named(things: Path) -> None:
    for number, mask in enumerate(sorted((things / "masks").iterdir())):
        Image.new("L", (8, 6), 100 + number // 2).save(mask)
    put_pairs(things, range(20, 22))
    for number in (20, 21):
        Image.new("L", (8, 6), 200).save(things / "masks" / f"{number:03}.png")
    sentence = fault_of(things)
    assert sentence.startswith("22 pictures or masks cannot be used: ")
    assert sentence.count("has the value") == 10
    assert sentence.endswith(
        f"has the value 109, which no class of 2 has (likewise {things / 'masks' / '019.png'}) and 2 more."
    )


def test_one_fault_is_in_the_singular(things: Path) -> None:
    (things / "masks" / "000.png").unlink()
    assert fault_of(things) == f"1 picture or mask cannot be used: {things / 'images' / '000.png'} has no mask."


def test_faults_of_test_files_are_found_too(tmp_path: Path) -> None:
    put_pairs(tmp_path / "train", range(4))
    put_pairs(tmp_path / "test", range(2))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    (tmp_path / "test" / "masks" / "001.png").write_bytes(b"")
    assert f"{tmp_path / 'test' / 'masks' / '001.png'} is not a PNG file" in fault_of(tmp_path)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_mask_has_the_size_of_the_upright_picture(things: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (6, 8), 77).save(things / "images" / "x.jpg", exif=exif)
    Image.new("L", (8, 6), 1).save(things / "masks" / "x.png")
    if orientation == 6:
        assert seen(opened(things).splits["train"])[-1] == 77
    else:
        assert "x.jpg has 6x8 pixels upright" in fault_of(things)


def test_white_that_is_not_listed_as_a_class_is_explained(things: Path) -> None:
    for mask in (things / "masks").iterdir():
        Image.fromarray(np.array([[0, 255] * 4] * 6, np.uint8)).save(mask)
    sentence = fault_of(things)
    assert "hold no class but 'background', beside pixels of value 255, which are ignored" in sentence
    assert "'background 0 0 0' and 'thing 255 255 255'" in sentence
    (things / "classes.txt").write_text("background 0 0 0\nthing 255 255 255\n")
    assert opened(things).splits["train"].read(0)[1].tolist() == [[0, 1] * 4] * 6


def test_masks_of_one_class_are_refused(things: Path) -> None:
    for mask in (things / "masks").iterdir():
        Image.new("L", (8, 6), 1).save(mask)
    assert fault_of(things) == f"The masks to train with in {things} hold no class but 'thing'."
