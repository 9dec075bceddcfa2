from pathlib import Path

import pytest

from benchmarks.loading import load_alone, main, serve
from benchmarks.random_artifacts import main as write_networks
from benchmarks.random_artifacts import write_random_artifact
from service.inference.model import load_model


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    for name in ("lenet5", "mnist_cnn"):
        write_random_artifact(name, folder)
    return folder


def test_an_artifact_with_random_weights_is_one_that_the_service_loads(repository: Path) -> None:
    model = load_model(repository / "mnist_cnn" / "1", name="mnist_cnn", version=1, provider="cpu")
    assert model.metadata.architecture == "mnist_cnn"
    assert len(model.metadata.labels) == 10
    assert (model.metadata.preprocessing.height, model.metadata.preprocessing.colour) == (28, "gray")


def test_networks_of_any_size_are_put_into_a_repository_without_training_and_never_over_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["lenet5", "--repository", str(tmp_path)]
    write_networks(arguments)
    assert capsys.readouterr().out == f"{tmp_path / 'lenet5' / '1'}\n"
    assert load_model(tmp_path / "lenet5" / "1", name="lenet5", version=1, provider="cpu").metadata.cam is not None
    with pytest.raises(SystemExit):
        write_networks(arguments)
    assert "is there already" in capsys.readouterr().err


def test_a_model_is_loaded_in_a_process_of_its_own(repository: Path) -> None:
    loaded = load_alone(repository / "mnist_cnn" / "1")
    assert loaded.file_mib == pytest.approx(118_346 * 4 / 2**20, abs=0.1)
    assert 0 < loaded.load_s < 60
    assert 0 < loaded.memory_mib < 100
    assert loaded.peak_mib > 0


def test_a_service_answers_for_every_model_and_is_measured(repository: Path, tmp_path: Path) -> None:
    served = serve(repository, ["lenet5", "mnist_cnn"], log=tmp_path / "log")
    assert served.models == 2
    assert served.start_cpu_s > 0
    assert 50 < served.memory_mib <= served.resident_mib
    assert served.memory_after_mib > 50


def test_both_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["mnist_cnn", "--markdown"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == ["network", "file MiB", "load s", "memory MiB", "peak MiB"]
    assert cells[2][0] == "mnist_cnn"
    assert cells[3][0] == "models in one service"
    assert [row[0] for row in cells[5:]] == ["1", "1"]


def test_an_unknown_network_ends_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["lenet6"])
    assert "there is no network called 'lenet6'" in capsys.readouterr().err.splitlines()[-1]
