"""The model card of a published version: a README.md in which every figure comes from the run itself."""

import json
from collections.abc import Iterable
from pathlib import Path

import onnx
import torch

from export.artifact_files import artifact_files
from export.classification.evaluation import Evaluation
from export.data.idx_datasets import DATASETS
from export.data.scenes import NAME as SCENES
from export.evaluation_file import read_evaluation
from export.segmentation.evaluation import MaskEvaluation
from export.verification import PARITY_PROP
from models import MODELS, build_model
from models.layer_table import LayerTable, layer_table
from service.repository.artifact import MODEL_FILE, UNKNOWN_DATASET, Measurement, Metadata, Preprocessing

_MATRIX_UP_TO = 20
"""Classes above which the confusion matrix is left to evaluation.json."""
_LABELS_UP_TO = 100
"""Classes above which the list of labels is folded."""
_RESIZING = {
    "stretch": "is stretched to that size",
    "crop": "is scaled until its shorter edge has {edge} pixels, and its centre is cut out",
    "pad": "is scaled to fit inside {box}, centred, and the rest filled with background",
    "none": "has to have that size",
}
_STROKES = {
    "light-on-dark": "It learnt from light strokes on a dark ground",
    "dark-on-light": "It learnt from dark strokes on a light ground",
}


def render_card(folder: Path, name: str) -> str:
    """The card of the version of the model `name` in `folder`, from its metadata and, if any, its evaluation."""
    proto = onnx.load(str(folder / MODEL_FILE), load_external_data=False)
    props = {entry.key: entry.value for entry in proto.metadata_props}
    metadata = Metadata.from_props(props)
    evaluation = read_evaluation(folder)
    table = _layer_table(metadata)
    size_bytes = sum(file.stat().st_size for file in artifact_files(folder))
    parts = (
        _front_matter(metadata),
        f"# {name}",
        _sentence(metadata, table, size_bytes),
        _figures(name, metadata, evaluation, json.loads(props[PARITY_PROP])),
        _call(name, metadata),
        _input(metadata),
        _labels(metadata.labels),
        _layers(table),
        _test(evaluation) if evaluation else "",
        _provenance(metadata),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(metadata: Metadata) -> str:
    tags = [metadata.architecture, metadata.task, "onnx", "convoy"]
    if metadata.cam:
        tags.append(metadata.cam.method)
    lines = ["---", "library_name: onnx", f"pipeline_tag: {metadata.task}"]
    # A name that somebody gave their own folder may be anything; JSON strings are YAML.
    if metadata.dataset != UNKNOWN_DATASET:
        lines += ["datasets:", f"- {json.dumps(metadata.dataset)}"]
    return "\n".join([*lines, "tags:", *(f"- {tag}" for tag in tags), "---"])


def _sentence(metadata: Metadata, table: LayerTable, size_bytes: int) -> str:
    facts = MODELS[metadata.architecture]
    weights = metadata.weights
    origin = f"with the weights of `{weights.file}`" if weights else f"trained on {_title(metadata.dataset)}"
    return (
        f"{metadata.architecture} ({facts.year}) for {len(metadata.labels):,} classes, "
        f"{origin}: {table.parameters:,} parameters, {size_bytes / 1e6:.2f} MB, "
        f"{metadata.precision}.\n\n{facts.paper}."
    )


def _figures(
    name: str, metadata: Metadata, evaluation: Evaluation | MaskEvaluation | None, parity: dict[str, float]
) -> str:
    model = metadata.architecture
    which = model if name == model else f"{model} --name {name}"
    again, evaluate = (f"`python -m export {stage} {which}`" for stage in ("run", "evaluate"))
    if not _is_public(metadata.dataset):
        again = f"`{metadata.command.replace(' export train ', ' export run ', 1)}`"
        evaluate = f"`python -m export evaluate {which} --data DIR`"
    if metadata.weights:
        again = f"`{metadata.command}`"
    elif _is_converted(metadata):
        again, evaluate = f"`{metadata.command}`", ""
    rows: list[tuple[str, str, str]] = []
    if evaluation:
        rows += [
            (f"{title} on {evaluation.images:,} test images", f"{value:.2%}", evaluate)
            for title, value in _scores(evaluation)
        ]
    elif evaluate:
        title = "Accuracy" if metadata.task == "image-classification" else "Mean IoU"
        rows.append((f"{title} on the test images", "not measured", evaluate))
    # What verify measured needs the trained weights, which only a run has.
    rows += [(_measured(metric), f"{metric.value:.2%}", again) for metric in metadata.metrics]
    rows += [
        (f"Largest difference between onnxruntime and torch, {output}", f"{share:.1e} of the largest value", again)
        for output, share in parity.items()
    ]
    return _table(("Measured from this file, as it is served", "Figure", "Repeat with"), rows, numbers=range(1, 2))


def _is_converted(metadata: Metadata) -> bool:
    """Whether it is a classifier whose head was turned into convolutions: nobody has masks for it."""
    return metadata.recipe.get("head") == "convolutions"


def _scores(evaluation: Evaluation | MaskEvaluation) -> list[tuple[str, float]]:
    if isinstance(evaluation, Evaluation):
        return [("Accuracy", evaluation.accuracy)]
    return [("Mean IoU", evaluation.mean_iou), ("Pixel accuracy", evaluation.pixel_accuracy)]


def _measured(metric: Measurement) -> str:
    return f"{metric.name[0].upper()}{metric.name[1:]} on {metric.images:,} {metric.split} images"


def _call(name: str, metadata: Metadata) -> str:
    address = f"http://127.0.0.1:3000/v1/models/{name}"
    if metadata.task == "image-segmentation":
        return (
            "## Call\n\n```sh\n"
            f"curl --data-binary @picture.png '{address}/segment?format=overlay' --output overlay.png\n```"
        )
    return (
        "## Call\n\n```sh\n"
        f"curl --data-binary @picture.png {address}/classify\n"
        f"curl --data-binary @picture.png '{address}/cam?format=overlay' --output overlay.png\n```"
    )


def _input(metadata: Metadata) -> str:
    spec = metadata.preprocessing
    if spec.height is None:
        scaled = (
            f"A picture is scaled until its shorter edge has {spec.shortest_edge} pixels, the longer one "
            f"{spec.longest_edge} at most ({_interpolation(spec)}); `?tile=true` leaves it as it is.\n"
        )
        return (
            f"## Input\n\n`image` is uint8 (N, H, W, {spec.channels}) of any height and width, {spec.colour}; scaling "
            f"and normalisation are in the graph.\n{scaled if spec.resize == 'shortest' else ''}"
            "`logits` is float32 (N, classes, H, W)."
        )
    edge = spec.shortest_edge
    box = f"{edge} x {edge}" if edge else "that size"
    sentences = [
        f"`image` is uint8 (N, {spec.height}, {spec.width}, {spec.channels}), {spec.colour}; "
        "scaling and normalisation are in the graph.",
        f"A picture {_RESIZING[spec.resize].format(edge=edge, box=box)} ({_interpolation(spec)}).",
    ]
    if spec.polarity:
        sentences.append(
            f"{_STROKES[spec.polarity]}; `?polarity=auto` lets the service turn pictures of the other kind round."
        )
    if metadata.cam:
        sentences.append(
            "`target` is int64 (N,), the class that `cam` explains, -1 for the top one; "
            f"`cam` is {metadata.cam.method} at `{metadata.cam.layer}`."
        )
    return "## Input\n\n" + "\n".join(sentences)


def _interpolation(spec: Preprocessing) -> str:
    return f"{spec.interpolation}{', antialiased' if spec.antialias else ''}"


def _labels(labels: tuple[str, ...]) -> str:
    text = ", ".join(labels)
    if len(labels) > _LABELS_UP_TO:
        text = f"<details><summary>{len(labels):,} labels</summary>\n\n{text}\n\n</details>"
    return f"## Labels\n\n{text}"


def _layer_table(metadata: Metadata) -> LayerTable:
    with torch.device("meta"):
        network = build_model(
            metadata.architecture,
            num_classes=len(metadata.labels),
            in_channels=metadata.preprocessing.channels,
            **metadata.recipe.get("options", {}),
        )
    return layer_table(network, in_channels=metadata.preprocessing.channels, input_px=_input_px(metadata))


def _input_px(metadata: Metadata) -> tuple[int, int]:
    """(height, width) that the network was trained at, or of its paper where that is not known."""
    recipe = metadata.recipe
    if window_px := recipe.get("window_px"):
        return window_px, window_px
    # A graph that takes any size may have been made of a network that was trained at one.
    spec = Preprocessing.model_validate(recipe["preprocessing"])
    return (spec.height, spec.width) if spec.height and spec.width else MODELS[metadata.architecture].input_px


def _layers(table: LayerTable) -> str:
    header = ("Layer", "Kind", "Output", "Parameters", "Multiply-adds", "Receptive field")
    body = [
        (
            f"`{row.layer}`",
            row.kind,
            " x ".join(map(str, row.output_shape)),
            f"{row.parameters:,}",
            f"{row.multiply_adds:,}",
            "all" if row.receptive_field_px is None else " x ".join(map(str, row.receptive_field_px)),
        )
        for row in table.rows
    ]
    body.append(("total", "", "", f"{table.parameters:,}", f"{table.multiply_adds:,}", ""))
    _, height, width = table.input_shape
    return f"## Layers\n\nFor a picture of {height}x{width}.\n\n" + _table(header, body, numbers=range(3, 6))


def _test(evaluation: Evaluation | MaskEvaluation) -> str:
    if isinstance(evaluation, MaskEvaluation):
        return _test_masks(evaluation)
    count = f"{evaluation.correct:,} of {evaluation.images:,} test images of {_title(evaluation.dataset)} are right."
    if len(evaluation.classes) > _MATRIX_UP_TO:
        ranked = sorted(evaluation.classes, key=lambda result: 1.0 if result.accuracy is None else result.accuracy)
        worst = [(result.label, _percent(result.accuracy)) for result in ranked[:_MATRIX_UP_TO]]
        return f"## Test\n\n{count} The classes with the lowest accuracy:\n\n" + _table(
            ("Class", "Right"), worst, numbers=range(1, 2)
        )
    body = [
        (f"**{result.label}**", *(str(number) if number else "" for number in row), _percent(result.accuracy))
        for result, row in zip(evaluation.classes, evaluation.confusion, strict=True)
    ]
    labels = [result.label for result in evaluation.classes]
    return f"## Test\n\n{count} Rows are what a picture shows, columns the answers.\n\n" + _table(
        ("", *labels, "Right"), body, numbers=range(1, len(labels) + 2)
    )


def _test_masks(evaluation: MaskEvaluation) -> str:
    pixels = sum(result.pixels for result in evaluation.classes)
    body = [
        (f"**{result.label}**", f"{result.pixels / pixels:.2%}", _percent(result.iou)) for result in evaluation.classes
    ]
    count = f"{evaluation.images:,} test images of {_title(evaluation.dataset)}, all their pixels together."
    return f"## Test\n\n{count}\n\n" + _table(("Class", "Share of pixels", "IoU"), body, numbers=range(1, 3))


def _is_public(dataset: str) -> bool:
    """Whether the stages find it by its name."""
    return dataset in DATASETS or dataset == SCENES


def _title(dataset: str) -> str:
    return DATASETS[dataset].title if dataset in DATASETS else dataset


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _provenance(metadata: Metadata) -> str:
    versions = ", ".join(f"{library} {version}" for library, version in metadata.versions.items())
    recipe = json.dumps(metadata.recipe, indent=2)
    made = f"by `{metadata.command}`, source revision {metadata.source_revision}, with {versions}."
    if weights := metadata.weights:
        made = (
            f"Made from `{weights.file}` ({weights.dtype}, SHA-256 `{weights.sha256}`) {made} Nothing is known here of "
            "its training."
        )
    else:
        made = f"Trained {made}"
    return f"## Provenance\n\n{made}\n\n<details><summary>Recipe</summary>\n\n```json\n{recipe}\n```\n\n</details>"


def _table(header: tuple[str, ...], body: Iterable[tuple[str, ...]], *, numbers: range) -> str:
    """A Markdown table whose columns in `numbers` are right-aligned."""
    rule = tuple("---:" if column in numbers else "---" for column in range(len(header)))
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in (header, rule, *body))
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
