"""LeNet-5 on MNIST."""

from export.recipes.recipe import Augmentation, Recipe
from service.repository.artifact import Preprocessing

# The paper scales pixels so that the background is -0.1 and the foreground 1.175, which makes the mean of an
# image about 0 and its variance about 1 (section II-B). (x - mean) / std with x in [0, 1] does the same.
_SPAN = 1.175 + 0.1

RECIPE = Recipe(
    model="lenet5",
    dataset="mnist",
    preprocessing=Preprocessing(
        height=32, width=32, resize="pad", shortest_edge=28, colour="gray", polarity="light-on-dark"
    ),
    pixel_mean=(0.1 / _SPAN,),
    pixel_std=(1 / _SPAN,),
    epochs=32,
    batch_size=64,
    optimizer="adamw",
    learning_rate=3e-3,
    warmup_epochs=1.0,
    weight_decay=1e-2,
    label_smoothing=0.0,
    rubbish_logit=-10.0,
    augmentation=Augmentation(degrees=10, translate=0.08, scale=0.12, shear_degrees=10),
    ema_decay=0.999,
    patience_epochs=12,
    precision="fp32",
    seed=5,
    validation_share=1 / 12,
    minimum_accuracy=0.99,
)
