import numpy as np

from kernels.blur import gaussian


def noise(H, W):
    return np.random.default_rng(H * W).normal(size=(H, W)).astype(np.float32)


def blurred(H, W, sigma):
    return noise(H, W), gaussian(sigma), np.full((H, W), np.nan, np.float32)


def doubled(H, W):
    return noise(H, W), np.full((2 * H, 2 * W), np.nan, np.float32)


CASES = {
    "IMPLEMENTATIONS": {
        "sixteen columns and one": lambda: blurred(9, 17, 0.6),
        "many columns": lambda: blurred(5, 83, 0.7),
        "wider than the picture": lambda: blurred(4, 21, 3.1),
        "narrow": lambda: blurred(11, 3, 1.0),
        "one pixel": lambda: blurred(1, 1, 1.6),
        "one row": lambda: blurred(1, 40, 1.2),
        "sixteen columns": lambda: blurred(2, 16, 1),
    },
    "DOUBLE_IMPLEMENTATIONS": {
        "a picture": lambda: doubled(5, 7),
        "one pixel": lambda: doubled(1, 1),
        "one row": lambda: doubled(1, 6),
    },
}
