"""Pictures through the code that serves masks: encoded, decoded, preprocessed, segmented."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from export.data.masked import MaskedPictures
from export.picture_bytes import as_served
from export.segmentation.scores import confusion
from service.inference.masks.shares import class_pixels
from service.inference.model import LoadedModel
from service.inference.segmenter import classes_of, logits_of


def segment_as_served(model: LoadedModel, picture: Image.Image) -> NDArray[np.uint8]:
    """The mask, (H, W), that a caller would get for the PNG bytes of a picture."""
    logits = logits_of(model, as_served(picture, model))
    # No more classes than fit into 8 bits can be trained or measured, see export.data.masked.
    return classes_of(logits, picture.size, confidence=False).mask.astype(np.uint8)


def score_masks(model: LoadedModel, pictures: MaskedPictures) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The confusion matrix of pixels (classes, classes), and the pixels answered per class; shows progress.

    Raises:
        BadData: a picture cannot be read.
    """
    classes = len(model.metadata.labels)
    matrix, answered = np.zeros((classes, classes), np.int64), np.zeros(classes, np.int64)
    title = f"{model.name}: {len(pictures):,} {pictures.split} pictures"
    for position in track(range(len(pictures)), description=title):
        picture, truth = pictures.read(position)
        mask = segment_as_served(model, picture)
        matrix += confusion(mask, truth, classes=classes)
        answered += class_pixels(mask, classes)
    return matrix, answered
