from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.inference.model import LoadedModel, load_model
from service.repository.artifact import MODEL_FILE, Metadata
from tests.service.inference.refusal import assert_refused
from tests.service.tiny_artifact import tiny_graph, tiny_metadata, write_artifact, write_tiny_artifact


def load(folder: Path) -> LoadedModel:
    return load_model(folder, name="tiny", version=3, provider="cpu")


def test_a_loaded_model_knows_what_it_is(tiny_artifact: Path) -> None:
    model = load(tiny_artifact)
    assert (model.name, model.version, model.provider) == ("tiny", 3, "cpu")
    assert model.metadata == tiny_metadata()
    assert model.digest == sha256((tiny_artifact / MODEL_FILE).read_bytes()).hexdigest()
    assert 0 < model.load_duration_s < 10


@pytest.mark.parametrize(
    "options",
    [
        {"colour": "rgb"},
        {"height": 20, "width": 30, "resize": "crop", "shortest_edge": 32},
        {"resize": "pad", "shortest_edge": 20, "polarity": "light-on-dark"},
        {"resize": "none"},
    ],
)
def test_every_kind_of_preprocessing_loads(tmp_path: Path, options: dict[str, Any]) -> None:
    model = load(write_tiny_artifact(tmp_path, **options))
    assert model.metadata.preprocessing == tiny_metadata(**options).preprocessing


