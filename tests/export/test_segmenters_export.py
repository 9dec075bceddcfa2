"""Segmenters as ONNX graphs: any batch, height and width, and torch's answer."""

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn

from export.onnx_graph import to_proto
from export.parity import compare_pixels
from export.serving_graph import SegmentingGraph
from models import build_model
from models.segmenter import Segmenter
from service.inference.session import open_session

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "fcn32s": ("fcn32s", {"stem": "small", "normalised": True, "head_width": 8}),
    "fcn8s": ("fcn8s", {"head_width": 8}),
    "fcn_resnet50": ("fcn_resnet50", {}),
    "unet": ("unet", {"width": 4}),
    "unet-valid": ("unet", {"width": 4, "depth": 3, "padding": "valid", "normalised": False}),
    "unet_xception": ("unet_xception", {"widths": [4, 8, 8]}),
}
# The first in batches; then smaller, odd, and larger than the exporter's example.
SIZES = [(64, 64), (65, 97), (33, 47), (7, 5), (2, 70), (1, 1), (130, 99)]
EXAMPLE = (40, 56)


def network_of(form: str) -> Segmenter:
    """With statistics of batch normalisation from noise, and values in the layers that begin at zero."""
    name, options = FORMS[form]
    torch.manual_seed(4)
    network = build_model(name, num_classes=5, in_channels=3, **options)
    assert isinstance(network, Segmenter)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.05)
    with torch.no_grad():
        network(torch.randn(2, 3, 64, 64))
    return network.eval()


@pytest.mark.parametrize("form", FORMS)
def test_every_batch_and_size_gets_torch_s_answer(form: str, tmp_path: Path) -> None:
    graph = SegmentingGraph(network_of(form), mean=(0.5, 0.4, 0.3), std=(0.25, 0.25, 0.2)).eval()
    proto = to_proto(graph, image_shape=(*EXAMPLE, 3))
    onnx.save_model(proto, str(tmp_path / "model.onnx"))
    (image,), (logits,) = proto.graph.input, proto.graph.output
    assert axes_of(image) == ["batch", "height", "width", 3]
    assert axes_of(logits) == ["batch", 5, "height", "width"]

    session = open_session(tmp_path / "model.onnx", provider="cpu")
    cases = list(compare_pixels(graph, session, sizes=SIZES, channels=3))
    assert {case.batch for case in cases} == {1, 3, 8}
    assert [case.size_px for case in cases[2:]] == SIZES
    for case in cases:
        # A tenth of what publishing allows: an error of a pixel's place would be far above.
        assert case.relative <= 1e-5, str(case)


def axes_of(value: onnx.ValueInfoProto) -> list[str | int]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
