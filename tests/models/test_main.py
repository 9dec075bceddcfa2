import pytest

from models import MODELS
from models.__main__ import main


def test_without_a_name_all_networks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines[:3]] == [
        ["name", "year", "input", "parameters"],
        ["lenet5", "1998", "1x32x32", "60,000"],
        ["mnist_cnn", "2015", "1x28x28", "118,346"],
    ]
    assert [line.split()[0] for line in lines[1:]] == list(MODELS)
    assert "Document Recognition" in lines[1]
    assert [line.split()[1:4] for line in lines if line.startswith(("googlenet", "xception"))] == [
        ["2014", "3x224x224", "6,624,904"],
        ["2016", "3x299x299", "22,855,952"],
    ]


def test_a_name_prints_its_layers_for_the_paper_s_input(capsys: pytest.CaptureFixture[str]) -> None:
    main(["lenet5"])
    out = capsys.readouterr().out
    assert "input 1x32x32, 10 classes" in out
    assert out.splitlines()[-1].split() == ["total", "60,000", "328,096", "all"]


def test_channels_classes_and_size_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    main(["mnist_cnn", "--in-channels", "3", "--num-classes", "26", "--input", "29x30"])
    lines = capsys.readouterr().out.splitlines()
    assert "input 3x29x30, 26 classes" in lines[0]
    assert lines[3].split() == ["conv1", "Conv2d", "5x5", "32x25x26", "2,432", f"{25 * 26 * 32 * 75:,}", "5x5"]


def test_the_stem_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    main(["resnet18", "--stem", "small", "--input", "28x28"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split() == ["conv1", "Conv2d", "3x3", "64x28x28", "1,728", f"{28 * 28 * 64 * 27:,}", "3x3"]
    main(["resnet18", "--input", "28x28"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split()[:4] == ["conv1", "Conv2d", "7x7/2", "64x14x14"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["resnet"], "there is no network called 'resnet'; there are lenet5, mnist_cnn"),
        (["lenet5", "--in-channels", "0"], "in_channels must be a whole number of at least 1, not 0"),
        (["mnist_cnn", "--stem", "small"], "mnist_cnn has no option stem; it has dropout"),
        (["lenet5", "--stem", "small"], "lenet5 has no option stem; it has none"),
        (["lenet5", "--input", "32"], "'32' is not a height and a width such as 32x32"),
        (["lenet5", "--input", "40x40"], "lenet5 cannot take pictures of 40x40 pixels"),
        (["lenet5", "--input", "4x4"], "lenet5 cannot take pictures of 4x4 pixels"),
    ],
)
def test_wrong_arguments_end_with_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert sentence in capsys.readouterr().err.splitlines()[-1]
