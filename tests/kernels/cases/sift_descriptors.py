import numpy as np

from kernels.blur import blur_numpy, gaussian


def keypoints(n, H=60, W=70, sigma=(0.8, 3.5), seed=0):
    rng = np.random.default_rng(seed)
    levels = np.empty((3, H, W), np.float32)
    noise = rng.random((H, W)).astype(np.float32)
    for s in range(3):
        blur_numpy(noise, gaussian(1.5 + s / 2), levels[s])
    return levels, np.stack(
        [rng.uniform(1, H - 1, n), rng.uniform(1, W - 1, n), rng.uniform(*sigma, n), rng.integers(0, 3, n)], axis=1
    )


def described(n, angles=None, **options):
    levels, points = keypoints(n, **options)
    angles = np.random.default_rng(1).uniform(0, 2 * np.pi, n) if angles is None else np.array(angles)
    return levels, points, angles, np.full((n, 128), np.nan, np.float32)


def flat():
    levels, points, angles, descriptors = described(2)
    return np.ones_like(levels), points, angles, descriptors


CASES = {
    "ORIENTATIONS_IMPLEMENTATIONS": {
        "noise": lambda: (*keypoints(40), np.full((40, 36), np.nan, np.float32)),
        "larger than the picture": lambda: (*keypoints(3, 7, 9), np.full((3, 36), np.nan, np.float32)),
        "none": lambda: (*keypoints(0), np.empty((0, 36), np.float32)),
    },
    "DESCRIPTORS_IMPLEMENTATIONS": {
        "noise": lambda: described(40),
        "right angles": lambda: described(4, [0, np.pi / 2, np.pi, 3 * np.pi / 2]),
        "larger than the picture": lambda: described(5, H=11, W=8),
        "constant": flat,
        "none": lambda: described(0),
    },
}
TOLERANCES = {
    "ORIENTATIONS_IMPLEMENTATIONS": {"rtol": 1e-4, "atol": 1e-5},
    "DESCRIPTORS_IMPLEMENTATIONS": {"rtol": 1e-3, "atol": 1e-4},
}
