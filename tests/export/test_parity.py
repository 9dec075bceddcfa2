"""What counts as the same answer: jumps of a gradient on one picture do not decide, faults do."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.parity import ParityCase, compare
from export.serving_graph import ServingGraph
from models import build_model
from models.classifier import Classifier
from service.inference.session import ProviderName, TensorSpec


def graph_of(model: str) -> ServingGraph:
    torch.manual_seed(4)
    network = build_model(model, num_classes=3, in_channels=1)
    assert isinstance(network, Classifier)
    return ServingGraph(network, mean=(0.5,), std=(0.25,)).eval()


class AlmostTorch:
    """A session that answers as torch does, but for maps of pictures chosen by call and position."""

    provider: ProviderName = "cpu"
    inputs: Mapping[str, TensorSpec] = {}
    outputs: Mapping[str, TensorSpec] = {}
    metadata_props: Mapping[str, str] = {}

    def __init__(self, graph: ServingGraph, *, wrong_calls: range, logits_too: bool = False) -> None:
        self.calls = 0
        self._graph = graph
        self._wrong_calls = wrong_calls
        self._logits_too = logits_too

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        with torch.inference_mode():
            logits, cam = self._graph(torch.from_numpy(feeds["image"]), torch.from_numpy(feeds["target"]))
        logits, cam = logits.numpy().copy(), cam.numpy().copy()
        if self.calls in self._wrong_calls:
            cam[0] += 0.02 * cam.max()
            if self._logits_too:
                logits[0] *= 1.01
        self.calls += 1
        return [logits, cam]


def cases_of(model: str, **faults: Any) -> list[ParityCase]:
    graph = graph_of(model)
    size = (28, 28, 1)
    return list(compare(graph, AlmostTorch(graph, **faults), image_shape=size, num_classes=3))


def test_a_picture_whose_map_jumps_is_replaced_and_counted() -> None:
    cases = cases_of("mnist_cnn", wrong_calls=range(2, 3))
    assert all(case.passes for case in cases)
    assert [case.redrawn for case in cases if case.redrawn] == [1]


def test_a_map_that_is_wrong_for_every_picture_fails() -> None:
    cases = cases_of("mnist_cnn", wrong_calls=range(100))
    assert {case.output for case in cases if not case.passes} == {"cam"}


def test_wrong_logits_are_never_excused() -> None:
    cases = cases_of("mnist_cnn", wrong_calls=range(1), logits_too=True)
    assert [case.output for case in cases if not case.passes] == ["logits", "cam"]
    assert not any(case.redrawn for case in cases)


def test_no_picture_of_a_classic_map_is_replaced() -> None:
    cases = cases_of("resnet20", wrong_calls=range(2, 3))
    assert [case.redrawn for case in cases] == [0] * 12
    assert sum(not case.passes for case in cases) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_fail(value: float) -> None:
    graph = graph_of("mnist_cnn")
    session = AlmostTorch(graph, wrong_calls=range(0))

    def spoilt(outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        logits, cam = AlmostTorch.run(session, outputs, feeds)
        cam[0, 0, 0] = value
        return [logits, cam]

    session.run = spoilt  # type: ignore[method-assign]
    cases = list(compare(graph, session, image_shape=(28, 28, 1), num_classes=3))
    assert not any(case.passes for case in cases if case.output == "cam")
