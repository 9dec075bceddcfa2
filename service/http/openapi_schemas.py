"""The parts of the OpenAPI description: schemas of the answers, and the parameters of each operation."""

from typing import Any, get_args

from service.http.mask_parameters import TOLERANCE_AT_MOST_PX, MaskFormat, PolygonForm, RleForm
from service.http.responses import STATUS_OF_CODE

IMAGES = {"type": "string", "format": "binary"}
BASE64 = {"type": "string", "format": "byte"}
SCORE = {"type": "number", "minimum": 0, "maximum": 1}
_PREDICTION = {
    "type": "object",
    "required": ["index", "label", "score"],
    "properties": {"index": {"type": "integer"}, "label": {"type": "string"}, "score": SCORE},
}
_NAMED = {"model": {"type": "string"}, "version": {"type": "integer"}}
_TEXT_OR_NULL = {"type": "string", "nullable": True}
_MODEL = {
    "name": {"type": "string"},
    "version": {"type": "integer"},
    "task": _TEXT_OR_NULL,
    "state": {"type": "string", "enum": ["loading", "ready", "failed"]},
    "reason": _TEXT_OR_NULL,
    "labels": {"type": "array", "items": {"type": "string"}},
    "provider": _TEXT_OR_NULL,
}
_MAP = {
    "method": {"type": "string", "enum": ["cam", "grad-cam", "hirescam"]},
    "target": {"$ref": "#/components/schemas/Prediction"},
    "height": {"type": "integer"},
    "width": {"type": "integer"},
    "cam": {"type": "array", "items": {"type": "array", "items": SCORE}},
}
_PREDICTIONS = {"predictions": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}}
_FLAG = {"type": "boolean", "default": False}
_RING = {"type": "array", "items": {"type": "number"}, "description": "x1, y1, x2, y2, ..."}
_CORNERS = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
_REGION = {
    "type": "object",
    "required": ["exterior", "holes"],
    "properties": {"exterior": _CORNERS, "holes": {"type": "array", "items": _CORNERS}},
}
_MASK_CLASS = {
    "index": {"type": "integer"},
    "label": {"type": "string"},
    "pixels": {"type": "integer"},
    "share": SCORE,
    "score": SCORE,
    "rle": {
        "type": "object",
        "required": ["size", "counts"],
        "properties": {
            "size": {"type": "array", "items": {"type": "integer"}, "description": "Height and width."},
            "counts": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]},
        },
    },
    "polygons": {"type": "array", "items": {"oneOf": [_REGION, _RING]}},
}
_MASK = {
    "width": {"type": "integer"},
    "height": {"type": "integer"},
    "classes": {
        "type": "array",
        "items": {"type": "object", "required": ["index", "label", "pixels", "share"], "properties": _MASK_CLASS},
    },
    "mask": BASE64,
    "confidence": BASE64,
}
SCHEMAS: dict[str, Any] = {
    "Prediction": _PREDICTION,
    "Classification": {
        "type": "object",
        "description": "One picture: `predictions`. Several: `results`, in order, each with `predictions`.",
        "required": ["model", "version"],
        "properties": {
            **_NAMED,
            **_PREDICTIONS,
            "results": {
                "type": "array",
                "items": {"type": "object", "required": ["predictions"], "properties": _PREDICTIONS},
            },
        },
    },
    "ActivationMap": {
        "type": "object",
        "description": "One picture: the map. Several: `results`, in order, each a map or a base64 PNG.",
        "required": ["model", "version"],
        "properties": {
            **_NAMED,
            **_MAP,
            "results": {
                "type": "array",
                "items": {"oneOf": [BASE64, {"type": "object", "required": list(_MAP), "properties": _MAP}]},
            },
        },
    },
    "Segmentation": {
        "type": "object",
        "description": "One picture: the mask. Several: `results`, in order, each a mask or a base64 PNG.",
        "required": ["model", "version"],
        "properties": {
            **_NAMED,
            **_MASK,
            "results": {
                "type": "array",
                "items": {
                    "oneOf": [
                        BASE64,
                        {"type": "object", "required": ["width", "height", "classes"], "properties": _MASK},
                    ]
                },
            },
        },
    },
    "Model": {"type": "object", "required": list(_MODEL), "properties": _MODEL},
    "ModelDetails": {
        "type": "object",
        "description": "A model, and, once it is loaded, what its artifact says of itself.",
        "required": list(_MODEL),
        "properties": {
            **_MODEL,
            "architecture": {"type": "string"},
            "preprocessing": {"type": "object"},
            "dataset": {"type": "string"},
            "metrics": {"type": "array", "items": {"type": "object"}},
            "cam": {"type": "object", "nullable": True},
            "precision": {"type": "string"},
            "source_revision": {"type": "string"},
            "sha256": {"type": "string"},
        },
    },
    "Models": {
        "type": "object",
        "required": ["models"],
        "properties": {"models": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}},
    },
    "Status": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}},
    "Error": {
        "type": "object",
        "required": ["error", "code"],
        "properties": {
            "error": {"type": "string", "description": "One sentence."},
            "code": {"type": "string", "enum": sorted(STATUS_OF_CODE)},
        },
    },
}
POLARITY = (
    "polarity",
    {"type": "string", "enum": ["auto", "light-on-dark", "dark-on-light"]},
    "The picture's polarity.",
)
TOP_K = ("top_k", {"type": "integer", "minimum": 1, "default": 5}, "How many classes to answer with.")
TARGET = ("target", {"type": "string"}, "Class to explain: an index or a label; the best class by default.")
MAP_FORMAT = (
    "format",
    {"type": "string", "enum": ["overlay", "heatmap", "json"], "default": "overlay"},
    "Form of the map.",
)
MASK_PARAMETERS = (
    (
        "format",
        {"type": "string", "enum": list(get_args(MaskFormat)), "default": "png"},
        "Form of the mask: class indices, colours, colours over the picture, run lengths, outlines, or all as JSON.",
    ),
    ("tile", _FLAG, "See the picture at its own size, in overlapping tiles."),
    ("scores", _FLAG, "Say the mean score of each class; in JSON."),
    ("confidence", _FLAG, "Add the score of each pixel's class as a base64 PNG; in JSON."),
    (
        "rle",
        {"type": "string", "enum": list(get_args(RleForm)), "default": "compressed"},
        "Run lengths as COCO's string, or as numbers.",
    ),
    (
        "polygons",
        {"type": "string", "enum": list(get_args(PolygonForm)), "default": "rings"},
        "Outlines with holes, or COCO's flat lists.",
    ),
    (
        "tolerance",
        {"type": "number", "minimum": 0, "maximum": TOLERANCE_AT_MOST_PX, "default": 0},
        "Pixels that a simplified outline may be off.",
    ),
)
