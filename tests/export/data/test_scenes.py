"""Scenes are the same everywhere, keep to their rules, and share no item between splits."""

import hashlib
import itertools
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.data.dataset import DataSource, SplitName
from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, find_part
from export.data.masked_folders import open_masked_folder
from export.data.scenes import SCENE_LABELS, Scene, SceneRules, Scenes, open_scenes
from export.data.scenes.__main__ import main
from export.data.scenes.cutout import item_mask, turn
from export.data.split import hold_out

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@pytest.fixture(scope="module")
def scenes() -> dict[SplitName, Scenes]:
    if find_part(DATASETS["fashion-mnist"], "train", None) is None:
        pytest.skip("the Fashion-MNIST files are not here; CONVOY_DATA names their folder")
    return {split: open_scenes(split, DataSource(), share=1 / 12, seed=5) for split in SPLITS}


@pytest.fixture(scope="module")
def some(scenes: dict[SplitName, Scenes]) -> list[Scene]:
    return [scenes["train"].read(index) for index in range(150)]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("train", "b0dbc41a0b75320f436ac56232f78585f19219ea30c9c8e37eba83530f7ba61f"),
        ("validation", "59f9f07595b2040add14c2b32c25082da94ce7de505c23ccf8e70bb14f9685ff"),
        ("test", "5e785c635f10af8d274ff484001feb1284733031b26d6139c24e1810fb5998dd"),
    ],
)
def test_the_first_scenes_are_the_same_everywhere(
    scenes: dict[SplitName, Scenes], split: SplitName, expected: str
) -> None:
    digest = hashlib.sha256()
    for picture, mask in scenes[split].pictures(8):
        digest.update(picture.tobytes() + mask.tobytes())
    assert digest.hexdigest() == expected


def test_a_scene_does_not_depend_on_what_was_read_before(scenes: dict[SplitName, Scenes]) -> None:
    first = scenes["train"].read(20_000)
    scenes["train"].read(3)
    again = scenes["train"].read(20_000)
    assert first.picture.tobytes() == again.picture.tobytes()
    assert np.array_equal(first.mask, again.mask)


def test_no_item_is_in_two_splits(scenes: dict[SplitName, Scenes]) -> None:
    train, validation = scenes["train"], scenes["validation"]
    assert set(train.positions).isdisjoint(validation.positions)
    assert len(train.positions) + len(validation.positions) == 60_000
    kept, _ = hold_out(train.targets, share=1 / 12, seed=5)
    assert np.array_equal(train.positions, kept)
    assert len(scenes["test"].positions) == len(scenes["test"].images) == 10_000
    for split in SPLITS:
        used = {item.position for index in range(30) for item in scenes[split].read(index).items}
        assert used <= set(scenes[split].positions.tolist())


def test_every_item_is_used_before_any_is_used_again(scenes: dict[SplitName, Scenes]) -> None:
    few = replace(
        scenes["test"], positions=np.arange(100, 120), rules=SceneRules(items=(4, 4), visible_percent=1, size_px=160)
    )
    rounds = [[item.position for index in range(5 * n, 5 * n + 5) for item in few.read(index).items] for n in range(3)]
    assert all(sorted(positions) == list(range(100, 120)) for positions in rounds)
    assert rounds[0] != rounds[1] != rounds[2]


def test_test_files_alone_are_read_for_test_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def note(*paths: Any, classes: int) -> Any:
        read.extend(path.name for path in paths)
        return read_pair(*paths, classes=classes)

    monkeypatch.setattr("export.data.scenes.fashion_scenes.read_pair", note)
    if find_part(DATASETS["fashion-mnist"], "test", None) is None:
        pytest.skip("the Fashion-MNIST files are not here; CONVOY_DATA names their folder")
    open_scenes("test", DataSource(), share=1 / 12, seed=5)
    assert all(name.startswith("t10k") for name in read)


def test_items_stay_visible_and_lie_inside(some: list[Scene]) -> None:
    items = [item for scene in some for item in scene.items]
    assert min(item.visible_share for item in items) >= 0.5
    assert 0.2 < np.mean([item.visible_share < 1 for item in items]) < 0.8
    assert {len(scene.items) for scene in some} == {2, 3, 4, 5}
    for scene in some:
        assert scene.items[-1].visible_share == 1


def test_masks_boxes_and_items_say_the_same(some: list[Scene], scenes: dict[SplitName, Scenes]) -> None:
    for scene in some[:30]:
        assert scene.picture.mode == "L"
        assert scene.picture.size == scene.mask.shape == (96, 96)
        painted = np.zeros_like(scene.mask)
        for item in scene.items:
            assert not painted[item.mask].any()
            painted[item.mask] = item.label
            left, top, right, bottom = item.box
            assert item.mask[top:bottom, left:right].sum() == item.mask.sum()
            assert item.mask[[top, bottom - 1]].any(axis=1).all()
            assert item.mask[:, [left, right - 1]].any(axis=0).all()
            assert item.label == scenes["train"].targets[item.position] + 1
        assert np.array_equal(painted, scene.mask)


def test_every_class_occurs_and_gray_levels_do_not_tell_items_from_the_ground(some: list[Scene]) -> None:
    masks = np.stack([scene.mask for scene in some])
    levels = np.stack([np.asarray(scene.picture) for scene in some])
    shares = np.bincount(masks.ravel(), minlength=len(SCENE_LABELS)) / masks.size
    assert shares.min() > 0.005
    assert 0.7 < shares[0] < 0.9
    # The best single threshold over all scenes, as a share of pixels got right when both sides count the same.
    below = [np.cumsum(np.bincount(levels[side], minlength=256)) / side.sum() for side in (masks == 0, masks > 0)]
    assert 0.5 + np.abs(below[0] - below[1]).max() / 2 < 0.75


