import numpy as np

from kernels.glove import FIXED


def tile(n, R=9, columns=7, P=16, d=10, alpha=0.05, seed=0):
    """Entries, and matrices as the model makes them."""
    rng = np.random.default_rng(seed)
    sides = []
    for size, bias, one in ((R, d, d + 1), (columns, d + 1, d)):
        side = np.ones((size, 2 * P), np.float32)
        side[:, :P] = 0
        side[:, :d] = rng.normal(scale=0.5, size=(size, d))
        side[:, bias] = rng.normal(size=size)
        side[:, one], side[:, P + one] = 1, FIXED
        sides.append(side)
    entries = rng.integers(0, R, n).astype(np.uint16), rng.integers(0, columns, n).astype(np.uint16)
    return *sides, *entries, rng.normal(2, 2, n).astype(np.float32), alpha, 50.0, 0.75


CASES = {
    "IMPLEMENTATIONS": {
        "some entries": lambda: tile(50),
        "odd sizes, wide vectors": lambda: tile(31, R=5, columns=3, P=112, d=100),
        "one entry": lambda: tile(1),
        "no entries": lambda: tile(0),
        "one row, one column": lambda: tile(20, R=1, columns=1),
        "large steps": lambda: tile(40, alpha=0.5),
    },
}
# Float32 in another order, over many updates of the same rows.
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 1e-4, "atol": 1e-5}}
