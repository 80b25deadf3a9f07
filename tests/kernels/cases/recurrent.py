"""Inputs for kernels/recurrent.py."""

import numpy as np

from kernels.recurrent import CELLS, GATES, recurrent_numpy


def inputs(cell, B, T, H, reverse, dtype):
    rng = np.random.default_rng(B + T)
    G = GATES[cell]
    gates, U, bias = (rng.normal(size=s).astype(dtype) for s in ((B, T, G * H), (H, G * H), (G * H,)))
    lengths = rng.integers(1, T + 1, B)
    lengths[:1] = T
    y, memory = np.full((2, B, T, H), 9, dtype)
    return CELLS[cell], gates, U, bias, lengths, reverse, y, memory


def forward(*shape):
    return lambda: inputs(*shape)


def backward(*shape):
    def case():
        cell, gates, U, bias, lengths, reverse, y, memory = inputs(*shape)
        recurrent_numpy(cell, gates, U, bias, lengths, reverse, y, memory)
        dy = np.random.default_rng(7).normal(size=y.shape).astype(y.dtype)
        return cell, gates, U, lengths, reverse, y, memory, dy, np.full_like(gates, 9), np.full_like(gates, 9)

    return case


SHAPES = {
    "one": (1, 1, 1, False, np.float32),
    "forwards": (3, 4, 5, False, np.float32),
    "backwards": (2, 3, 3, True, np.float32),
    "float64": (2, 3, 2, True, np.float64),
}
CASES = {
    name: {
        "empty": kind("lstm", 0, 1, 3, False, np.float32),
        **{f"{cell} {which}": kind(cell, *shape) for cell in CELLS for which, shape in SHAPES.items()},
    }
    for name, kind in (("FORWARD_IMPLEMENTATIONS", forward), ("BACKWARD_IMPLEMENTATIONS", backward))
}
TOLERANCES = {name: {"rtol": 2e-5, "atol": 2e-6} for name in CASES}
