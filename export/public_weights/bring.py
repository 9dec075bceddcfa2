"""Publishes a network with weights out of a file: read, fitted, exported, compared with torch, revealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.artifact_files import digest
from export.blueprint import Blueprint, check_takes
from export.errors import BadWeights, UsageError, VerificationFailed
from export.onnx_graph import exporter_versions, write_artifact
from export.parity import parity_cases
from export.provenance import command_line, source_revision
from export.public_weights.fitting import load_weights
from export.public_weights.inputs import Input, read_input
from export.public_weights.labels import imagenet_labels, read_labels, usual_labels
from export.public_weights.opening import Opened, open_weights
from export.public_weights.reading import Weights
from export.publish import Publication, hidden_folder, reveal
from export.serving_graph import CamChoice, ExportedGraph
from export.verification import Verification, shortfall
from models import facts_of
from service.inference.model import load_model
from service.repository.artifact import UNKNOWN_DATASET, InvalidArtifact, Metadata, WeightsFile

IMAGENET = "imagenet-1k"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A network with the weights of a file, ready to be exported."""

    weights: Weights
    blueprint: Blueprint
    graph: ExportedGraph
    metadata: Metadata


@dataclass(frozen=True, kw_only=True)
class Brought:
    """A published file of weights."""

    publication: Publication
    weights: Weights
    blueprint: Blueprint
    verification: Verification


def prepare(
    model: str,
    file: Path,
    *,
    labels_file: Path | None = None,
    input_file: Path | None = None,
    options: Mapping[str, Any] | None = None,
    cam: CamChoice = "own",
) -> Prepared:
    """Build the network `model` with the weights in `file`, and print what the file was taken for.

    Labels and input are those of the run that the file lies in, of the public file that it is, or what `labels_file`
    and `input_file` say; any file for a thousand classes has ImageNet's labels, and any segmenter's for 21 Pascal
    VOC's. `options` names what shapes alone cannot tell.

    Raises:
        BadWeights: a file cannot be read, or does not fit the network.
        UsageError: labels or input are not known and have to be given, or the network has no such option, or no map.
    """
    if cam != "own" and facts_of(model).task == "image-segmentation":
        raise UsageError(f"{model} is a segmenter, which has no map to choose.")
    opened = open_weights(model, file, options or {})
    weights = opened.weights
    blueprint = _blueprint(model, opened, labels_file, input_file)
    print(_summary(blueprint, weights))
    network = blueprint.build()
    load_weights(network, model, weights)
    graph = blueprint.exported_graph(network, cam)
    metadata = _describe(graph, blueprint, weights)
    return Prepared(weights=weights, blueprint=blueprint, graph=graph, metadata=metadata)


def bring(model: str, file: Path, repository: Path, *, name: str, **choices: Any) -> Brought:
    """Publish the network `model` with the weights in `file` as the next version of the model `name`.

    `choices` are those of `prepare`.

    Raises:
        BadWeights, UsageError: see `prepare`.
        VerificationFailed: onnxruntime does not answer what torch answers.
        PublishRefused: the service could not load it.
    """
    prepared = prepare(model, file, **choices)
    blueprint, graph = prepared.blueprint, prepared.graph
    with hidden_folder(repository, name) as hidden:
        write_artifact(graph, blueprint, prepared.metadata, folder=hidden)
        verification = _verify(hidden, graph, blueprint)
        publication = reveal(hidden, name, verification)
    return Brought(publication=publication, weights=prepared.weights, blueprint=blueprint, verification=verification)


def _blueprint(model: str, opened: Opened, labels_file: Path | None, input_file: Path | None) -> Blueprint:
    form = opened.form
    labels = _labels(model, opened, labels_file)
    found = _input(model, opened, input_file)
    blueprint = Blueprint(
        model=model,
        options=form.options,
        labels=labels,
        preprocessing=found.preprocessing,
        pixel_mean=found.pixel_mean,
        pixel_std=found.pixel_std,
    )
    height, width, _ = blueprint.image_shape
    try:
        check_takes(model, options=form.options, in_channels=form.in_channels, input_px=(height, width))
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    return blueprint


