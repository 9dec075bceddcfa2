"""What lies behind the items of a scene: a textured ground, and clutter that is of no class."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.data.scenes.rules import SceneRules

_COARSEST_CELLS = 3


def draw_backdrop(random: np.random.RandomState, rules: SceneRules) -> NDArray[np.float64]:
    """Gray levels (size_px, size_px), not yet rounded or limited to [0, 255]."""
    grain = _smooth_noise(random, rules) * draw(random, rules.grain_levels)
    ground = draw(random, rules.ground_level) + grain + _pattern(random, rules)
    for _ in range(draw(random, rules.clutter)):
        cover = _shape(random, rules)
        paint = draw(random, rules.clutter_level) + grain
        ground += cover * (paint - ground)
    return ground


def draw(random: np.random.RandomState, ends: tuple[int, int]) -> int:
    """A whole number between two ends, both included."""
    return int(random.randint(ends[0], ends[1] + 1))


def _smooth_noise(random: np.random.RandomState, rules: SceneRules) -> NDArray[np.float64]:
    """Noise of several octaves between -1 and 1, both of which it reaches, (size_px, size_px)."""
    persistence = draw(random, rules.grain_persistence_percent) / 100
    size_px = rules.size_px
    noise: NDArray[np.float64] = np.zeros((size_px, size_px))
    weight = 1.0
    for octave in range(rules.grain_octaves):
        cells = _COARSEST_CELLS * 2**octave
        # Pillow resizes bytes in whole numbers, so that every machine gets the same.
        grid = Image.fromarray(random.randint(0, 256, (cells, cells)).astype(np.uint8))
        noise += weight * np.asarray(grid.resize((size_px, size_px), Image.Resampling.BICUBIC), np.float64)
        weight *= persistence
    lowest, highest = float(noise.min()), float(noise.max())
    return (noise - lowest) * (2 / (highest - lowest)) - 1


def _pattern(random: np.random.RandomState, rules: SceneRules) -> NDArray[np.float64]:
    """Nothing, a gradient, stripes or checks, (size_px, size_px), about 0."""
    kind = draw(random, (0, 3))
    along, across = _turned(random, rules.size_px, (rules.size_px - 1) / 2, (rules.size_px - 1) / 2)
    levels = draw(random, rules.pattern_levels)
    period_px = draw(random, rules.pattern_period_px)
    if kind == 0:
        return np.zeros_like(along)
    if kind == 1:
        return along * (2 * levels / rules.size_px)
    wave = _wave(along, period_px)
    return levels * (wave if kind == 2 else wave * _wave(across, period_px))


def _wave(distance_px: NDArray[np.float64], period_px: int) -> NDArray[np.float64]:
    """A square wave in [-1, 1] with edges one pixel wide."""
    phase_px = np.mod(distance_px, period_px)
    wave: NDArray[np.float64] = np.clip(2 * np.minimum(phase_px, period_px - phase_px) - period_px / 2, -1, 1)
    return wave


def _shape(random: np.random.RandomState, rules: SceneRules) -> NDArray[np.float64]:
    """Share of each pixel that a line, an ellipse or a triangle covers, in [0, 1], (size_px, size_px)."""
    kind = draw(random, (0, 2))
    centre_x, centre_y = (draw(random, (0, rules.size_px - 1)) for _ in range(2))
    along, across = _turned(random, rules.size_px, centre_x, centre_y)
    if kind == 0:
        length_px, width_px = draw(random, rules.line_length_px), draw(random, rules.line_width_px)
        depth_px = np.minimum(length_px / 2 - np.abs(along), width_px / 2 - np.abs(across))
    elif kind == 1:
        radii_px = draw(random, rules.clutter_radius_px), draw(random, rules.clutter_radius_px)
        reach = np.sqrt((along / radii_px[0]) ** 2 + (across / radii_px[1]) ** 2)
        depth_px = (1 - reach) * min(radii_px)
    else:
        edges_px = [draw(random, rules.clutter_radius_px) for _ in range(3)]
        depth_px = edges_px[0] - along
        for sign, edge_px in zip((1, -1), edges_px[1:], strict=True):
            # The outward normals of the other two edges, at 120 degrees to the first.
            depth_px = np.minimum(depth_px, edge_px + along * 0.5 + across * (sign * 0.866))
    return np.clip(depth_px + 0.5, 0, 1)


def _turned(
    random: np.random.RandomState, size_px: int, centre_x: float, centre_y: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of every pixel along and across a random direction, in pixels from a centre."""
    angle = math.radians(draw(random, (0, 359)))
    # Cosine and sine are the library's, which may differ in the last bit.
    cosine, sine = round(math.cos(angle), 9), round(math.sin(angle), 9)
    x, y = np.arange(size_px)[None, :] - centre_x, np.arange(size_px)[:, None] - centre_y
    return cosine * x + sine * y, cosine * y - sine * x
