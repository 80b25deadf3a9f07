"""Inputs for kernels/lookup.py."""

import numpy as np


def case(V, d, n, padding, dtype=np.float32):
    rng = np.random.default_rng(n)
    return lambda: (
        rng.normal(size=(V, d)).astype(dtype),
        np.random.default_rng(1).integers(0, V, n),
        np.random.default_rng(2).normal(size=(n, d)).astype(dtype),
        padding,
    )


CASES = {
    "IMPLEMENTATIONS": {
        "empty": case(3, 2, 0, -1),
        "one": case(1, 1, 1, -1),
        "padded": case(5, 3, 23, 0),
        "float64": case(4, 5, 11, -1, np.float64),
    }
}
