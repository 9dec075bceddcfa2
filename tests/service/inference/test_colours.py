import numpy as np

from service.inference.colours import heat_colours


def luminance() -> np.ndarray:
    """Relative luminance of each step (IEC 61966-2-1), computed back from the bytes."""
    encoded = heat_colours() / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ (0.2126, 0.7152, 0.0722))


def test_the_scale_has_a_colour_for_every_level() -> None:
    assert heat_colours().shape == (256, 3)
    assert heat_colours().dtype == np.uint8
    assert not heat_colours().flags.writeable


def test_the_scale_gets_lighter_at_every_step() -> None:
    assert np.all(np.diff(luminance()) > 0)


def test_lightness_rises_in_even_steps() -> None:
    # CIE lightness, another measure than the one that the scale is built with.
    y = luminance()
    lightness = np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)
    straight = np.linspace(lightness[0], lightness[-1], 256)
    assert np.abs(lightness - straight).max() < 6


def test_the_scale_runs_from_dark_violet_over_red_to_light_yellow() -> None:
    dark, middle, light = heat_colours()[[0, 128, 255]].astype(int)
    assert dark[2] > dark[0] > dark[1]
    assert middle[0] > 1.5 * max(middle[1], middle[2])
    assert min(light[0], light[1]) > 240 > light[2]
