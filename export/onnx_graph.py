"""The onnx stage: a trained network becomes one ONNX file that says everything about itself."""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from export.artifact_files import DATA_FILE
from export.checkpoint import CheckpointFacts, load_checkpoint
from export.provenance import library_versions, source_revision
from export.run_folder import RunFolder
from models import MODELS
from models.classifier import Classifier
from service.repository.artifact import MODEL_FILE, CamSource, Metadata

OPSET = 20
EXTERNAL_ABOVE_BYTES = 64 * 2**20
_MAKERS = ("torch", "onnx", "onnxscript")


class ServingGraph(nn.Module):
    """What is exported: the network with its input contract and its class activation map.

    `forward(image uint8 (N, H, W, C), target int64 (N,), -1 = top-1)` gives the logits float32 (N, classes) and
    the raw map float32 (N, h, w).
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: Classifier, *, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        # (x / 255 - mean) / std as one product and one sum: in a small network every pass over the pixels shows.
        means, stds = (torch.tensor(each, dtype=torch.float64).view(1, -1, 1, 1) for each in (mean, std))
        self.register_buffer("scale", (1 / (255 * stds)).float())
        self.register_buffer("shift", (-means / stds).float())

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and normalise the pixels, then ask the network for logits and map."""
        x = image.permute(0, 3, 1, 2).to(torch.float32) * self.scale + self.shift
        logits, cam = self.network.forward_with_cam(x, target)
        return logits, cam


def load_graph(run: RunFolder) -> tuple[ServingGraph, CheckpointFacts]:
    """The trained network as it is exported, in evaluation mode, and the facts of its training.

    Raises:
        MissingStage: the training has not finished.
        BadData: weights or sidecar are damaged, or do not fit the network.
    """
    network, facts = load_checkpoint(run)
    assert isinstance(network, Classifier)
    graph = ServingGraph(network, mean=facts.recipe.pixel_mean, std=facts.recipe.pixel_std)
    return graph.eval(), facts


def export_onnx(run: RunFolder, *, external_above_bytes: int = EXTERNAL_ABOVE_BYTES) -> Path:
    """Write the run's model.onnx, with model.onnx.data beside it above this many bytes of weights.

    Raises:
        MissingStage: the training has not finished.
        BadData: weights or sidecar are damaged, or do not fit the network.
    """
    graph, facts = load_graph(run)
    height, width = facts.recipe.input_px
    proto = to_proto(graph, image_shape=(height, width, facts.recipe.preprocessing.channels))
    onnx.helper.set_model_props(proto, describe(graph, facts).to_props())
    _save(proto, run.path, external_above_bytes=external_above_bytes)
    return run.graph


def to_proto(graph: ServingGraph, *, image_shape: tuple[int, int, int]) -> onnx.ModelProto:
    """The graph in ONNX with a free batch; `image_shape` is (H, W, C)."""
    # A batch of one would be taken for a constant.
    example = (torch.zeros(2, *image_shape, dtype=torch.uint8), torch.tensor([-1, 0]))
    batch = torch.export.Dim("batch")
    with _quiet_exporter():
        program = torch.onnx.export(
            graph,
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=["image", "target"],
            output_names=["logits", "cam"],
            dynamic_shapes={"image": {0: batch}, "target": {0: batch}},
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    _forget_the_machine(proto.graph)
    return proto


def describe(graph: ServingGraph, facts: CheckpointFacts) -> Metadata:
    """The metadata of the file, as far as it is known before anything is measured from it."""
    revision = source_revision()
    if facts.source_revision not in ("", revision):
        revision = f"{revision} (weights trained at {facts.source_revision})"
    return Metadata(
        task=MODELS[facts.recipe.model].task,
        architecture=facts.recipe.model,
        labels=facts.labels,
        preprocessing=facts.recipe.preprocessing,
        dataset=facts.recipe.dataset,
        recipe=facts.recipe.to_dict(),
        command=facts.command,
        source_revision=revision,
        versions={**facts.versions, **library_versions(*_MAKERS), "opset": str(OPSET)},
        cam=CamSource(method=graph.network.cam_method, layer=graph.network.cam_layer),
    )


def _save(proto: onnx.ModelProto, folder: Path, *, external_above_bytes: int) -> None:
    weights_bytes = sum(len(tensor.raw_data) for tensor in proto.graph.initializer)
    temporary = Path(tempfile.mkdtemp(prefix=".onnx-", dir=folder))
    try:
        onnx.save_model(
            proto,
            str(temporary / MODEL_FILE),
            save_as_external_data=weights_bytes > external_above_bytes,
            location=DATA_FILE,
        )
        # Without its graph the data means nothing, so the graph goes first and comes last.
        (folder / MODEL_FILE).unlink(missing_ok=True)
        (folder / DATA_FILE).unlink(missing_ok=True)
        for name in (DATA_FILE, MODEL_FILE):
            if (temporary / name).exists():
                (temporary / name).replace(folder / name)
    finally:
        shutil.rmtree(temporary)


def _forget_the_machine(graph: onnx.GraphProto) -> None:
    """Drop the exporter's notes: they quote source lines and the paths of the machine that exported."""
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                _forget_the_machine(attribute.g)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence what the exporter says on every run and nobody can act on; anything else still shows."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)  # "torchvision is not installed"
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*LeafSpec.* is deprecated", category=FutureWarning)
            warnings.filterwarnings("ignore", message=r".*axis name: batch will not be used")
            yield
    finally:
        registration.setLevel(level)
