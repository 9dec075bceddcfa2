"""The colours of a map: 256 steps from dark violet over red to light yellow, equally far apart to the eye."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

# Along the scale lightness rises linearly, which is what makes equal steps look equal and keeps the order in
# print and for people who cannot tell red from green. Hue turns from violet over red to yellow; chroma is
# highest in the middle, where the sRGB gamut has room for it.
_LIGHTNESS = (0.22, 0.97)
_HUE_DEGREES = (300.0, 465.0)
_CHROMA = ((0.0, 0.45, 1.0), (0.09, 0.19, 0.11))


@cache
def heat_colours() -> NDArray[np.uint8]:
    """The scale as RGB (256, 3), from the value 0 to the value 1; read-only.

    Source: Ottosson, "A perceptual color space for image processing" (2020), Oklab to linear sRGB; IEC 61966-2-1
    for the transfer function.
    """
    step = np.linspace(0.0, 1.0, 256)
    lightness = np.interp(step, (0.0, 1.0), _LIGHTNESS)
    hue = np.radians(np.interp(step, (0.0, 1.0), _HUE_DEGREES))
    chroma = np.interp(step, *_CHROMA)
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    cone_roots = np.stack(
        (
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        )
    )
    to_linear_rgb = np.array(
        (
            (4.0767416621, -3.3077115913, 0.2309699292),
            (-1.2684380046, 2.6097574011, -0.3413193965),
            (-0.0041960863, -0.7034186147, 1.7076147010),
        )
    )
    linear = (to_linear_rgb @ cone_roots**3).T.clip(0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    colours = np.round(255 * encoded).astype(np.uint8)
    colours.setflags(write=False)
    return colours
