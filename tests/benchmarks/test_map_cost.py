from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks.map_cost import Cost, leave_out_map, main
from benchmarks.random_artifacts import random_graph
from export.onnx_graph import to_proto
from service.inference.session import open_session


@pytest.mark.parametrize("name", ["mnist_cnn", "resnet20"])
def test_without_the_map_a_graph_gives_the_same_logits_from_fewer_nodes(name: str, tmp_path: Path) -> None:
    graph, blueprint = random_graph(name)
    proto = to_proto(graph, image_shape=blueprint.image_shape)
    nodes = len(proto.graph.node)
    onnx.save_model(proto, str(tmp_path / "whole.onnx"))
    leave_out_map(proto)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save_model(proto, str(tmp_path / "plain.onnx"))
    whole, plain = (open_session(tmp_path / f"{file}.onnx", provider="cpu") for file in ("whole", "plain"))
    assert (set(plain.inputs), set(plain.outputs)) == ({"image"}, {"logits"})
    assert len(proto.graph.node) < nodes
    image = np.random.default_rng(0).integers(0, 256, (3, *blueprint.image_shape), np.uint8)
    (expected,) = whole.run(["logits"], {"image": image, "target": np.array([0, 1, -1])})
    (actual,) = plain.run(["logits"], {"image": image})
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine became twice as slow in the second round and ten times in the third.
    cost = Cost(
        method="cam", map_px=(7, 7), logits_ms=[1.0, 2.0, 10.0], cam_ms=[1.1, 2.4, 12.0], hirescam_ms=[2.0, 4.0, 20.0]
    )
    assert cost.times_logits(cost.cam_ms) == pytest.approx(1.2)
    assert cost.times_logits(cost.hirescam_ms) == pytest.approx(2.0)


def test_the_table_has_a_line_per_network(capsys: pytest.CaptureFixture[str]) -> None:
    main(["mnist_cnn", "--rounds", "2", "--markdown"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    head, row = ([cell.strip() for cell in line.split("|")[1:-1]] for line in (lines[0], lines[2]))
    assert head == ["network", "map", "logits ms", "with its map ms", "ratio", "with HiResCAM ms", "ratio"]
    assert row[:2] == ["mnist_cnn", "grad-cam 8x8"]
    assert all(float(cell) > 0 for cell in row[2:])


def test_an_unknown_network_ends_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["lenet6"])
    assert "there is no network called 'lenet6'" in capsys.readouterr().err.splitlines()[-1]
