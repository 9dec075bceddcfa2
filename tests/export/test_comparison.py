"""Curves of several trainings in one picture."""

import json
from pathlib import Path

import pytest
from PIL import Image

from export.__main__ import main
from export.comparison import read_curve
from export.errors import BadData, MissingStage


def write_run(folder: Path, accuracies: list[float], *, images: int = 100, batch_size: int = 30) -> Path:
    folder.mkdir(parents=True)
    notes = {"recipe": {"batch_size": batch_size}, "training_images": images}
    (folder / "run.json").write_text(json.dumps(notes))
    lines = [f"{epoch},{accuracy}" for epoch, accuracy in enumerate(accuracies, start=1)]
    (folder / "metrics.csv").write_text("\n".join(["epoch,validation_accuracy", *lines]) + "\n")
    return folder


def test_a_curve_counts_steps_of_the_optimizer(tmp_path: Path) -> None:
    curve = read_curve(write_run(tmp_path / "one", [0.5, 0.75, 0.7]))
    assert curve.steps == (4, 8, 12)
    assert (curve.score, curve.scores) == ("accuracy", (0.5, 0.75, 0.7))
    assert curve.best == 0.75


def test_runs_are_drawn_and_their_best_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "one", [0.5, 0.75])
    write_run(tmp_path / "two", [0.6, 0.65], batch_size=10)
    out = tmp_path / "curves.png"
    assert main(["compare", "one", "two", "--runs", str(tmp_path), "--out", str(out), "--title", "one or two"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "one: best validation accuracy 75.00%, 8 steps.",
        "two: best validation accuracy 65.00%, 20 steps.",
    ]
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(2**24) or []) > 100


def test_a_run_without_figures_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingStage, match=r"no epoch of a training has finished there"):
        read_curve(tmp_path / "none")
    folder = write_run(tmp_path / "old", [0.5])
    (folder / "run.json").write_text("{}")
    with pytest.raises(BadData, match=r"old holds no figures of a training"):
        read_curve(folder)


def test_runs_of_different_scores_are_not_drawn_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "classifier", [0.5])
    table = write_run(tmp_path / "segmenter", [0.5]) / "metrics.csv"
    table.write_text("epoch,validation_loss,validation_mean_iou\n1,0.3,0.5\n")
    assert read_curve(tmp_path / "segmenter").score == "mean_iou"
    out = tmp_path / "curves.png"
    names = ["classifier", "segmenter"]
    assert main(["compare", *names, "--runs", str(tmp_path), "--out", str(out), "--title", "both"]) == 2
    assert "classifier, segmenter were not judged by the same score" in capsys.readouterr().err
    assert not out.exists()
