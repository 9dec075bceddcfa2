"""Which graphs are segmenters, and the sentence for each that is none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.inference.model import LoadedModel, load_model
from tests.service.inference.refusal import assert_refused
from tests.service.tiny_artifact import tiny_graph, tiny_metadata, write_artifact
from tests.service.tiny_segmenter import LEVEL_LABELS, segmenter_graph, segmenter_metadata


def load(folder: Path) -> LoadedModel:
    return load_model(folder, name="levels", version=1, provider="cpu")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"colour": "rgb"},
        {"labels": ("one",)},
        {"labels": tuple(str(index) for index in range(300))},
        {"resize": "shortest", "shortest_edge": 16, "longest_edge": 64},
        {"polarity": "dark-on-light"},
    ],
    ids=lambda options: ", ".join(options),
)
def test_segmenters_of_every_kind_load(tmp_path: Path, options: dict[str, object]) -> None:
    metadata = segmenter_metadata(**options)  # type: ignore[arg-type]
    assert load(write_artifact(tmp_path, segmenter_graph(metadata))).metadata == metadata


def test_dimensions_may_be_left_open(tmp_path: Path) -> None:
    model = segmenter_graph(segmenter_metadata())
    for value in (*model.graph.input, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            dimension.Clear()
    assert load(write_artifact(tmp_path, model)).metadata.labels == LEVEL_LABELS


def state(model: onnx.ModelProto, name: str, place: int, size: int) -> None:
    """Have the graph say that a dimension of its input or output is of that size."""
    values = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    values[name].type.tensor_type.shape.dim[place].dim_value = size


def end_with(model: onnx.ModelProto, operator: str, *inputs: str, **attributes: Any) -> None:
    """Put a node behind the logits, whose result is the logits from then on."""
    next(node for node in model.graph.node if "logits" in node.output).output[0] = "before"
    model.graph.node.append(helper.make_node(operator, ["before", *inputs], ["logits"], **attributes))


def constant(model: onnx.ModelProto, name: str, *values: float, kind: type = np.int64) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(values, kind), name))


def forget_the_sizes_of_the_answer(model: onnx.ModelProto) -> None:
    for dimension in model.graph.output[0].type.tensor_type.shape.dim[1:]:
        dimension.Clear()


def ask_for_a_target(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("target", TensorProto.INT64, ["batch"]))


def call_the_input_differently(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "x"
    model.graph.node[0].input[0] = "x"


def call_the_answer_differently(model: onnx.ModelProto) -> None:
    end_with(model, "Identity")
    model.graph.node[-1].output[0] = model.graph.output[0].name = "masks"


def take_floats(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def answer_with_classes(model: onnx.ModelProto) -> None:
    end_with(model, "ArgMax", axis=1)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64


def answer_for_the_whole_picture(model: onnx.ModelProto) -> None:
    end_with(model, "ReduceMax", axes=[2, 3], keepdims=0)
    del model.graph.output[0].type.tensor_type.shape.dim[2:]


def fix_the_batch(model: onnx.ModelProto) -> None:
    state(model, "image", 0, 1)
    state(model, "logits", 0, 1)


def fix_the_height(model: onnx.ModelProto) -> None:
    state(model, "image", 1, 64)
    state(model, "logits", 2, 64)


def take_colour(model: onnx.ModelProto) -> None:
    state(model, "image", 3, 3)


def label_too_few(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]
    helper.set_model_props(model, segmenter_metadata(labels=("background", "rest")).to_props())


def label_too_few_that_the_graph_does_not_tell(model: onnx.ModelProto) -> None:
    """A slice from a place that is computed from the input, and is always 0: it hides the number of classes."""
    label_too_few(model)
    for name, value in (("nothing", 0), ("three", 3), ("class_axis", 1)):
        constant(model, name, value)
    batch = helper.make_node("Shape", ["image"], ["batch_size"], end=1)
    model.graph.node.extend([batch, helper.make_node("Mul", ["batch_size", "nothing"], ["start"])])
    end_with(model, "Slice", "start", "three", "class_axis")
    forget_the_sizes_of_the_answer(model)


def answer_at_half_size(model: onnx.ModelProto) -> None:
    end_with(model, "MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    forget_the_sizes_of_the_answer(model)


def round_the_size_down(model: onnx.ModelProto) -> None:
    """As networks do that halve and double: right for even sizes only."""
    end_with(model, "MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.graph.node[-1].output[0] = "half"
    constant(model, "scales", 1, 1, 2, 2, kind=np.float32)
    model.graph.node.append(helper.make_node("Resize", ["half", "", "scales"], ["logits"], mode="nearest"))
    forget_the_sizes_of_the_answer(model)


def freeze_the_batch_in_secret(model: onnx.ModelProto) -> None:
    constant(model, "first", 0)
    constant(model, "second", 1)
    constant(model, "batch_axis", 0)
    end_with(model, "Slice", "first", "second", "batch_axis")
    for dimension in model.graph.output[0].type.tensor_type.shape.dim:
        dimension.Clear()


def freeze_the_size_in_secret(model: onnx.ModelProto) -> None:
    constant(model, "shape", -1, 3, 64, 64)
    end_with(model, "Reshape", "shape")
    forget_the_sizes_of_the_answer(model)


def divide_by_nothing(model: onnx.ModelProto) -> None:
    constant(model, "nothing", 0, kind=np.float32)
    end_with(model, "Div", "nothing")


REFUSALS: list[tuple[Callable[[onnx.ModelProto], None], str]] = [
    (ask_for_a_target, "The graph has the inputs image, target and must have image."),
    (call_the_input_differently, "The graph has the inputs x and must have image."),
    (call_the_answer_differently, "The graph has the outputs masks and must have logits."),
    (take_floats, "The input image holds float and must hold uint8."),
    (answer_with_classes, "The output logits holds int64 and must hold float."),
    (answer_for_the_whole_picture, "The output logits has 2 dimensions and must be (N, C, H, W)."),
    (fix_the_batch, "The input image is fixed to batches of 1; any batch must pass."),
    (fix_the_height, "The graph takes pictures of height 64, its preprocessing makes any."),
    (take_colour, "The graph takes pictures of channels 3, its preprocessing makes 1."),
    (label_too_few, "The graph has logits for 3 classes, its metadata has 2 labels."),
    (
        label_too_few_that_the_graph_does_not_tell,
        "The graph answers a picture of 64x64 with logits of shape (1, 3, 64, 64), not (1, 2, 64, 64).",
    ),
    (
        answer_at_half_size,
        "The graph answers a picture of 64x64 with logits of shape (1, 3, 32, 32), not (1, 3, 64, 64).",
    ),
    (
        round_the_size_down,
        "The graph answers 2 pictures of 97x65 with logits of shape (2, 3, 64, 96), not (2, 3, 65, 97).",
    ),
    (
        freeze_the_batch_in_secret,
        "The graph answers 2 pictures of 97x65 with logits of shape (1, 3, 65, 97), not (2, 3, 65, 97).",
    ),
    (freeze_the_size_in_secret, "The graph cannot be run on 2 pictures of 97x65: the Reshape node '' fails: "),
    (divide_by_nothing, "The graph answers a black picture with values that are not finite."),
]


@pytest.mark.parametrize(("spoil", "sentence"), REFUSALS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_segmenter_that_breaks_the_contract_is_refused(
    tmp_path: Path, spoil: Callable[[onnx.ModelProto], None], sentence: str
) -> None:
    model = segmenter_graph(segmenter_metadata())
    spoil(model)
    assert_refused(write_artifact(tmp_path, model), sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"resize": "stretch", "height": 64, "width": 64}, "a segmenter takes pictures of any size"),
        ({"resize": "shortest", "shortest_edge": 64}, "resize 'shortest' needs a shortest_edge and a longest_edge"),
        ({"longest_edge": 64}, "resize 'none' takes no longest_edge"),
    ],
)
def test_a_segmenter_keeps_the_shape_of_its_pictures(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        segmenter_metadata(**change)  # type: ignore[arg-type]


def test_a_classifier_that_says_it_is_a_segmenter_is_refused(tmp_path: Path) -> None:
    model = tiny_graph(tiny_metadata())
    del model.metadata_props[:]
    helper.set_model_props(model, segmenter_metadata().to_props())
    assert_refused(write_artifact(tmp_path, model), "The graph has the inputs image, target and must have image.")
