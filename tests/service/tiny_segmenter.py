"""A segmenter whose every mask can be worked out on paper, written as a real artifact in a few milliseconds.

Each class has a gray level, evenly spaced from black to white. The logit of a class at a pixel is minus the distance
between that level and the pixel's brightness (0 to 1, the mean of the channels), times a hundred, so the nearest level
is the class.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from service.repository.artifact import Metadata
from tests.service.tiny_artifact import write_artifact

LEVEL_LABELS = ("background", "gray", "white")
STEEPNESS = 100.0


def segmenter_metadata(*, labels: tuple[str, ...] = LEVEL_LABELS, **preprocessing: object) -> Metadata:
    """Metadata of a gray segmenter that takes pictures as they are; `preprocessing` overrides that field."""
    spec = {"height": None, "width": None, "resize": "none", "colour": "gray"} | preprocessing
    baseline = {"images": 10, "class_shares": [1 / len(labels)] * len(labels), "confidence_shares": None}
    return Metadata.model_validate(
        {
            "task": "image-segmentation",
            "architecture": "tiny",
            "labels": labels,
            "preprocessing": spec,
            "dataset": "none",
            "baseline": baseline,
        }
    )


def segmenter_graph(metadata: Metadata) -> onnx.ModelProto:
    """The graph for one class per label."""
    classes, channels = len(metadata.labels), metadata.preprocessing.channels
    levels = np.linspace(0, 1, classes, dtype=np.float32).reshape(1, classes, 1, 1)
    constants: dict[str, NDArray[Any]] = {
        "range": np.array([255], np.float32),
        "levels": levels,
        "steepness": np.array([-STEEPNESS], np.float32),
        "channel": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "range"], ["bright"]),
        helper.make_node("ReduceMean", ["bright"], ["plane"], axes=[3], keepdims=0),
        helper.make_node("Unsqueeze", ["plane", "channel"], ["planes"]),
        helper.make_node("Sub", ["planes", "levels"], ["offsets"]),
        helper.make_node("Abs", ["offsets"], ["distances"]),
        helper.make_node("Mul", ["distances", "steepness"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny-segmenter",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", channels])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes, "height", "width"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata.to_props())
    return model


def write_tiny_segmenter(repository: Path, *, name: str = "levels", version: int = 1, **metadata: object) -> Path:
    """Write a tiny segmenter into its version folder; for `metadata` see `segmenter_metadata`."""
    return write_artifact(
        repository,
        segmenter_graph(segmenter_metadata(**metadata)),  # type: ignore[arg-type]
        name=name,
        version=version,
    )
