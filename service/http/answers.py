"""The JSON and the pictures that classify and cam answer with; their shapes are the public contract."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

from service.http.answer_bodies import json_answer, picture_answer
from service.inference.classifier import Prediction
from service.inference.heatmap import heatmap_png, overlay_png
from service.inference.model import LoadedModel
from service.inference.preprocess import place_map
from service.inference.question import Encoded, Result

CamFormat = Literal["overlay", "heatmap", "json"]
Encoder = Callable[[LoadedModel, list[Any], bool], Encoded]

_DECIMALS = 6


def encode_classes(model: LoadedModel, results: list[Result], several: bool) -> Encoded:
    """`{"model", "version", "predictions": [...]}`, or `"results"` where several pictures were sent."""
    answers = [{"predictions": [_shown(prediction) for prediction in result.predictions]} for result in results]
    return _json(model, results, answers, several)


def encode_cam_json(model: LoadedModel, results: list[Result], several: bool) -> Encoded:
    """The map's numbers in [0, 1] at the map's own size."""
    answers = []
    for result in results:
        assert result.cam is not None
        assert model.metadata.cam is not None
        height, width = result.cam.shape
        answers.append(
            {
                "method": model.metadata.cam.method,
                "target": _shown(result.predictions[0]),
                "height": height,
                "width": width,
                "cam": result.cam.round(_DECIMALS),
            }
        )
    return _json(model, results, answers, several)


def encode_overlay(model: LoadedModel, results: list[Result], several: bool) -> Encoded:
    """The map laid over the picture as image/png; base64 in JSON where several pictures were sent."""
    return _pictures(model, results, several, _overlay)


def encode_heatmap(model: LoadedModel, results: list[Result], several: bool) -> Encoded:
    """The map alone, 8-bit gray at the picture's size, as image/png; base64 in JSON where several were sent."""
    return _pictures(model, results, several, _heatmap)


CAM_ENCODERS: dict[CamFormat, Encoder] = {
    "overlay": encode_overlay,
    "heatmap": encode_heatmap,
    "json": encode_cam_json,
}


def _overlay(model: LoadedModel, result: Result) -> bytes:
    assert result.picture is not None
    assert result.cam is not None
    return overlay_png(result.picture, place_map(result.cam, result.size_px, model.metadata.preprocessing))


def _heatmap(model: LoadedModel, result: Result) -> bytes:
    assert result.cam is not None
    return heatmap_png(place_map(result.cam, result.size_px, model.metadata.preprocessing))


def _pictures(
    model: LoadedModel, results: list[Result], several: bool, draw: Callable[[LoadedModel, Result], bytes]
) -> Encoded:
    target = results[0].predictions[0]
    about = [
        (b"x-convoy-target-index", str(target.index).encode()),
        (b"x-convoy-target-label", quote(target.label).encode()),
        (b"x-convoy-target-score", f"{target.score:.{_DECIMALS}f}".encode()),
    ]
    encoded = picture_answer(model, [draw(model, result) for result in results], several, about=about)
    return replace(encoded, tops=[result.top for result in results])


def _json(model: LoadedModel, results: list[Result], answers: list[dict[str, Any]], several: bool) -> Encoded:
    return replace(json_answer(model, answers, several), tops=[result.top for result in results])


def _shown(prediction: Prediction) -> dict[str, Any]:
    return {"index": prediction.index, "label": prediction.label, "score": round(prediction.score, _DECIMALS)}