def _labels(model: str, opened: Opened, labels_file: Path | None) -> tuple[str, ...]:
    num_classes, path = opened.form.num_classes, opened.weights.path
    if labels_file:
        return read_labels(labels_file, num_classes=num_classes)
    task = facts_of(model).task
    labels = opened.labels or usual_labels(task, num_classes)
    if labels is None:
        whose = "ImageNet's" if task == "image-classification" else "Pascal VOC's"
        raise UsageError(f"{path} is for {num_classes} classes, which are not {whose}: name them with --labels FILE.")
    return labels


def _input(model: str, opened: Opened, input_file: Path | None) -> Input:
    form, weights = opened.form, opened.weights
    if form.in_channels not in (1, 3):
        raise BadWeights(f"{weights.path} is for pictures of {form.in_channels} channels; 1 and 3 can be served.")
    prepared = read_input(input_file) if input_file else opened.input
    if prepared is None:
        stem = " with its small stem" if form.options.get("stem") == "small" else ""
        raise UsageError(
            f"How pictures are prepared for {model}{stem} and {form.in_channels} channels is not known: say it with "
            "--preprocessing FILE."
        )
    if prepared.preprocessing.channels != form.in_channels:
        raise BadWeights(
            f"{input_file} prepares pictures of {prepared.preprocessing.channels} channels, the weights in "
            f"{weights.path} are for {form.in_channels}."
        )
    is_segmenter = facts_of(model).task == "image-segmentation"
    if is_segmenter and not prepared.is_free:
        raise BadWeights(
            f"{input_file} fixes the size of the input, and {model} is a segmenter, which takes any: its resize is "
            "shortest or none, height and width are null."
        )
    if prepared.is_free and not is_segmenter:
        raise BadWeights(f"{input_file} leaves the size of the input free, which {model}, a classifier, needs fixed.")
    return prepared


def _summary(blueprint: Blueprint, weights: Weights) -> str:
    """What the file was taken for, for people, before the long part begins."""
    spec = blueprint.preprocessing
    options = "".join(f", {name} {value}" for name, value in blueprint.options.items())
    edge = f" of {spec.shortest_edge}" if spec.shortest_edge else ""
    size = f"{spec.resize} to {spec.height}x{spec.width}{edge}"
    if spec.resize == "shortest":
        size = f"shorter edge to {spec.shortest_edge}, longer one {spec.longest_edge} at most"
    elif spec.height is None:
        size = "at their own size"
    converted = "" if weights.dtype == "float32" else f", converted from {weights.dtype} to float32"
    return (
        f"Read {weights.path}{converted}: {blueprint.model}{options}, {len(blueprint.labels)} classes; pictures "
        f"{spec.colour}, {size}, {spec.interpolation}, "
        f"mean {_numbers(blueprint.pixel_mean)}, deviation {_numbers(blueprint.pixel_std)}."
    )


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


def _describe(graph: ExportedGraph, blueprint: Blueprint, weights: Weights) -> Metadata:
    return Metadata(
        task=facts_of(blueprint.model).task,
        architecture=blueprint.model,
        labels=blueprint.labels,
        preprocessing=blueprint.preprocessing,
        dataset=IMAGENET if blueprint.labels == imagenet_labels() else UNKNOWN_DATASET,
        recipe={
            "model": blueprint.model,
            "options": dict(blueprint.options),
            "preprocessing": blueprint.preprocessing.model_dump(mode="json"),
            "pixel_mean": list(blueprint.pixel_mean),
            "pixel_std": list(blueprint.pixel_std),
        },
        weights=WeightsFile(file=weights.path.name, sha256=weights.sha256, dtype=weights.dtype),
        command=command_line(),
        source_revision=source_revision(),
        versions=exporter_versions(),
        cam=graph.cam,
    )


def _verify(folder: Path, graph: ExportedGraph, blueprint: Blueprint) -> Verification:
    """Compare the artifact in the folder with torch; there is no data to measure it by.

    Raises:
        VerificationFailed: they differ by more than is allowed, or it cannot be loaded.
    """
    try:
        model = load_model(folder, name=blueprint.model, version=0, provider="cpu", intra_op_threads=1)
    except InvalidArtifact as error:
        raise VerificationFailed(f"The exported {blueprint.model} cannot be served: {error}") from None
    cases = parity_cases(graph, model.session, image_shape=blueprint.image_shape, num_classes=len(blueprint.labels))
    verification = Verification(sha256=digest(folder), parity=tuple(cases), quality=None)
    if complaint := shortfall(verification, minimum_score=0.0):
        raise VerificationFailed(complaint)
    return verification