def test_a_set_of_scenes_is_a_dataset_with_masks(scenes: dict[SplitName, Scenes]) -> None:
    pictures = scenes["validation"].pictures(5)
    assert (len(pictures), pictures.split, pictures.labels) == (5, "validation", SCENE_LABELS)
    assert pictures.names[4] == "validation scene 4"
    last = pictures.take(np.array([4]), split="test")
    assert last.names == ("validation scene 4",)
    assert np.array_equal(last.read(0)[1], scenes["validation"].read(4).mask)
    assert len(SCENE_LABELS) == 11


def test_prints_belong_to_an_item_and_gaps_between_straps_do_not() -> None:
    ring = np.zeros((28, 28), np.uint8)
    ring[5:20, 5:20] = 200
    ring[9:15, 9:15] = 0
    assert item_mask(ring, SceneRules(), holes=False).sum() == 15 * 15
    assert item_mask(ring, SceneRules(), holes=True).sum() == 15 * 15 - 6 * 6
    ring[12, :10] = 0
    assert not item_mask(ring, SceneRules(), holes=False)[12, 12]


def test_a_dim_rim_does_not_belong_to_a_bright_item_but_to_a_dark_one() -> None:
    item = np.full((28, 28), 20, np.uint8)
    assert item_mask(item, SceneRules(), holes=False).all()
    item[5:25, 3:25] = 200
    assert item_mask(item, SceneRules(), holes=False).sum() == 20 * 22


@pytest.mark.parametrize(("scale", "degrees"), [(1.0, 0), (1.6, 30), (0.8, -17), (1.3, 90)])
def test_a_turned_item_keeps_its_area_and_its_gray(scale: float, degrees: int) -> None:
    item = np.zeros((28, 28), np.uint8)
    item[4:24, 8:18] = 150
    cutout = turn(item, item > 4, scale=scale, degrees=degrees)
    assert cutout.mask.sum() == pytest.approx(200 * scale**2, rel=0.06)
    assert np.allclose(cutout.levels[cutout.cover > 0], 150)
    if degrees in (0, 90):
        assert (cutout.mask.shape[0] > cutout.mask.shape[1]) == (degrees == 0)


def test_a_turn_is_counter_clockwise() -> None:
    item = np.zeros((28, 28), np.uint8)
    item[2:26, 13:15] = 200
    item[2:6, 13:20] = 200
    upright, turned = (turn(item, item > 4, scale=1, degrees=degrees).mask for degrees in (0, 90))
    assert np.array_equal(turned, np.rot90(upright))


def test_every_rule_changes_the_fingerprint() -> None:
    rules = SceneRules()
    changes: dict[str, Any] = {"open_labels": ("Bag",)}
    for rule in fields(SceneRules):
        value = getattr(rules, rule.name)
        if rule.name not in changes:
            changes[rule.name] = (value[0], value[1] - 1) if isinstance(value, tuple) else value + 1
    fingerprints = {replace(rules, **{name: value}).fingerprint() for name, value in changes.items()}
    assert len(fingerprints | {rules.fingerprint()}) == len(fields(SceneRules)) + 1


def test_the_rules_are_those_that_figures_were_measured_with() -> None:
    assert SceneRules().fingerprint() == "fbbf3bd2cfa617018a4b10ef1f0d7d626c7e43a7882199df6ffa2f770d4a683b"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"size_px": 60}, "size_px must be at least 66, for the largest item"),
        ({"items": (3, 2)}, "items must not end before it begins"),
        ({"items": (0, 2)}, "items must be at least 1"),
        ({"scale_percent": (40, 100)}, "scale_percent must be at least 50"),
        ({"visible_percent": 0}, r"visible_percent must be in \[1, 100\]"),
        ({"contrast_percent": (50, 101)}, "contrast_percent must be at most 100"),
        ({"clutter_radius_px": (0, 3)}, "lengths must be at least 1 pixel"),
        ({"mask_threshold": 255}, "mask_threshold must be in"),
        ({"mask_percent": 100}, "mask_percent must be in"),
        ({"open_labels": ("Hat",)}, "open_labels must be labels of Fashion-MNIST"),
        ({"seed": -1}, "seed must be in"),
    ],
)
def test_rules_that_make_no_scene_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SceneRules(**change)


def test_scenes_can_be_written_for_others(scenes: dict[SplitName, Scenes], tmp_path: Path) -> None:
    folder = tmp_path / "written"
    main([str(folder), "--first", "2"])
    names = {str(file.relative_to(folder)) for file in folder.rglob("*.*")}
    parts = itertools.product(("train", "val", "test"), ("images", "masks"), ("00000.png", "00001.png"))
    assert names == {"classes.txt", *map("/".join, parts)}
    pictures = open_masked_folder(folder, dataset="written")
    assert tuple(pictures.labels) == SCENE_LABELS
    ours = scenes["validation"].read(1)
    with Image.open(folder / "val/images/00001.png") as picture, Image.open(folder / "val/masks/00001.png") as mask:
        assert picture.tobytes() == ours.picture.tobytes()
        assert np.array_equal(np.asarray(mask), ours.mask)
