"""Inputs for kernels/activation.py."""

import numpy as np

from kernels.activation import KINDS


def numbers(n, dtype, seed):
    x = np.random.default_rng(seed).normal(scale=3, size=n).astype(dtype)
    x[: min(n, 4)] = [0, -1e-4, 80, -80][: min(n, 4)]
    return x


def forward(kind, n, dtype):
    return lambda: (KINDS[kind], numbers(n, dtype, 1), np.full(n, 9, dtype))


def backward(kind, n, dtype):
    return lambda: (KINDS[kind], numbers(n, dtype, 1), numbers(n, dtype, 2), np.full(n, 9, dtype))


SHAPES = [(37, np.float32), (5, np.float64)]
CASES = {
    "ACTIVATE_IMPLEMENTATIONS": {
        "empty": forward("gelu", 0, np.float32),
        **{f"{kind} {n}": forward(kind, n, dtype) for kind in KINDS for n, dtype in SHAPES},
    },
    "GRADIENT_IMPLEMENTATIONS": {
        "empty": backward("tanh", 0, np.float32),
        **{f"{kind} {n}": backward(kind, n, dtype) for kind in KINDS for n, dtype in SHAPES},
    },
}
