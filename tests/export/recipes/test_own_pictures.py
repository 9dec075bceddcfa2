"""Recipes changed for photographs, and for weights to start from."""

import pytest
import torch

from export.recipes import RECIPES
from export.recipes.own_pictures import fine_tuned, on_own_pictures
from models import MODELS, build_model


@pytest.mark.parametrize("name", RECIPES)
def test_every_network_takes_own_pictures_at_the_size_of_its_paper(name: str) -> None:
    recipe, facts = on_own_pictures(RECIPES[name], "pets"), MODELS[name]
    assert recipe.dataset == "pets"
    assert recipe.minimum_accuracy == 0
    assert recipe.preprocessing.polarity is None
    assert recipe.input_px == facts.input_px
    assert recipe.preprocessing.channels == facts.in_channels
    with torch.device("meta"):
        network = build_model(name, num_classes=3, in_channels=facts.in_channels, **recipe.options).eval()
        assert network(torch.zeros(1, facts.in_channels, *recipe.input_px)).shape == (1, 3)


def test_large_pictures_take_the_paper_s_stem_and_small_batches_with_a_rate_to_match() -> None:
    large = on_own_pictures(RECIPES["resnet18"], "pets", edge_px=224)
    assert large.options == {}
    assert large.preprocessing.shortest_edge == 256
    assert large.learning_rate / large.batch_size == RECIPES["resnet18"].learning_rate / RECIPES["resnet18"].batch_size
    small = on_own_pictures(RECIPES["resnet18"], "pets", edge_px=64)
    assert small.options == {"stem": "small"}
    assert small.preprocessing.shortest_edge == 64
    assert small.batch_size == RECIPES["resnet18"].batch_size


def test_a_digit_network_takes_no_other_size() -> None:
    with pytest.raises(ValueError, match="lenet5 takes pictures of 32 pixels only"):
        on_own_pictures(RECIPES["lenet5"], "pets", edge_px=64)


def test_fine_tuning_freezes_the_trunk_first_and_moves_slowly() -> None:
    recipe = fine_tuned(RECIPES["resnet50"], weights_sha256="ab")
    assert 0 < recipe.frozen_epochs < recipe.epochs
    assert recipe.learning_rate == pytest.approx(RECIPES["resnet50"].learning_rate / 10)
    assert recipe.fingerprint() != fine_tuned(RECIPES["resnet50"], weights_sha256="cd").fingerprint()
