"""The random rotation, shift, zoom and shear of training images, for pictures alone and with their masks."""

from kornia.augmentation import RandomAffine

from export.recipes.recipe import Augmentation


def random_affine(spec: Augmentation) -> list[RandomAffine]:
    """One layer with the recipe's ranges, or none where it has no such change; the edge of an image continues it."""
    if not (spec.degrees or spec.translate or spec.scale or spec.shear_degrees):
        return []
    return [
        RandomAffine(
            degrees=spec.degrees,
            translate=(spec.translate, spec.translate),
            scale=(1 - spec.scale, 1 + spec.scale),
            shear=spec.shear_degrees,
            padding_mode="border",
            p=1.0,
        )
    ]
