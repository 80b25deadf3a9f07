import numpy as np

from kernels.gradients import NORMS, boundaries


def cells(shape, cell, n=9, levels=256, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    planes = rng.integers(0, levels, shape).astype(dtype)
    C, H, W = shape
    # What lay in the result before must not matter.
    return planes, boundaries(n), *cell, np.full((H // cell[0], W // cell[1], n), np.nan)


def hardly_a_slope():
    """Rounding makes one column's angle, just below 0°, 180°, which is in no bin; and another's 0°."""
    planes, *rest = cells((1, 5, 6), (5, 3))
    planes[0] = [-1, 0, 1, 1, 0, -1]
    planes[0, :, 1] = -1e-20 * np.arange(5)
    planes[0, :, 4] = 1e-20 * np.arange(5)
    return planes, *rest


def many_blocks(norm, shape=(4, 5, 9), block=(3, 2), scale=50):
    rng = np.random.default_rng(1)
    histograms = rng.exponential(scale, shape)
    histograms[:2, :2] = 0
    R, S, n = shape
    blocks = np.full((R - block[0] + 1, S - block[1] + 1, *block, n), np.nan, np.float32)
    return histograms, NORMS[norm], blocks


CASES = {
    "HISTOGRAMS_IMPLEMENTATIONS": {
        "grey": lambda: cells((1, 17, 23), (5, 4)),
        "few levels, so that directions lie on boundaries": lambda: cells((1, 12, 13), (4, 4), 8, levels=3),
        "thirds of a level": lambda: [a / 3 if i == 0 else a for i, a in enumerate(cells((1, 12, 13), (4, 4), 8, 3))],
        "colour, with equals among the channels": lambda: cells((3, 11, 10), (3, 5), 6, levels=4),
        "float32": lambda: cells((1, 9, 9), (3, 3), 4, dtype=np.float32),
        "one direction": lambda: cells((1, 6, 6), (3, 2), 1),
        "hardly a slope": hardly_a_slope,
        "one pixel": lambda: cells((1, 1, 1), (1, 1)),
        "one column": lambda: cells((3, 5, 1), (2, 1)),
        "no cell": lambda: cells((1, 3, 4), (4, 4)),
    },
    "BLOCKS_IMPLEMENTATIONS": {
        **{norm: lambda norm=norm: many_blocks(norm) for norm in NORMS},
        "one cell": lambda: many_blocks("L2-Hys", (1, 1, 1), (1, 1)),
        "no block": lambda: many_blocks("L2", (2, 5, 9), (3, 3)),
    },
}
