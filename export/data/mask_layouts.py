"""The layouts of folders with masks: images/ and masks/, Oxford-IIIT Pet's, Pascal VOC's."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from export.data.class_list import ClassList, read_class_list, voc_colour
from export.data.dataset import SplitName
from export.data.mask_files import MaskReader
from export.data.masked_faults import Fault
from export.data.pairing import Folders, Pairing, composed
from export.data.picture_folders import SPLIT_FOLDERS
from export.errors import BadData, DataNotFound

_CLASS_FILES = ("classes.txt", "labelmap.txt")

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
    splits: dict[SplitName, Pairing]
    """The splits that the folder has; all is `train` where the user has made none."""


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
    if homes := _homes(root):
        return _plain(root, homes)
    raise DataNotFound(
        f"{root} has no layout that is known: images/ and masks/, or those in train/, val/ and test/, or "
        "annotations/trimaps/ as in Oxford-IIIT Pet, or SegmentationClass/ as in Pascal VOC."
    )


def _homes(root: Path) -> dict[SplitName, Path]:
    """Where the images/ of each split lie; beside those of val/ and test/, images/ itself is the train split."""
    homes: dict[SplitName, Path] = {}
    for split, names in SPLIT_FOLDERS.items():
        home = next((root / name for name in names if (root / name).is_dir()), None)
        if home is not None:
            homes[split] = home
    if not any((home / "images").is_dir() for home in homes.values()):
        homes.clear()
    if "train" not in homes and (root / "images").is_dir():
        homes["train"] = root
    return homes


def _plain(root: Path, homes: dict[SplitName, Path]) -> Layout:
    """images/ and masks/ with equal names, or train/, val/ and test/ with these in each, and a class list."""
    classes = _own_classes(root)
    if classes is None:
        raise BadData(f"{root / _CLASS_FILES[0]} is missing: it names the classes, one a line, background first.")
    if homes.get("train") == root and (root / "images" / "train").is_dir():
        raise BadData(f"{root / 'images' / 'train'} is a split within images/: it is looked for in train/images/.")
    splits = {split: Folders(home / "images", home / "masks").all_pairs() for split, home in homes.items()}
    return Layout(labels=classes.labels, masks=MaskReader(classes), splits=splits)


def _pets(root: Path) -> Layout:
    """Oxford-IIIT Pet (Parkhi et al. 2012): trainval.txt is the train split, test.txt the test split, if it has lists.

    The labels are those of the Keras example, which has the pet first; here the background comes first, as it does
    everywhere else.
    """
    annotations = root / "annotations"
    folders = Folders(root / "images", annotations / "trimaps")
    lists: dict[SplitName, Path] = {"train": annotations / "trainval.txt", "test": annotations / "test.txt"}
    splits = _listed(folders, lists, _first_word) or {"train": folders.all_pairs()}
    masks = MaskReader(ClassList(labels=PET_LABELS, colours=None), values=_PET_VALUES)
    return Layout(labels=PET_LABELS, masks=masks, splits=splits)


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
    if test.is_file() and any(folders.has_mask(name) for name in _names(test, str.strip)):
        lists["test"] = test
    splits = _listed(folders, lists, str.strip) or {"train": folders.masked_pairs()}
    return Layout(labels=classes.labels, masks=MaskReader(classes), splits=splits)


def _listed(folders: Folders, lists: dict[SplitName, Path], name_in: Callable[[str], str]) -> dict[SplitName, Pairing]:
    """The pairs of the lists that exist; a name that stands in more than one place is a fault of each."""
    names = {split: _names(path, name_in) for split, path in lists.items() if path.is_file()}
    counts = Counter(name for listed in names.values() for name in listed)
    splits: dict[SplitName, Pairing] = {}
    for split, listed in names.items():
        again = []
        for name in dict.fromkeys(listed):
            if counts[name] > 1:
                where = " and ".join(lists[other].name for other in names if name in names[other])
                again.append(Fault(name, f" is listed {counts[name]} times, in {where}"))
        pairing = folders.listed_pairs(listed, lists[split])
        splits[split] = replace(pairing, faults=(*again, *pairing.faults))
    return splits


def _names(path: Path, name_in: Callable[[str], str]) -> list[str]:
    """The name in each line, in composed form; lines that begin with # are comments."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        raise BadData(f"{path} is not a list of names.") from None
    return [composed(name_in(line)) for line in lines if line.strip() and not line.startswith("#")]


def _first_word(line: str) -> str:
    return line.split()[0]


def _own_classes(root: Path) -> ClassList | None:
    """The class list that lies in a folder, if any."""
    path = next((root / name for name in _CLASS_FILES if (root / name).is_file()), None)
    return None if path is None else read_class_list(path)
