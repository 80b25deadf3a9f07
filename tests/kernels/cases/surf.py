import numpy as np

from kernels.surf import filter_sizes, integral_numpy


def noise(H, W, white, seed=0):
    return np.random.default_rng(seed).integers(0, white, (H, W))


def sums(picture):
    integral = np.empty((picture.shape[0] + 1, picture.shape[1] + 1), np.int64)
    integral_numpy(picture, integral)
    return integral


def summed(H, W, white=65536):
    return noise(H, W, white), np.full((H + 1, W + 1), -1)


def filtered(H, W, lobes, step, white=65536):
    shape = len(lobes), -(-H // step), -(-W // step)
    return sums(sums(noise(H, W, white))), filter_sizes(lobes), step, np.full(shape, np.nan, np.float32)


def maxima(shape, threshold, values=None):
    rng = np.random.default_rng(3)
    responses = rng.integers(0, values, shape) if values else rng.normal(size=shape)
    return responses.astype(np.float32), threshold, np.full(300, -1, np.int64)


CASES = {
    "INTEGRAL_IMPLEMENTATIONS": {
        "noise": lambda: summed(7, 11),
        "one pixel": lambda: summed(1, 1),
        "empty": lambda: summed(0, 0),
        "more than there is room for": lambda: summed(9, 9, 2**62),
    },
    "RESPONSES_IMPLEMENTATIONS": {
        "every pixel": lambda: filtered(31, 29, [2, 3, 4, 5], 1),
        "every second": lambda: filtered(40, 45, [3, 7, 9], 2),
        "every fourth": lambda: filtered(57, 60, [13], 4),
        "larger than the picture": lambda: filtered(8, 30, [2, 3], 1),
        "one pixel": lambda: filtered(1, 1, [2], 1),
        "sums that ran over": lambda: filtered(40, 41, [2, 5], 1, 2**53),
    },
    "MAXIMA_IMPLEMENTATIONS": {
        "noise": lambda: maxima((4, 12, 14), 0.5),
        "equals": lambda: maxima((3, 12, 14), 0, values=12),
        "too small": lambda: maxima((2, 9, 9), 0),
    },
}