def any_size_graph(channels: int = 3) -> onnx.ModelProto:
    """A classifier with two classes that takes pictures of any size: the mean of the picture, and a constant."""
    metadata = Metadata.model_validate(
        tiny_metadata(labels=("bright", "dark")).model_dump()
        | {
            "preprocessing": {"height": None, "width": None, "resize": "none", "colour": "rgb"},
            "baseline": None,
        }
    )
    constants = {"w": np.array([[1.0, 0.0]], np.float32), "b": np.array([0.0, 99.0], np.float32)}
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
                helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2, 3], keepdims=0),
                helper.make_node("Reshape", ["mean", "column"], ["means"]),
                helper.make_node("MatMul", ["means", "w"], ["weighted"]),
                helper.make_node("Add", ["weighted", "b"], ["logits"]),
                helper.make_node("ReduceMean", ["float"], ["cam"], axes=[3], keepdims=0),
            ],
            "any size",
            [
                helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w_px", channels]),
                helper.make_tensor_value_info("target", TensorProto.INT64, ["n"]),
            ],
            [
                helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2]),
                helper.make_tensor_value_info("cam", TensorProto.FLOAT, ["n", "h", "w_px"]),
            ],
            [numpy_helper.from_array(value, name) for name, value in constants.items()]
            + [numpy_helper.from_array(np.array([-1, 1], np.int64), "column")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    helper.set_model_props(model, metadata.to_props())
    return model


def test_a_graph_of_any_size_loads(tmp_path: Path) -> None:
    assert load(write_artifact(tmp_path, any_size_graph())).metadata.labels == ("bright", "dark")


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Give a tensor another name, everywhere."""
    for value in (*model.graph.input, *model.graph.output):
        if value.name == old:
            value.name = new
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new


def shape_of(model: onnx.ModelProto, name: str) -> Any:
    """The dimensions that the graph states for an input or output."""
    values = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    return values[name].type.tensor_type.shape.dim


def set_metadata(model: onnx.ModelProto, **fields: Any) -> None:
    """Replace fields of the metadata, checked by nobody."""
    metadata = tiny_metadata().model_copy(update=fields)
    del model.metadata_props[:]
    helper.set_model_props(model, metadata.to_props())


def name_image_differently(model: onnx.ModelProto) -> None:
    rename(model, "image", "input")


def drop_target(model: onnx.ModelProto) -> None:
    target = numpy_helper.from_array(np.array([-1], np.int64), "target")
    model.graph.initializer.append(target)
    del model.graph.input[1]


def name_logits_differently(model: onnx.ModelProto) -> None:
    rename(model, "logits", "scores")


def take_floats(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def take_short_targets(model: onnx.ModelProto) -> None:
    model.graph.input[1].type.tensor_type.elem_type = TensorProto.INT32
    model.graph.node.insert(0, helper.make_node("Cast", ["target"], ["wide"], to=TensorProto.INT64))
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == "target" and node.op_type != "Cast":
                node.input[index] = "wide"


def flatten_the_map(model: onnx.ModelProto) -> None:
    rename(model, "cam", "grid_cam")
    model.graph.node.append(helper.make_node("Flatten", ["grid_cam"], ["cam"]))
    model.graph.output[1].name = "cam"
    del shape_of(model, "cam")[2]
    shape_of(model, "cam")[1].dim_value = 4


def freeze_the_stated_batch(model: onnx.ModelProto) -> None:
    for name in ("image", "target", "logits", "cam"):
        shape_of(model, name)[0].dim_value = 1


def freeze_the_batch_inside(model: onnx.ModelProto) -> None:
    for constant in model.graph.initializer:
        if constant.name == "grid":
            constant.CopyFrom(numpy_helper.from_array(np.array([1, 2, 2], np.int64), "grid"))


def reshape_behind_its_back(model: onnx.ModelProto, name: str, *sizes: int) -> None:
    """Give an output a fixed shape that no reader of the graph can see: each size is computed from the input."""
    rename(model, name, f"{name}_before")
    constants = [("zero", [0]), *((f"size_{index}", [size]) for index, size in enumerate(sizes))]
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.int64), constant) for constant, value in constants
    )
    terms = [f"term_{index}" for index in range(len(sizes))]
    model.graph.node.extend(
        [
            helper.make_node("Shape", ["target"], ["batch_size"]),
            helper.make_node("Mul", ["batch_size", "zero"], ["nothing"]),
            *(helper.make_node("Add", ["nothing", f"size_{index}"], [term]) for index, term in enumerate(terms)),
            helper.make_node("Concat", terms, ["hidden_shape"], axis=0),
            helper.make_node("Reshape", [f"{name}_before", "hidden_shape"], [name]),
        ]
    )
    for value in model.graph.output:
        if value.name == f"{name}_before":
            value.name = name
            for dimension in value.type.tensor_type.shape.dim:
                dimension.Clear()


def freeze_the_batch_in_secret(model: onnx.ModelProto) -> None:
    reshape_behind_its_back(model, "cam", 1, 2, 2)


def fold_the_batch_into_the_map(model: onnx.ModelProto) -> None:
    reshape_behind_its_back(model, "cam", 1, 2, -1)


def a_label_too_few_in_secret(model: onnx.ModelProto) -> None:
    set_metadata(model, labels=("a", "b", "c"), baseline=None)
    reshape_behind_its_back(model, "logits", -1, 4)


def another_height(model: onnx.ModelProto) -> None:
    spec = tiny_metadata().preprocessing.model_copy(update={"height": 32})
    set_metadata(model, preprocessing=spec)


def colour_for_a_gray_graph(model: onnx.ModelProto) -> None:
    spec = tiny_metadata().preprocessing.model_copy(update={"colour": "rgb"})
    set_metadata(model, preprocessing=spec)


def a_label_too_few(model: onnx.ModelProto) -> None:
    set_metadata(model, labels=("a", "b", "c"), baseline=None)


def infinite_logits(model: onnx.ModelProto) -> None:
    for constant in model.graph.initializer:
        if constant.name == "range":
            constant.CopyFrom(numpy_helper.from_array(np.array([0], np.float32), "range"))


def another_task(model: onnx.ModelProto) -> None:
    set_metadata(model, task="image-segmentation")


def impossible_interpolation(model: onnx.ModelProto) -> None:
    spec = tiny_metadata().preprocessing.model_copy(update={"interpolation": "lanczos", "antialias": False})
    set_metadata(model, preprocessing=spec)


def no_metadata(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def damaged_metadata(model: onnx.ModelProto) -> None:
    for entry in model.metadata_props:
        if entry.key == "convoy.labels":
            entry.value = "[1"


REFUSALS: list[tuple[Callable[[onnx.ModelProto], None], str]] = [
    (name_image_differently, "The graph has the inputs input, target and must have image and target."),
    (drop_target, "The graph has the inputs image and must have image and target."),
    (name_logits_differently, "The graph has the outputs cam, scores and must have logits and cam."),
    (take_floats, "The input image holds float and must hold uint8."),
    (take_short_targets, "The input target holds int32 and must hold int64."),
    (flatten_the_map, "The output cam has 2 dimensions and must be (N, h, w)."),
    (freeze_the_stated_batch, "The input image is fixed to batches of 1; any batch must pass."),
    (freeze_the_batch_inside, "The output cam is fixed to batches of 1; any batch must pass."),
    (freeze_the_batch_in_secret, "The graph cannot be run on a batch of 2: the Reshape node '' fails: "),
    (fold_the_batch_into_the_map, "The graph answers a batch of 2 with a cam of shape (1, 2, 4)."),
    (another_height, "The graph takes pictures of height 28, its preprocessing makes 32."),
    (colour_for_a_gray_graph, "The graph takes pictures of channels 1, its preprocessing makes 3."),
    (a_label_too_few, "The graph has logits for 4 classes, its metadata has 3 labels."),
    (a_label_too_few_in_secret, "The graph answers a batch of 1 with logits of shape (1, 4), not (1, 3)."),
    (infinite_logits, "The graph answers a black picture with values that are not finite."),
    (
        another_task,
        "The metadata does not fit: metadata: Value error, a segmenter takes pictures of any size: "
        "its resize is 'shortest' or 'none'.",
    ),
    (impossible_interpolation, "The preprocessing asks for lanczos without antialias, which does not exist."),
    (no_metadata, "The file carries no Convoy metadata."),
    (damaged_metadata, "The metadata is not JSON: "),
]


@pytest.mark.parametrize(("spoil", "sentence"), REFUSALS, ids=lambda value: getattr(value, "__name__", ""))
def test_an_artifact_that_breaks_the_contract_is_refused(
    tmp_path: Path, spoil: Callable[[onnx.ModelProto], None], sentence: str
) -> None:
    model = tiny_graph(tiny_metadata())
    spoil(model)
    assert_refused(write_artifact(tmp_path, model), sentence)


def test_a_graph_of_any_size_with_fixed_preprocessing_channels_must_fit(tmp_path: Path) -> None:
    folder = write_artifact(tmp_path, any_size_graph(channels=1))
    assert_refused(folder, "The graph takes pictures of channels 1, its preprocessing makes 3.")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path, "model.onnx cannot be read: No such file or directory.")
