"""Inputs for kernels/optimiser.py."""

import numpy as np


def arrays(n, count, dtype=np.float32):
    rng = np.random.default_rng(n)
    return tuple(np.abs(rng.normal(size=n)).astype(dtype) for _ in range(count))


def cases(count, *numbers):
    return {
        "empty": lambda: (*arrays(0, count), *numbers),
        "one": lambda: (*arrays(1, count), *numbers),
        "many": lambda: (*arrays(37, count), *numbers),
        "float64": lambda: (*arrays(5, count, np.float64), *numbers),
    }


CASES = {
    "SGD_IMPLEMENTATIONS": cases(3, 0.1, 0.9, 0.01),
    "ADAGRAD_IMPLEMENTATIONS": cases(3, 0.1, 1e-8, 0.01),
    "ADAM_IMPLEMENTATIONS": cases(4, 0.1, 0.9, 0.99, 0.3, 1e-8, 0.01, 0.95),
}
