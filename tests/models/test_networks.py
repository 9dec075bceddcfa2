import pytest
import torch

from models import MODELS, build_model


@pytest.mark.parametrize("name", MODELS)
def test_every_network_takes_the_input_of_its_paper(name: str) -> None:
    facts = MODELS[name]
    model = build_model(name, num_classes=facts.num_classes, in_channels=facts.in_channels)
    logits = model(torch.randn(2, facts.in_channels, *facts.input_px))
    assert logits.shape[:2] == (2, facts.num_classes)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("name", MODELS)
def test_every_network_takes_other_channels_and_classes(name: str) -> None:
    model = build_model(name, num_classes=7, in_channels=4)
    assert model(torch.randn(3, 4, *MODELS[name].input_px)).shape[:2] == (3, 7)


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_and_buffer_gets_through_a_state_dict(name: str) -> None:
    facts = MODELS[name]
    one, other = (build_model(name, num_classes=5, in_channels=facts.in_channels).eval() for _ in range(2))
    x = torch.randn(2, facts.in_channels, *facts.input_px)
    assert not torch.equal(one(x), other(x))
    other.load_state_dict(one.state_dict(), strict=True)
    assert torch.equal(one(x), other(x))


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"no network called 'lenet6'; there are lenet5, mnist_cnn"):
        build_model("lenet6", num_classes=10, in_channels=1)


@pytest.mark.parametrize(
    ("num_classes", "in_channels", "message"),
    [(0, 1, "num_classes must be at least 1, not 0"), (10, -1, "in_channels must be at least 1, not -1")],
)
def test_numbers_below_one_are_refused(num_classes: int, in_channels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model("mnist_cnn", num_classes=num_classes, in_channels=in_channels)
