"""The onnx stage: a network with its weights becomes one ONNX file that says everything about itself."""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch

from export.artifact_files import DATA_FILE
from export.blueprint import Blueprint, load_trained
from export.checkpoint import CheckpointFacts
from export.provenance import library_versions, source_revision
from export.run_folder import RunFolder
from export.serving_graph import CamChoice, ExportedGraph
from models import MODELS
from service.repository.artifact import MODEL_FILE, Metadata

OPSET = 20
EXTERNAL_ABOVE_BYTES = 64 * 2**20
_MAKERS = ("torch", "onnx", "onnxscript")


def load_graph(run: RunFolder, cam: CamChoice = "own") -> tuple[ExportedGraph, CheckpointFacts]:
    """The trained network as it is exported, in evaluation mode, and the facts of its training.

    Raises:
        MissingStage: the training has not finished.
        BadData: weights or sidecar are damaged, or do not fit the network.
    """
    network, facts = load_trained(run)
    return Blueprint.of_recipe(facts.recipe, facts.labels).exported_graph(network, cam), facts


def export_onnx(run: RunFolder, *, cam: CamChoice = "own", external_above_bytes: int = EXTERNAL_ABOVE_BYTES) -> Path:
    """Write the run's model.onnx, with model.onnx.data beside it above this many bytes of weights.

    Raises:
        MissingStage: the training has not finished.
        BadData: weights or sidecar are damaged, or do not fit the network.
    """
    graph, facts = load_graph(run, cam)
    blueprint = Blueprint.of_recipe(facts.recipe, facts.labels)
    write_artifact(graph, blueprint, describe(graph, facts), folder=run.path, external_above_bytes=external_above_bytes)
    return run.graph


def write_artifact(
    graph: ExportedGraph,
    blueprint: Blueprint,
    metadata: Metadata,
    *,
    folder: Path,
    external_above_bytes: int = EXTERNAL_ABOVE_BYTES,
) -> None:
    """Write model.onnx into the folder, with model.onnx.data beside it above this many bytes of weights."""
    proto = to_proto(graph, image_shape=blueprint.image_shape)
    onnx.helper.set_model_props(proto, metadata.to_props())
    save_artifact(proto, folder, external_above_bytes=external_above_bytes)


def to_proto(graph: ExportedGraph, *, image_shape: tuple[int, int, int]) -> onnx.ModelProto:
    """The graph in ONNX with its free axes; `image_shape` is (H, W, C), where H and W are free that of an example."""
    names = [torch.export.Dim(name) for name in ("batch", "height", "width")]
    free = {name: {axis: names[axis] for axis in axes} for name, axes in graph.free_axes.items()}
    with _quiet_exporter():
        program = torch.onnx.export(
            graph,
            graph.example(image_shape),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=free,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    _forget_the_machine(proto.graph)
    return proto


def describe(graph: ExportedGraph, facts: CheckpointFacts) -> Metadata:
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
        versions={**facts.versions, **exporter_versions()},
        cam=graph.cam,
    )


def exporter_versions() -> dict[str, str]:
    """Versions of the libraries that export, and of the operator set."""
    return {**library_versions(*_MAKERS), "opset": str(OPSET)}


def save_artifact(proto: onnx.ModelProto, folder: Path, *, external_above_bytes: int = EXTERNAL_ABOVE_BYTES) -> None:
    """Write model.onnx, with model.onnx.data beside it above this many bytes of weights, over what was there."""
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
        if (temporary / DATA_FILE).exists():
            # onnx keeps the weights to their owner, and a service may run as somebody else.
            (temporary / DATA_FILE).chmod((temporary / MODEL_FILE).stat().st_mode)
            (temporary / DATA_FILE).replace(folder / DATA_FILE)
        (temporary / MODEL_FILE).replace(folder / MODEL_FILE)
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
