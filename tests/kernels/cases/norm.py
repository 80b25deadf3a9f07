import numpy as np


def rows(R, n, mean=0.0, dtype="f"):
    rng = np.random.default_rng(R + n)
    x = rng.normal(mean, 2, (R, n)).astype(dtype)
    weight, bias = rng.normal(size=(2, n)).astype(dtype)
    return x, weight, bias, 1e-5, np.full_like(x, 9), np.full(R, 9, dtype), np.full(R, 9, dtype)


def grads(R, n, dtype="f"):
    x, weight, *_ = rows(R, n, dtype=dtype)
    mean, spread = x.mean(axis=1), 1 / np.sqrt(x.var(axis=1) + 1e-5)
    dy = np.random.default_rng(1).normal(size=(R, n)).astype(dtype)
    return dy, x, weight, mean, spread.astype(dtype), np.full_like(x, 9), np.ones(n, dtype), np.ones(n, dtype)


CASES = {
    "IMPLEMENTATIONS": {
        "some rows": lambda: rows(3, 37),
        "one number": lambda: rows(2, 1),
        "no rows": lambda: rows(0, 5),
        "far from 0": lambda: rows(2, 16, mean=100),
        "float64": lambda: rows(3, 20, dtype="d"),
    },
    "BACKWARD_IMPLEMENTATIONS": {
        "some rows": lambda: grads(3, 37),
        "one number": lambda: grads(2, 1),
        "no rows": lambda: grads(0, 5),
        "float64": lambda: grads(4, 20, dtype="d"),
    },
}
TOLERANCES = {name: {"rtol": 1e-4, "atol": 2e-5} for name in CASES}
