"""The JSON and the pictures that segment answers with; their shapes are the public contract."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from service.errors import TooLarge
from service.http.answer_bodies import in_base64, json_answer, picture_answer
from service.http.mask_parameters import MaskFormat, MaskWishes
from service.inference.masks.outlines import trace
from service.inference.masks.palette import class_colours, overlay_png
from service.inference.masks.png import colour_png, index_png
from service.inference.masks.polygons import coco_polygons, polygons
from service.inference.masks.rle import encode_rle
from service.inference.masks.shares import mean_scores
from service.inference.masks.simplification import simplify
from service.inference.model import LoadedModel
from service.inference.question import Encoded, SegmentResult

MaskEncoder = Callable[[LoadedModel, list[SegmentResult], bool, MaskWishes], Encoded]

BORDERS_AT_MOST: dict[MaskFormat, int] = {"rle": 2_000_000, "polygons": 1_000_000, "json": 1_000_000}
"""Pairs of neighbouring pixels of different classes, in all masks of an answer, that a format takes. At most that is
1.3 s of CPU time, 31 MB of outlines or 8 MB of run lengths, and 250 MB of memory on the way."""

_DECIMALS = 6


def encode_png(model: LoadedModel, results: list[SegmentResult], several: bool, wishes: MaskWishes) -> Encoded:
    """Class indices in gray: 8 bits, or 16 above 256 classes."""
    return _counted(picture_answer(model, [index_png(result.mask) for result in results], several), results)


def encode_color(model: LoadedModel, results: list[SegmentResult], several: bool, wishes: MaskWishes) -> Encoded:
    """A colour per class."""
    colours = class_colours(len(model.metadata.labels), background=model.metadata.has_background)
    return _counted(picture_answer(model, [colour_png(result.mask, colours) for result in results], several), results)


def encode_overlay(model: LoadedModel, results: list[SegmentResult], several: bool, wishes: MaskWishes) -> Encoded:
    """The colours over the picture."""
    classes, background = len(model.metadata.labels), model.metadata.has_background
    pngs = []
    for result in results:
        assert result.picture is not None
        pngs.append(overlay_png(result.picture, result.mask, classes=classes, background=background))
    return _counted(picture_answer(model, pngs, several), results)


def encode_json(model: LoadedModel, results: list[SegmentResult], several: bool, wishes: MaskWishes) -> Encoded:
    """Classes with what the format says of each of them; the mask itself in format "json".

    Raises:
        TooLarge: the borders between classes are too long for the format.
    """
    _check_borders(results, wishes.form)
    return _counted(json_answer(model, [_described(model, result, wishes) for result in results], several), results)


MASK_ENCODERS: dict[MaskFormat, MaskEncoder] = {
    "png": encode_png,
    "color": encode_color,
    "overlay": encode_overlay,
    "rle": encode_json,
    "polygons": encode_json,
    "json": encode_json,
}


def _counted(encoded: Encoded, results: list[SegmentResult]) -> Encoded:
    return replace(encoded, pixels=[result.pixels for result in results])


def _described(model: LoadedModel, result: SegmentResult, wishes: MaskWishes) -> dict[str, Any]:
    labels, background = model.metadata.labels, model.metadata.has_background
    height, width = result.mask.shape
    classes: list[dict[str, Any]] = []
    for index in np.flatnonzero(result.pixels).tolist():
        pixels = int(result.pixels[index])
        share = round(pixels / result.mask.size, _DECIMALS)
        classes.append({"index": index, "label": labels[index], "pixels": pixels, "share": share})
    if wishes.scores:
        assert result.confidence is not None
        scores = mean_scores(result.mask, result.confidence, result.pixels)
        for each in classes:
            each["score"] = round(float(scores[each["index"]]), _DECIMALS)
    forms: dict[str, dict[int, Any]] = {}
    if wishes.form in ("rle", "json"):
        forms["rle"] = encode_rle(result.mask, background=background, compressed=wishes.rle == "compressed")
    if wishes.form in ("polygons", "json"):
        outlines = simplify(trace(result.mask, background=background), wishes.tolerance_px)
        forms["polygons"] = coco_polygons(outlines) if wishes.polygons == "coco" else polygons(outlines)
    for name, of_class in forms.items():
        for each in classes:
            if each["index"] != 0 or not background:
                # All regions of a class may have been simplified away.
                each[name] = of_class.get(each["index"], [])
    described: dict[str, Any] = {"width": width, "height": height, "classes": classes}
    if wishes.form == "json":
        described["mask"] = in_base64(index_png(result.mask))
    if wishes.confidence:
        assert result.confidence is not None
        described["confidence"] = in_base64(index_png(result.confidence))
    return described


def _check_borders(results: list[SegmentResult], form: MaskFormat) -> None:
    borders = 0
    for mask in (result.mask for result in results):
        borders += int(np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1]))
    if borders > BORDERS_AT_MOST[form]:
        raise TooLarge(
            f"The borders between classes are {borders} pixels long, more than the {BORDERS_AT_MOST[form]} that "
            f"format={form} takes in one request; ask for a picture."
        )
