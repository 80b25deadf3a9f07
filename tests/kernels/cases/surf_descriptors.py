import numpy as np

from tests.kernels.cases.surf import noise, sums


def keypoints(n, H=60, W=50):
    rng = np.random.default_rng(1)
    places = np.stack([rng.uniform(0, H, n), rng.uniform(0, W, n), rng.uniform(1, 5, n)], axis=1)
    return sums(noise(H, W, 65536)), places


def described(n, extended):
    angles = np.random.default_rng(2).uniform(0, 6, n)
    return *keypoints(n), angles, extended, np.full((n, 128 if extended else 64), np.nan, np.float32)


CASES = {
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
TOLERANCES = {name: {"rtol": 1e-4, "atol": 1e-6} for name in CASES}
