import numpy as np

from kernels.activation import GELU, RELU
from kernels.dense import IDENTITY, NONE
from kernels.dense_tiles import panels_of


def layer(R, K, N, kind=IDENTITY, scale=1.0, slope=False, times=False, plus=False):
    rng = np.random.default_rng(R + K + N)
    x, W = rng.normal(size=(R, K)).astype("f"), rng.normal(scale=scale, size=(K, N)).astype("f")
    like_y = rng.normal(size=(3, R, N)).astype("f")
    extra = (part if wanted else NONE for part, wanted in zip(like_y, (slope, times, plus), strict=True))
    return x, panels_of(W), rng.normal(size=N).astype("f"), kind, *extra, np.full((R, N), 9, "f")


def not_a_number(kind):
    x, *rest = layer(3, 4, 5, kind)
    x[1, 2] = np.nan
    return x, *rest


def gradient(R, K, N, begin=0, end=None, first=0, last=None):
    rng = np.random.default_rng(R + K + N)
    x, dy, dW = (rng.normal(size=shape).astype("f") for shape in ((R, K), (R, N), (K, N)))
    end, last = K if end is None else end, N if last is None else last
    return x, dy, begin, end, first, last, dW, rng.normal(size=N).astype("f")


CASES = {
    "IMPLEMENTATIONS": {
        "odd sizes": lambda: layer(13, 19, 37),
        "all at once": lambda: layer(14, 9, 70, GELU, slope=True, times=True, plus=True),
        "ReLU and its slope": lambda: layer(6, 5, 40, RELU, slope=True),
        "times": lambda: layer(2, 5, 34, times=True),
        "plus": lambda: layer(2, 5, 34, plus=True),
        "GELU": lambda: layer(25, 33, 64, GELU, scale=0.3),
        "GELU, large numbers": lambda: layer(5, 16, 3, GELU, scale=10.0, slope=True),
        "many weights": lambda: layer(26, 260, 520),
        "one number": lambda: layer(1, 1, 1),
        "no rows": lambda: layer(0, 4, 4),
        "rows of several turns": lambda: layer(17, 7, 33),
        "NaN": lambda: not_a_number(GELU),
        "NaN, ReLU": lambda: not_a_number(RELU),
    },
    "GRADIENT_IMPLEMENTATIONS": {
        "odd sizes": lambda: gradient(13, 19, 37),
        "whole panels": lambda: gradient(5, 16, 64),
        "some rows of dW": lambda: gradient(9, 30, 5, 13, 29),
        "some columns of dW": lambda: gradient(9, 30, 99, first=32, last=90),
        "sums of several parts": lambda: gradient(300, 3, 2),
        "one number": lambda: gradient(1, 1, 1),
        "no rows": lambda: gradient(0, 4, 4),
    },
}
TOLERANCES = {name: {"rtol": 1e-5, "atol": 2e-5} for name in CASES}
