"""`python -m benchmarks.random_artifacts NAME ... --repository DIR`: networks with random weights, ready to be served.

What a network costs does not hang on its weights, so that one of any size can be put under load without training it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from export.blueprint import Blueprint
from export.onnx_graph import exporter_versions, write_artifact
from export.serving_graph import CamChoice, ServingGraph
from models import MODELS, facts_of
from service.repository.artifact import UNKNOWN_DATASET, Metadata, Preprocessing


def random_graph(name: str, *, cam: CamChoice = "own") -> tuple[ServingGraph, Blueprint]:
    """The network called `name` for the input and the number of classes of its paper, and what it was built from.

    Raises:
        ValueError: there is no network of that name.
    """
    facts = facts_of(name)
    height, width = facts.input_px
    blueprint = Blueprint(
        model=name,
        options={},
        labels=tuple(f"class {index}" for index in range(facts.num_classes)),
        preprocessing=Preprocessing(
            height=height, width=width, resize="stretch", colour="gray" if facts.in_channels == 1 else "rgb"
        ),
        pixel_mean=(0.5,) * facts.in_channels,
        pixel_std=(0.25,) * facts.in_channels,
    )
    torch.manual_seed(0)
    graph = blueprint.exported_graph(blueprint.build(), cam)
    assert isinstance(graph, ServingGraph)
    return graph, blueprint


def write_random_artifact(name: str, repository: Path) -> Path:
    """Put the network called `name` into a repository as version 1, without comparing it with torch.

    Returns:
        The version folder.

    Raises:
        ValueError: there is no network of that name.
    """
    graph, blueprint = random_graph(name)
    metadata = Metadata(
        task=facts_of(name).task,
        architecture=name,
        labels=blueprint.labels,
        preprocessing=blueprint.preprocessing,
        dataset=UNKNOWN_DATASET,
        versions=exporter_versions(),
        cam=graph.cam,
    )
    version = repository / name / "1"
    version.mkdir(parents=True)
    write_artifact(graph, blueprint, metadata, folder=version)
    return version


def main(arguments: Sequence[str] | None = None) -> None:
    """Write version 1 of each network; ends with a sentence where there is one already."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.random_artifacts", description=__doc__)
    classifiers = [name for name, facts in MODELS.items() if facts.task == "image-classification"]
    parser.add_argument("names", nargs="+", metavar="NAME", choices=classifiers, help=", ".join(classifiers))
    parser.add_argument("--repository", type=Path, required=True, metavar="DIR", help="folder of published models")
    options = parser.parse_args(arguments)
    for name in options.names:
        if (options.repository / name).exists():
            parser.error(f"{options.repository / name} is there already")
        print(write_random_artifact(name, options.repository))


if __name__ == "__main__":
    main()
