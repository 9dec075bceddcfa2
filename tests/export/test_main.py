"""The command line: help for every stage, exit codes, one sentence for every foreseeable fault."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from export.__main__ import STAGES, main
from export.run_folder import RunFolder

RunMaker = Callable[..., RunFolder]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_help(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([stage, "--help"])
    assert exit_.value.code == 0
    printed = capsys.readouterr().out
    assert f"python -m export {stage}" in printed
    # The comparison is of runs, whatever network they trained.
    assert ("lenet5, mnist_cnn" in printed) == (stage != "compare")


def test_the_stages_are_those_of_the_pipeline_in_order() -> None:
    assert list(STAGES) == ["train", "onnx", "verify", "publish", "evaluate", "run", "sheet", "compare"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "STAGE"),
        (["polish", "lenet5"], "invalid choice: 'polish'"),
        (["train"], "MODEL"),
        (["train", "lenet6"], "invalid choice: 'lenet6'"),
        (["train", "lenet5", "--dataset", "mnist", "--data", "pets"], "not allowed with"),
        (["train", "lenet5", "--precision", "fp64"], "invalid choice: 'fp64'"),
        (["train", "lenet5", "--epochs", "some"], "invalid int value"),
    ],
)
def test_a_command_that_makes_no_sense_exits_with_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "lenet5", "--epochs", "0"], "epochs must be at least 1."),
        (["train", "lenet5", "--name", "a/b"], "'a/b' cannot name a model"),
        (["onnx", "lenet5", "--name", ".."], "'..' cannot name a model"),
        (["onnx", "unet", "--cam", "hirescam"], "--cam goes with classifiers, and unet has no map."),
        (["run", "fcn8s", "--cam", "hirescam"], "--cam goes with classifiers, and fcn8s has no map."),
    ],
)
def test_a_value_that_makes_no_sense_exits_with_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["onnx", "verify", "publish"])
def test_a_stage_before_its_time_names_the_command_to_run(
    stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([stage, "lenet5", "--runs", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "run 'python -m export train lenet5' first" in line


def test_evaluating_what_is_not_published_names_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "lenet5", "--runs", str(tmp_path), "--repository", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "publish lenet5" in line


def test_missing_data_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "lenet5", "--runs", str(tmp_path), "--data", str(tmp_path / "nowhere")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "nowhere is not a folder of pictures" in line


def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, pictures_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    assert main(["train", "lenet5", "--runs", str(tmp_path / "runs"), "--data", str(pictures_dir)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "runs") in line


def test_another_recipe_needs_force(make_run: RunMaker, pictures_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run("mnist_cnn")
    arguments = ["train", "mnist_cnn", "--runs", str(run.path.parent), "--data", str(pictures_dir), "--epochs", "1"]
    assert main(arguments) == 1
    assert "--force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0
    assert "Trained mnist_cnn" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_an_interruption_is_one_sentence_and_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(STAGES, "train", interrupted)
    assert main(["train", "lenet5"]) == 130
    assert "the same command goes on from here" in capsys.readouterr().err


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys, export.__main__; sys.exit(any(name in sys.modules for name in ('torch', 'lightning', 'onnx')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_stages_run_in_order_and_again(
    tmp_path: Path, pictures_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "mnist_cnn", "--name", "shapes", "--runs", str(tmp_path / "runs"), "--epochs", "2"]
    arguments += ["--data", str(pictures_dir), "--repository", str(tmp_path / "models")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    stages = [printed.index(word) for word in ("Trained", "Exported", "Verified", "Published", "Evaluated")]
    assert stages == sorted(stages)
    assert (tmp_path / "models" / "shapes" / "1" / "model.onnx").is_file()

    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "nothing to do" in printed
    assert "Already published" in printed
    assert not (tmp_path / "models" / "shapes" / "2").exists()
