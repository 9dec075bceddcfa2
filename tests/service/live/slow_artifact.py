"""The tiny classifier with a fraction of a second of work added to it, so that a service can be overloaded."""

import tempfile
import time
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from service.inference.model import load_model
from tests.service.tiny_artifact import tiny_graph, tiny_metadata, write_artifact

_EDGE = 1024
_TRIAL_PRODUCTS = 4


def write_slow_artifact(repository: Path, *, takes_s: float, name: str = "slow", version: int = 1) -> Path:
    """Write a classifier that answers like the tiny one, and needs about `takes_s` of one core for each picture."""
    with tempfile.TemporaryDirectory() as folder:
        each_s = _measure_s(Path(folder)) / _TRIAL_PRODUCTS
    return _write(repository, max(1, round(takes_s / each_s)), name, version)


def _measure_s(folder: Path) -> float:
    model = load_model(_write(folder, _TRIAL_PRODUCTS, "trial", 1), name="trial", version=1, provider="cpu")
    feeds = {"image": np.zeros((1, 28, 28, 1), np.uint8), "target": np.array([-1])}
    took_s = []
    for _ in range(5):
        began = time.perf_counter()
        model.session.run(["logits"], feeds)
        took_s.append(time.perf_counter() - began)
    return min(took_s)


def _write(repository: Path, products: int, name: str, version: int) -> Path:
    """Products of 1024x1024 matrices, 2 GFLOP each, which come to nothing and are added to the logits."""
    model = tiny_graph(tiny_metadata())
    graph = model.graph
    logits = next(node for node in graph.node if "logits" in node.output)
    logits.output[0] = "quick_logits"

    def constant(name: str, kind: int, shape: list[int], values: list[float]) -> object:
        return helper.make_node("Constant", [], [name], value=helper.make_tensor(name, kind, shape, values))

    nodes = [
        constant("edge", TensorProto.INT64, [2], [_EDGE, _EDGE]),
        constant("matrix_axes", TensorProto.INT64, [2], [1, 2]),
        constant("last_axis", TensorProto.INT64, [1], [1]),
        constant("zero", TensorProto.FLOAT, [], [0.0]),
        helper.make_node(
            "ConstantOfShape",
            ["edge"],
            ["weights"],
            value=helper.make_tensor("value", TensorProto.FLOAT, [1], [1 / _EDGE]),
        ),
        # It has to depend on the picture, or onnxruntime computes it once and for all.
        helper.make_node("ReduceMean", ["plane"], ["brightness"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["brightness", "matrix_axes"], ["dot"]),
        helper.make_node("Mul", ["dot", "weights"], ["work_0"]),
        *(helper.make_node("MatMul", [f"work_{index}", "weights"], [f"work_{index + 1}"]) for index in range(products)),
        helper.make_node("ReduceMean", [f"work_{products}"], ["result"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["result", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "last_axis"], ["nothing_column"]),
        helper.make_node("Add", ["quick_logits", "nothing_column"], ["logits"]),
    ]
    place = list(graph.node).index(logits) + 1
    for offset, node in enumerate(nodes):
        graph.node.insert(place + offset, node)
    return write_artifact(repository, model, name=name, version=version)
