"""Publishes a classifier with its head turned into convolutions: class scores by pixel, in the segmenters' contract."""

from pathlib import Path

import numpy as np
import onnx
import torch

from export.artifact_files import digest
from export.blueprint import Blueprint
from export.errors import UsageError, VerificationFailed
from export.onnx_graph import save_artifact, to_proto
from export.parity import parity_cases
from export.provenance import command_line
from export.publish import Publication, hidden_folder, reveal
from export.serving_graph import SegmentingGraph, ServingGraph
from export.verification import Verification, shortfall
from models.convolutional import convolutionalised
from service.inference.session import Session, open_session
from service.repository.artifact import MODEL_FILE, Metadata, Preprocessing

TOLERANCE = 1e-5
"""Largest difference from the plain network at its own size, as a share of its largest logit or of one."""


def publish_score_maps(
    classifier: ServingGraph, blueprint: Blueprint, metadata: Metadata, repository: Path, *, name: str
) -> Publication:
    """Publish the convolutional form of a classifier as the next version of the model `name`, and say so.

    `metadata` is the classifier's; the weights, the labels and the provenance stay.

    Raises:
        UsageError: the network has no such form.
        VerificationFailed: it answers otherwise than the classifier, or onnxruntime otherwise than torch.
        PublishRefused: no model can have that name.
    """
    height, width, channels = blueprint.image_shape
    try:
        maps = convolutionalised(classifier.network, (height, width))
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    graph = SegmentingGraph(maps, mean=blueprint.pixel_mean, std=blueprint.pixel_std).eval()
    proto = to_proto(graph, image_shape=(*maps.two_windows_px(), channels))
    onnx.helper.set_model_props(proto, _describe(metadata).to_props())
    with hidden_folder(repository, name) as hidden:
        save_artifact(proto, hidden)
        session = open_session(hidden / MODEL_FILE, provider="cpu")
        difference = _difference_at_own_size(classifier, session, blueprint)
        cases = tuple(
            parity_cases(graph, session, image_shape=(height, width, channels), num_classes=len(blueprint.labels))
        )
        verification = Verification(sha256=digest(hidden), parity=cases, quality=None)
        if complaint := shortfall(verification, minimum_score=0.0):
            raise VerificationFailed(complaint)
        publication = reveal(hidden, name, verification)
    worst = max(verification.relative_errors().values())
    print(
        f"{'Published' if publication.is_new else 'Already published:'} {publication.path}: class scores by pixel of "
        f"pictures of any size; at {height}x{width} {difference:.1e} from the plain network at most; largest "
        f"difference from torch {worst:.1e} of the largest value."
    )
    return publication


def _describe(metadata: Metadata) -> Metadata:
    """The classifier's metadata for a graph that takes any size and has no map of its own."""
    spec = metadata.preprocessing
    free = Preprocessing(height=None, width=None, resize="none", colour=spec.colour, polarity=spec.polarity)
    update = {
        "task": "image-segmentation",
        "preprocessing": free,
        "recipe": {**metadata.recipe, "head": "convolutions"},
        "cam": None,
        "command": metadata.command if metadata.weights else f"{metadata.command} && {command_line()}",
    }
    return metadata.model_copy(update=update)


def _difference_at_own_size(classifier: ServingGraph, session: Session, blueprint: Blueprint) -> float:
    """Raises VerificationFailed where a pixel's logits in the artifact are not the plain network's."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(2, *blueprint.image_shape), dtype=np.uint8)
    with torch.inference_mode():
        plain = classifier(torch.from_numpy(pixels), torch.full((2,), -1))[0].numpy()
    (by_pixel,) = session.run(["logits"], {"image": pixels})
    difference = float(np.abs(by_pixel - plain[:, :, None, None]).max())
    allowed = TOLERANCE * max(1.0, float(np.abs(plain).max()))
    if not difference <= allowed:
        raise VerificationFailed(
            f"The convolutional form differs from the network by {difference:.3g}, {allowed:.3g} is allowed."
        )
    return difference
