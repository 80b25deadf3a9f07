import numpy as np


def vectors(V, d, seed=0):
    x = np.random.default_rng(seed).normal(size=(V, d)).astype(np.float32)
    x[::5] = 0
    x[1::7] *= 1e-20
    return x


def scores(V, d, seed=0):
    rng = np.random.default_rng(seed)
    query = rng.normal(size=d).astype(np.float32)
    codes = rng.integers(-127, 128, (V, d)).astype(np.int8)
    return codes, rng.uniform(0, 0.01, V).astype(np.float32), query / np.linalg.norm(query).astype(np.float32)


ROWS = {"some rows": (13, 48), "wide rows": (5, 304), "two rows": (2, 16), "no rows": (0, 16)}
SHAPES = {"some rows": (13, 37), "wide rows": (5, 300), "one number": (3, 1), "no rows": (0, 4)}
CASES = {
    "QUANTISE_IMPLEMENTATIONS": {name: lambda shape=shape: (vectors(*shape),) for name, shape in SHAPES.items()},
    "SCORES_IMPLEMENTATIONS": {name: lambda shape=shape: scores(*shape) for name, shape in ROWS.items()},
}
