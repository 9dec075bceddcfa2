"""The tiny segmenter with convolutions added to it that come to nothing, so that a tile takes a noticeable time."""

from pathlib import Path

import numpy as np
from onnx import helper, numpy_helper

from tests.service.tiny_artifact import write_artifact
from tests.service.tiny_segmenter import segmenter_graph, segmenter_metadata

_CHANNELS = 32


def write_slow_segmenter(repository: Path, *, name: str = "slow", version: int = 1) -> Path:
    """Write a segmenter that answers like the tiny one, after 5 GFLOP more for each 512x512 pixels."""
    model = segmenter_graph(segmenter_metadata())
    graph = model.graph
    next(node for node in graph.node if "logits" in node.output).output[0] = "quick_logits"
    for layer, channels in enumerate((1, _CHANNELS)):
        weights = np.full((_CHANNELS, channels, 3, 3), 0.01, np.float32)
        graph.initializer.append(numpy_helper.from_array(weights, f"weights_{layer}"))
    graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), "zero"))
    graph.node.extend(
        [
            helper.make_node("Conv", ["planes", "weights_0"], ["wide"], pads=[1, 1, 1, 1]),
            helper.make_node("Conv", ["wide", "weights_1"], ["work"], pads=[1, 1, 1, 1]),
            helper.make_node("ReduceMean", ["work"], ["result"], axes=[1], keepdims=1),
            helper.make_node("Mul", ["result", "zero"], ["nothing"]),
            helper.make_node("Add", ["quick_logits", "nothing"], ["logits"]),
        ]
    )
    return write_artifact(repository, model, name=name, version=version)
