"""A classifier whose every answer can be worked out on paper, written as a real artifact in a few milliseconds.

The picture is cut into a grid of cells, one class per cell, row by row. The logit of a class is ten times the mean
brightness (0 to 1, over the channels too) of its cell, so the brightest cell is the class. The map of a class has the
size of the grid and holds that brightness at the cell of the class and 0 everywhere else.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from service.repository.artifact import MODEL_FILE, CamSource, Metadata, Preprocessing

LOGITS_PER_BRIGHTNESS = 10.0
CELL_LABELS = ("top-left", "top-right", "bottom-left", "bottom-right")
GRID = (2, 2)


def tiny_metadata(
    *,
    labels: tuple[str, ...] = CELL_LABELS,
    height: int = 28,
    width: int = 28,
    task: str = "image-classification",
    **preprocessing: object,
) -> Metadata:
    """Metadata of a gray 28x28 classifier that stretches; `preprocessing` overrides the rest of that field."""
    return Metadata.model_validate(
        {
            "task": task,
            "architecture": "tiny",
            "labels": labels,
            "preprocessing": Preprocessing.model_validate(
                {"height": height, "width": width, "resize": "stretch", "colour": "gray"} | preprocessing
            ),
            "dataset": "none",
            "cam": CamSource(method="cam", layer="cells"),
            "baseline": {
                "images": 100,
                "class_shares": [1 / len(labels)] * len(labels),
                "confidence_shares": [0.0] * 12 + [1.0],
            },
        }
    )


def tiny_graph(metadata: Metadata, grid: tuple[int, int] = GRID) -> onnx.ModelProto:
    """The graph for a grid of (rows, columns) that divides the height and the width of the preprocessing."""
    spec, (rows, columns) = metadata.preprocessing, grid
    if spec.height is None or spec.width is None:
        raise ValueError("the cells need a fixed size")
    cells = rows * columns
    constants: dict[str, NDArray[Any]] = {
        "range": np.array([255 / LOGITS_PER_BRIGHTNESS], np.float32),
        "scale": np.array([LOGITS_PER_BRIGHTNESS], np.float32),
        "channel": np.array([1], np.int64),
        "top_1": np.array(-1, np.int64),
        "cells": np.array(cells, np.int64),
        "off_on": np.array([0, 1], np.float32),
        "grid": np.array([-1, rows, columns], np.int64),
    }
    step = [spec.height // rows, spec.width // columns]
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "range"], ["bright"]),
        helper.make_node("ReduceMean", ["bright"], ["gray"], axes=[3], keepdims=0),
        helper.make_node("Unsqueeze", ["gray", "channel"], ["plane"]),
        helper.make_node("AveragePool", ["plane"], ["pooled"], kernel_shape=step, strides=step),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["best"], axis=1, keepdims=0),
        helper.make_node("Equal", ["target", "top_1"], ["is_top_1"]),
        helper.make_node("Where", ["is_top_1", "best", "target"], ["chosen"]),
        helper.make_node("OneHot", ["chosen", "cells", "off_on"], ["one_hot"]),
        helper.make_node("Mul", ["one_hot", "logits"], ["weighted"]),
        helper.make_node("Div", ["weighted", "scale"], ["chosen_brightness"]),
        helper.make_node("Reshape", ["chosen_brightness", "grid"], ["cam"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(
                "image", TensorProto.UINT8, ["batch", spec.height, spec.width, spec.channels]
            ),
            helper.make_tensor_value_info("target", TensorProto.INT64, ["batch"]),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", cells]),
            helper.make_tensor_value_info("cam", TensorProto.FLOAT, ["batch", rows, columns]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata.to_props())
    return model


def write_artifact(repository: Path, model: onnx.ModelProto, *, name: str = "tiny", version: int = 1) -> Path:
    """Write `model` into its version folder, and give that back."""
    folder = repository / name / str(version)
    folder.mkdir(parents=True)
    (folder / MODEL_FILE).write_bytes(model.SerializeToString())
    return folder


def write_tiny_artifact(
    repository: Path,
    *,
    name: str = "tiny",
    version: int = 1,
    grid: tuple[int, int] = GRID,
    **metadata: Any,
) -> Path:
    """Write a tiny classifier; for `metadata` see `tiny_metadata`. A grid other than 2x2 names its cells cell-0, ..."""
    if grid != GRID:
        metadata.setdefault("labels", tuple(f"cell-{index}" for index in range(grid[0] * grid[1])))
    return write_artifact(
        repository,
        tiny_graph(tiny_metadata(**metadata), grid),
        name=name,
        version=version,
    )
