import numpy as np

from kernels.surf import integral_image


def noise(H, W, seed=0):
    return integral_image(np.random.default_rng(seed).random((H, W)))


def filtered(H, W, sizes, step):
    shape = len(sizes), -(-H // step), -(-W // step)
    return noise(H, W), np.array(sizes), step, np.full(shape, np.nan, np.float32)


def maxima(shape, threshold, values=None):
    rng = np.random.default_rng(3)
    responses = rng.integers(0, values, shape) if values else rng.normal(size=shape)
    return responses.astype(np.float32), threshold, np.full(300, -1, np.int64)


def keypoints(n, H=60, W=50):
    rng = np.random.default_rng(1)
    return noise(H, W), np.stack([rng.uniform(0, H, n), rng.uniform(0, W, n), rng.uniform(1, 5, n)], axis=1)


def described(n, extended):
    angles = np.random.default_rng(2).uniform(0, 6, n)
    return *keypoints(n), angles, extended, np.full((n, 128 if extended else 64), np.nan, np.float32)


CASES = {
    "RESPONSES_IMPLEMENTATIONS": {
        "every pixel": lambda: filtered(31, 29, [9, 15, 21, 27], 1),
        "every second": lambda: filtered(40, 45, [15, 27, 39], 2),
        "every fourth": lambda: filtered(37, 60, [27], 4),
        "larger than the picture": lambda: filtered(8, 30, [9, 15], 1),
        "one pixel": lambda: filtered(1, 1, [9], 1),
    },
    "MAXIMA_IMPLEMENTATIONS": {
        "noise": lambda: maxima((4, 12, 14), 0.5),
        "equals": lambda: maxima((3, 12, 14), 0, values=12),
        "too small": lambda: maxima((2, 9, 9), 0),
    },
    "DIRECTIONS_IMPLEMENTATIONS": {
        "noise": lambda: (*keypoints(30), np.full(30, np.nan)),
        "none": lambda: (*keypoints(0), np.empty(0)),
    },
    "DESCRIPTORS_IMPLEMENTATIONS": {
        "noise": lambda: described(30, False),
        "extended": lambda: described(30, True),
        "none": lambda: described(0, False),
    },
}
TOLERANCES = {name: {"rtol": 1e-4, "atol": 1e-5} for name in CASES}
