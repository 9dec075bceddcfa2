"""`python -m export.data.scenes DIR`: writes the scenes as pictures and masks, for programs other than this one.

DIR/{train,val,test}/images and masks hold PNG files of equal names, classes.txt the labels by class id.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import track

from export.data.dataset import DataSource, SplitName
from export.data.masked_loading import SCENES_PER_SPLIT
from export.data.scenes import SCENE_LABELS, open_scenes
from export.errors import StageError
from export.recipes.fashion_scenes import SHARED

_FOLDERS: dict[SplitName, str] = {"train": "train", "validation": "val", "test": "test"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write all scenes, or the first ones of each split."""
    parser = argparse.ArgumentParser(prog="python -m export.data.scenes", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that is not there yet")
    parser.add_argument("--data-dir", type=Path, help="folder of IDX files (default: CONVOY_DATA, else data)")
    parser.add_argument("--first", type=int, metavar="N", help="only the first N scenes of each split")
    options = parser.parse_args(arguments)
    if options.folder.exists():
        parser.error(f"{options.folder} is there already")
    source = DataSource(data_dir=options.data_dir)
    try:
        for split, name in _FOLDERS.items():
            scenes = open_scenes(split, source, share=SHARED.validation_share, seed=SHARED.seed)
            images, masks = (options.folder / name / kind for kind in ("images", "masks"))
            for folder in (images, masks):
                folder.mkdir(parents=True)
            count = min(options.first or SCENES_PER_SPLIT[split], SCENES_PER_SPLIT[split])
            for index in track(range(count), description=name, console=Console(stderr=True)):
                scene = scenes.read(index)
                scene.picture.save(images / f"{index:05}.png")
                Image.fromarray(scene.mask).save(masks / f"{index:05}.png")
    except StageError as error:
        raise SystemExit(f"error: {error}") from None
    (options.folder / "classes.txt").write_text("\n".join(SCENE_LABELS) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
