"""The sheet shows one test picture per class, as the service explains it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from export.classification.sheet import draw_maps
from export.data.loading import load_test
from export.publish import publish
from export.published import open_version
from export.run_folder import RunFolder

RunMaker = Callable[..., RunFolder]


def test_the_first_test_picture_of_each_class_stands_beside_its_map(copy_verified: RunMaker, tmp_path: Path) -> None:
    run, file = copy_verified(), tmp_path / "docs" / "maps.png"
    publish(run, tmp_path / "repository")
    model, _ = open_version(run, tmp_path / "repository", None)
    examples = draw_maps(model, load_test(run.recipe, run.source), file)
    assert [example.label for example in examples] == ["bar", "dot", "ring"]
    for example in examples:
        picture = np.asarray(example.picture.convert("RGB"))
        overlay = np.asarray(example.overlay)
        assert overlay.shape == picture.shape == (28, 28, 3)
        assert example.answer.label in ("bar", "dot", "ring")
        assert 1 / 3 < example.answer.score <= 1
        assert example.is_blank == np.array_equal(overlay, picture)
    assert not all(example.is_blank for example in examples)
    with Image.open(file) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 3 * 2 * 100
        assert len(np.unique(np.asarray(sheet.convert("RGB")).reshape(-1, 3), axis=0)) > 100
    assert [path.name for path in file.parent.iterdir()] == ["maps.png"]
