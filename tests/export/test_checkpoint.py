"""A checkpoint comes back as it was, and a damaged one is one sentence."""

from collections.abc import Callable

import pytest
import torch

from export.blueprint import load_trained
from export.checkpoint import load_facts, save_checkpoint
from export.errors import BadData, MissingStage
from export.run_folder import RunFolder

RunMaker = Callable[..., RunFolder]


def test_weights_and_facts_come_back(make_run: RunMaker) -> None:
    run = make_run("lenet5")
    network, facts = load_trained(run)
    assert not network.training
    assert facts.labels == ("bar", "dot", "ring")
    assert facts.recipe == run.recipe
    before = network.state_dict()
    save_checkpoint(run, before, facts)
    after, facts_again = load_trained(run)
    assert facts_again == facts
    assert all(torch.equal(before[name], value) for name, value in after.state_dict().items())


def test_weights_of_another_network_are_refused(make_run: RunMaker) -> None:
    run, other = make_run("lenet5"), make_run("mnist_cnn")
    run.checkpoint.write_bytes(other.checkpoint.read_bytes())
    with pytest.raises(BadData, match="does not hold weights of lenet5") as caught:
        load_trained(run)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 10, 5000])
def test_cut_off_weights_are_refused(make_run: RunMaker, length: int) -> None:
    run = make_run("lenet5")
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:length])
    with pytest.raises(BadData, match="does not hold weights"):
        load_trained(run)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"fingerprint": "", "recipe": {}, "labels": []}'])
def test_a_damaged_sidecar_is_refused(make_run: RunMaker, text: str) -> None:
    run = make_run("lenet5")
    run.checkpoint_facts.write_text(text)
    with pytest.raises(BadData, match=r"checkpoint.json cannot be read"):
        load_facts(run)


def test_an_unfinished_training_has_no_facts(make_run: RunMaker) -> None:
    run = make_run("lenet5")
    run.checkpoint.unlink()
    with pytest.raises(MissingStage, match="train lenet5"):
        load_facts(run)
