import numpy as np

from kernels.blur import blur_numpy, gaussian
from kernels.sift import extrema_numpy


def octave(H, W, S=6, seed=0):
    rng = np.random.default_rng(seed)
    levels = np.empty((S, H, W), np.float32)
    noise = rng.random((H, W)).astype(np.float32)
    for s in range(S):
        blur_numpy(noise, gaussian(1.6 * 2 ** (s / 3)), levels[s])
    return levels


def search(H, W, threshold=0.001, border=1, capacity=500, levels=None):
    return octave(H, W) if levels is None else levels, threshold, border, np.full(capacity, -1, np.int64)


def steps():
    """Few different values: plateaus, and neighbours that are equal."""
    return np.random.default_rng(5).integers(0, 3, (4, 12, 23)).astype(np.float32)


def candidates(H, W, contrast=0.0, edge=10.0, border=2):
    levels = octave(H, W, seed=1)
    places = np.full(1000, -1, np.int64)
    found = places[: extrema_numpy(levels, 0.0005, border, places)]
    return levels, found, contrast, edge, border, np.full((len(found), 5), -1.0)


CASES = {
    "EXTREMA_IMPLEMENTATIONS": {
        "noise": lambda: search(21, 40),
        "a border": lambda: search(19, 18, border=5),
        "plateaus": lambda: search(12, 23, 0.5, levels=steps()),
        "no threshold": lambda: search(9, 35, threshold=0.0),
        "too small": lambda: search(2, 30, border=1),
        "constant": lambda: search(12, 20, 0.0, levels=np.ones((5, 12, 20), np.float32)),
    },
    "REFINE_IMPLEMENTATIONS": {
        "noise": lambda: candidates(40, 50),
        "contrast and edges": lambda: candidates(40, 50, contrast=0.004, edge=3.0),
        "none": lambda: (octave(9, 9), np.empty(0, np.int64), 0.0, 10.0, 1, np.empty((0, 5))),
    },
}
TOLERANCES = {"REFINE_IMPLEMENTATIONS": {"rtol": 1e-6, "atol": 1e-6}}
