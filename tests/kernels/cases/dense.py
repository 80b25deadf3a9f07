import numpy as np

from kernels.dense import panels_of


def layer(R, K, N, gelu=False, scale=1.0):
    rng = np.random.default_rng(R + K + N)
    x, W = rng.normal(size=(R, K)).astype("f"), rng.normal(scale=scale, size=(K, N)).astype("f")
    return x, panels_of(W), rng.normal(size=N).astype("f"), gelu, np.full((R, N), 9, "f")


def not_a_number():
    x, *rest = layer(3, 4, 5, gelu=True)
    x[1, 2] = np.nan
    return x, *rest


CASES = {
    "IMPLEMENTATIONS": {
        "odd sizes": lambda: layer(13, 19, 37),
        "GELU": lambda: layer(25, 33, 64, gelu=True, scale=0.3),
        "GELU, large numbers": lambda: layer(5, 16, 3, gelu=True, scale=10.0),
        "one number": lambda: layer(1, 1, 1),
        "no rows": lambda: layer(0, 4, 4),
        "rows of several turns": lambda: layer(17, 7, 33),
        "NaN": not_a_number,
    },
}
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 1e-5, "atol": 1e-5}}
