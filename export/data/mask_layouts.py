"""The layouts of folders with masks: images/ and masks/, Oxford-IIIT Pet's, Pascal VOC's."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from export.data.class_list import ClassList, read_class_list, voc_colour
from export.data.dataset import SplitName
from export.data.mask_files import MaskReader
from export.data.pairing import Folders, Pair
from export.data.picture_folders import split_folder
from export.errors import BadData, DataNotFound

_CLASS_FILES = ("classes.txt", "labelmap.txt")
_SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

PET_LABELS = ("background", "pet", "border")
# The files say 1 for the pet, 2 for what is around it and 3 for the border, which was not decided on.
_PET_VALUES = {1: 1, 2: 0, 3: 2}

VOC_LABELS = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What was found in a folder."""

    labels: tuple[str, ...]
    masks: MaskReader
    pairs: dict[SplitName, list[Pair]]
    """The splits that the folder has, train always among them."""
    faults: list[str]
    """Pictures without a mask and the like, a clause each."""


def find_layout(root: Path) -> Layout:
    """Tell the layout of a folder by what lies there.

    Raises:
        DataNotFound: it is no folder, or of no such layout.
        BadData: what belongs to its layout is missing.
    """
    if not root.is_dir():
        raise DataNotFound(f"{root} is not a folder of pictures and masks.")
    if (root / "annotations" / "trimaps").is_dir():
        return _pets(root)
    if (root / "SegmentationClass").is_dir():
        return _voc(root)
    if (root / "images").is_dir() or (root / "train" / "images").is_dir():
        return _plain(root)
    raise DataNotFound(
        f"{root} has no layout that is known: images/ and masks/, or those in train/, val/ and test/, or "
        "annotations/trimaps/ as in Oxford-IIIT Pet, or SegmentationClass/ as in Pascal VOC."
    )


def _plain(root: Path) -> Layout:
    """images/ and masks/ with equal names, or train/, val/ and test/ with these in each, and a class list."""
    classes = _own_classes(root)
    if classes is None:
        raise BadData(f"{root / _CLASS_FILES[0]} is missing: it names the classes, one a line, background first.")
    homes: dict[SplitName, Path] = {}
    if (root / "train" / "images").is_dir():
        homes = {split: home for split in _SPLITS if (home := split_folder(root, split)) is not None}
    elif (root / "images" / "train").is_dir():
        raise BadData(f"{root / 'images' / 'train'} is a split within images/: it is looked for in train/images/.")
    pairs: dict[SplitName, list[Pair]] = {}
    faults: list[str] = []
    for split, home in (homes or {"train": root}).items():
        folders = Folders(home / "images", home / "masks")
        pairs[split] = folders.all_pairs()
        faults += folders.faults
    return Layout(labels=classes.labels, masks=MaskReader(classes), pairs=pairs, faults=faults)


def _pets(root: Path) -> Layout:
    """Oxford-IIIT Pet (Parkhi et al. 2012): trainval.txt is the train split, test.txt the test split.

    The labels are those of the Keras example, which has the pet first; here the background comes first, as it does
    everywhere else.
    """
    annotations = root / "annotations"
    folders = Folders(root / "images", annotations / "trimaps")
    pairs: dict[SplitName, list[Pair]] = {}
    lists: dict[SplitName, Path] = {"train": annotations / "trainval.txt", "test": annotations / "test.txt"}
    if lists["train"].is_file():
        pairs = _listed(folders, lists)
    else:
        pairs["train"] = folders.all_pairs()
    masks = MaskReader(ClassList(labels=PET_LABELS, colours=None), values=_PET_VALUES)
    return Layout(labels=PET_LABELS, masks=masks, pairs=pairs, faults=folders.faults)


def _voc(root: Path) -> Layout:
    """Pascal VOC (Everingham et al. 2010), and what CVAT and others write like it, with their own class list.

    train.txt is the train split and val.txt the validation split, or trainval.txt is the train split; without lists
    it is all that has a mask. A test list of which no mask is there, as VOC keeps its own, counts as none.
    """
    voc = ClassList(labels=VOC_LABELS, colours=tuple(voc_colour(index) for index in range(len(VOC_LABELS))))
    classes = _own_classes(root) or voc
    folders = Folders(root / "JPEGImages", root / "SegmentationClass")
    sets = root / "ImageSets" / "Segmentation"
    lists: dict[SplitName, Path] = {"train": sets / "train.txt", "validation": sets / "val.txt"}
    if not lists["train"].is_file():
        lists = {"train": sets / "trainval.txt"}
    test = sets / "test.txt"
    if test.is_file() and any(folders.has_mask(name) for name in _names(test)):
        lists["test"] = test
    pairs: dict[SplitName, list[Pair]] = {}
    if lists["train"].is_file():
        pairs = _listed(folders, lists)
    else:
        pairs["train"] = folders.masked_pairs()
    return Layout(labels=classes.labels, masks=MaskReader(classes), pairs=pairs, faults=folders.faults)


def _listed(folders: Folders, lists: dict[SplitName, Path]) -> dict[SplitName, list[Pair]]:
    """The pairs of the lists that exist; a name that stands in more than one place is a fault."""
    names = {split: _names(path) for split, path in lists.items() if path.is_file()}
    for name, count in Counter(name for listed in names.values() for name in listed).items():
        if count > 1:
            where = " and ".join(lists[split].name for split, listed in names.items() if name in listed)
            folders.faults.append(f"{name} is listed {count} times, in {where}")
    return {split: folders.listed_pairs(listed, lists[split]) for split, listed in names.items()}


def _names(path: Path) -> list[str]:
    """The first word of each line; lines that begin with # are comments."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        raise BadData(f"{path} is not a list of names.") from None
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def _own_classes(root: Path) -> ClassList | None:
    """The class list that lies in a folder, if any."""
    path = next((root / name for name in _CLASS_FILES if (root / name).is_file()), None)
    return None if path is None else read_class_list(path)
