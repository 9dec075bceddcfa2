"""The parity table: the worst case of each network, and a verdict."""

import math
from dataclasses import replace

import pytest
import torch

from benchmarks.parity import main, measure, settle
from models import build_model


def test_a_network_is_compared_with_its_own_map_and_with_hirescam() -> None:
    parity = measure("mnist_cnn")
    assert (parity.method, parity.input_px) == ("grad-cam", (28, 28))
    cases = {"logits": parity.logits, "cam": parity.own_map}
    assert {output: case.output for output, case in cases.items()} == {"logits": "logits", "cam": "cam"}
    assert parity.hirescam is not None
    assert parity.own_map.reference != parity.hirescam.reference
    for case in (parity.logits, parity.own_map, parity.hirescam):
        assert case.reference > 0
        assert case.passes
    assert parity.passes
    assert not replace(parity, hirescam=parity.hirescam.model_copy(update={"difference": math.nan})).passes


def test_the_classic_cam_is_not_compared_twice() -> None:
    parity = measure("resnet20")
    assert (parity.method, parity.hirescam) == ("cam", None)
    assert parity.own_map.reference > 0
    assert parity.passes


def test_the_table_is_markdown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lenet5", "--markdown"]) == 0
    printed = capsys.readouterr()
    lines = [line.strip() for line in printed.out.splitlines()]
    (row,) = (line for line in lines if line.startswith("| lenet5"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3] == "grad-cam"
    assert "  ".join(cells) in printed.err


def test_a_name_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["lenet6"])
    assert exit_.value.code == 2
    assert "lenet6" in capsys.readouterr().err


def test_settled_networks_keep_the_size_of_their_values() -> None:
    network = build_model("resnet20", num_classes=3, in_channels=1)
    settle(network, (32, 32, 1))
    assert not network.training
    states: list[torch.Tensor] = []
    network.get_submodule("layer3.2.bn2").register_forward_hook(lambda _, __, output: states.append(output))
    with torch.inference_mode():
        network(torch.randn(8, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    (state,) = states
    torch.testing.assert_close(state.mean(dim=(0, 2, 3)), torch.zeros(64), atol=0.1, rtol=0)
    torch.testing.assert_close(state.std(dim=(0, 2, 3)), torch.full((64,), 0.2), atol=0.05, rtol=0)
