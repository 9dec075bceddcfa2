"""`python -m benchmarks.polarity`: accuracy on MNIST's test digits as if photographed on paper, turned round or not."""

from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, find_part
from service.inference.classifier import classify_batch
from service.inference.model import load_model
from service.inference.preprocess import preprocess
from tests.data.make_samples import on_paper

_PICTURES = 1000


def main() -> None:
    """Print the table."""
    files = find_part(DATASETS["mnist"], "test", None)
    if files is None:
        raise SystemExit("The MNIST test files are needed; CONVOY_DATA says where they are.")
    images, digits = read_pair(*files, classes=10)
    images, digits = images[:_PICTURES], digits[:_PICTURES]
    photos = [on_paper(Image.fromarray(image)) for image in track(images, console=Console(stderr=True))]
    table = Table("", "as sent", "255 - x", "polarity=auto", title=f"{_PICTURES} test digits on gray, shaded paper")
    for name in ("lenet5", "mnist_cnn"):
        model = load_model(Path("model_repository", name, "1"), name=name, version=1, provider="cpu")
        spec = model.metadata.preprocessing
        negatives = [photo.point(lambda level: 255 - level) for photo in photos]
        ways = {
            "as sent": [preprocess(photo, spec) for photo in photos],
            "255 - x": [preprocess(negative, spec) for negative in negatives],
            "auto": [preprocess(photo, spec, polarity="auto") for photo in photos],
        }
        shares = [(classify_batch(model, np.stack(batch)).argmax(1) == digits).mean() for batch in ways.values()]
        table.add_row(name, *(f"{share:.1%}" for share in shares))
    Console().print(table)


if __name__ == "__main__":
    main()
