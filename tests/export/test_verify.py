"""Verification measures the file that will be served, and notices what is wrong with it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from export.artifact_files import digest
from export.classification.stages import baseline_of
from export.data.dataset import DataSource
from export.errors import BadData, MissingStage, VerificationFailed
from export.onnx_graph import export_onnx
from export.parity import ParityCase
from export.run_folder import RunFolder
from export.verification import Quality, Verification, read_verification, shortfall
from export.verify import verify
from service.repository.artifact import CONFIDENCE_EDGES, Baseline, CamSource, Measurement, Metadata

RunMaker = Callable[..., RunFolder]


def spoil(run: RunFolder, initializer: str, factor: float) -> None:
    """Scale one tensor of the exported file."""
    proto = onnx.load(str(run.graph))
    (tensor,) = (tensor for tensor in proto.graph.initializer if tensor.name == initializer)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), initializer))
    onnx.save(proto, str(run.graph))


def case(**changes: object) -> ParityCase:
    values = {"output": "cam", "batch": 3, "images": "random", "targets": "mixed", "difference": 1e-5, "reference": 2.0}
    return ParityCase.model_validate({**values, **changes})


def figures(
    *, accuracy: float = 0.99, torch_accuracy: float = 0.99, parity: tuple[ParityCase, ...] = ()
) -> Verification:
    return Verification(
        sha256="0" * 64,
        parity=parity,
        quality=Quality(
            score=Measurement(name="accuracy", value=accuracy, dataset="mnist", split="validation", images=5000),
            torch_score=torch_accuracy,
            baseline=Baseline(images=1, class_shares=(1.0,), confidence_shares=(0.0,) * 12 + (1.0,)),
        ),
    )


@pytest.mark.parametrize("model", ["lenet5", "mnist_cnn"])
def test_a_fresh_export_verifies_and_its_figures_are_kept(make_run: RunMaker, model: str) -> None:
    run = make_run(model)
    export_onnx(run)
    verification = verify(run)
    assert read_verification(run) == verification
    assert verification.sha256 == digest(run.path)
    kinds = {(c.output, c.batch, c.images, c.targets) for c in verification.parity}
    assert len(kinds) == len(verification.parity) == 2 * 3 * 2 * 2
    assert {c.batch for c in verification.parity} == {1, 3, 8}
    assert [str(c) for c in verification.parity if not c.passes] == []
    # A map of zeros agrees with anything: each batch has to show one that says something.
    assert {(c.output, c.batch) for c in verification.parity if c.reference > 0} == {
        (output, batch) for output in ("logits", "cam") for batch in (1, 3, 8)
    }
    assert all(0 <= share <= 1e-4 for share in verification.relative_errors().values())
    quality = verification.quality
    assert quality is not None
    assert quality.score.split == "validation"
    assert quality.score.images == 26
    assert quality.score.value == quality.torch_score
    assert sum(quality.baseline.class_shares) == pytest.approx(1)
    assert quality.baseline.confidence_shares is not None
    assert sum(quality.baseline.confidence_shares) == pytest.approx(1)


def test_hirescam_in_the_graph_is_compared_with_torchs_hirescam(make_run: RunMaker) -> None:
    run = make_run("mnist_cnn")
    export_onnx(run, cam="hirescam")
    verification = verify(run)
    assert verification.relative_errors()["cam"] <= 1e-4
    props = {entry.key: entry.value for entry in onnx.load(str(run.graph)).metadata_props}
    assert Metadata.from_props(props).cam == CamSource(method="hirescam", layer="conv2")
    # A graph that is taken for another method does not pass.
    renamed = Metadata.from_props(props).model_copy(update={"cam": CamSource(method="grad-cam", layer="conv2")})
    proto = onnx.load(str(run.graph))
    onnx.helper.set_model_props(proto, {**props, **renamed.to_props()})
    onnx.save(proto, str(run.graph))
    with pytest.raises(VerificationFailed, match=r"cam at batch 1 \(.*\) differs"):
        verify(run)


def test_a_changed_weight_is_named_by_output_batch_difference_and_tolerance(make_run: RunMaker) -> None:
    run = make_run("mnist_cnn")
    export_onnx(run)
    spoil(run, "network.fc2.bias", 1.01)
    with pytest.raises(
        VerificationFailed, match=r"logits at batch 1 \(.*\) differs by [0-9.e-]+, [0-9.e-]+ is allowed"
    ):
        verify(run)
    assert shortfall(read_verification(run), minimum_score=0) is not None


def test_an_accuracy_below_the_recipes_minimum_fails(make_run: RunMaker) -> None:
    run = make_run("mnist_cnn", minimum_accuracy=0.999)
    export_onnx(run)
    with pytest.raises(
        VerificationFailed, match=r"The validation accuracy is \d+\.\d\d%, the recipe demands 99\.90%\."
    ):
        verify(run)


def test_a_file_that_is_no_artifact_fails_in_one_sentence(make_run: RunMaker) -> None:
    run = make_run("mnist_cnn")
    run.graph.write_bytes(b"not a graph")
    with pytest.raises(VerificationFailed, match=r"cannot be served: onnxruntime cannot open model\.onnx"):
        verify(run)


def test_before_the_export_the_sentence_names_the_command(make_run: RunMaker) -> None:
    with pytest.raises(MissingStage, match="run 'python -m export onnx lenet5' first"):
        verify(make_run("lenet5"))


def test_data_of_other_classes_is_refused(make_run: RunMaker, tmp_path: Path) -> None:
    run = make_run("mnist_cnn")
    export_onnx(run)
    for label in ("cat", "dog"):
        (tmp_path / "other" / label).mkdir(parents=True)
        for number in range(20):
            Image.new("L", (28, 28), number).save(tmp_path / "other" / label / f"{number}.png")
    other = replace(run, source=DataSource(pictures_dir=tmp_path / "other"))
    with pytest.raises(BadData, match="does not have the classes that mnist_cnn was trained on"):
        verify(other)


def test_parity_is_judged_against_the_largest_value() -> None:
    assert case(difference=2e-4, reference=2.0).passes
    assert not case(difference=2.1e-4, reference=2.0).passes
    assert not case(difference=float("nan")).passes
    assert case(difference=0.0, reference=0.0).passes
    assert not case(difference=1e-9, reference=0.0).passes


def test_figures_that_are_not_finite_survive_the_file() -> None:
    stored = figures(parity=(case(difference=float("nan")),)).model_dump_json()
    assert not Verification.model_validate_json(stored).parity[0].passes


def test_an_accuracy_that_was_not_measured_is_no_shortfall_but_a_difference_is() -> None:
    brought = Verification(sha256="0" * 64, parity=(case(),), quality=None)
    assert shortfall(brought, minimum_score=0.99) is None
    assert shortfall(brought.model_copy(update={"parity": (case(difference=1.0),)}), minimum_score=0.0) is not None


def test_serving_and_torch_may_differ_by_a_twentieth_of_a_point() -> None:
    assert shortfall(figures(accuracy=0.9905, torch_accuracy=0.99), minimum_score=0.99) is None
    complaint = shortfall(figures(accuracy=0.9894, torch_accuracy=0.99), minimum_score=0.98)
    assert complaint == (
        "The accuracy through the serving path is 98.94%, torch's own is 99.00%: more than 0.05 points apart."
    )


def test_a_damaged_verification_says_what_to_do(make_run: RunMaker) -> None:
    run = make_run("lenet5")
    run.graph.touch()
    run.verification.write_text("{}")
    with pytest.raises(BadData, match="cannot be read; run 'python -m export verify lenet5' again"):
        read_verification(run)


def test_the_baseline_counts_answers_and_bins_that_include_their_upper_edge() -> None:
    scores = np.array(
        [[0.5, 0.3, 0.2], [0.05, 0.9, 0.05], [0.0, 0.0, 1.0000001], [0.501, 0.4, 0.099]], dtype=np.float32
    )
    baseline = baseline_of(scores)
    assert baseline.images == 4
    assert baseline.class_shares == (0.5, 0.25, 0.25)
    assert baseline.confidence_shares is not None
    by_edge = dict(zip(CONFIDENCE_EDGES, baseline.confidence_shares, strict=True))
    assert {edge: share for edge, share in by_edge.items() if share} == {0.5: 0.25, 0.6: 0.25, 0.9: 0.25, 1.0: 0.25}
