"""U-Net, and the U-Net in the manner of Xception, on fashion-scenes.

Paper       Ronneberger, Fischer, Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation"; Keras's
            example "Image segmentation with a U-Net-like architecture" (Chollet 2019)
Data        fashion-scenes: 55,000 scenes to learn from, 11,000 an epoch, 1,000 to choose by, 2,000 test scenes
Results     docs/results.md
Command     python -m export run unet; python -m export run unet_xception
"""

from export.recipes.fashion_scenes import family
from export.recipes.recipe import Augmentation

FLIPPED = Augmentation(horizontal_flip=True)

RECIPES = {
    # Shallower and narrower than the paper's, for a file of at most 4 MB: below three poolings a position still sees 68
    # of a scene's 96 pixels. With dropout, and with scenes turned and scaled beyond their rules, training scenes went
    # no better than others: there was nothing to cure.
    **family(
        "unet",
        options={"width": 22, "depth": 3, "dropout": 0},
        augmentation=FLIPPED,
        epochs=25,
        patience_epochs=25,
        minimum_mean_iou=0.70,
    ),
    # Narrower than the example, for a file of at most 4 MB.
    **family(
        "unet_xception",
        options={"widths": [20, 40, 80, 160]},
        augmentation=FLIPPED,
        epochs=25,
        patience_epochs=25,
        minimum_mean_iou=0.55,
    ),
}
