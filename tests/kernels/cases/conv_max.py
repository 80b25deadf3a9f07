import numpy as np

from kernels.conv_max import conv_max_numpy


def forward(B, T, d, F, widths, lengths):
    def make():
        rng = np.random.default_rng(0)
        x, w = rng.normal(size=(B, T, d)).astype("f"), rng.normal(size=(F * sum(widths), d)).astype("f")
        n = len(widths) * F
        bias = rng.normal(size=n).astype("f")
        return x, np.array(lengths, int), w, bias, np.array(widths), np.zeros((B, n), "f"), np.zeros((B, n), "i")

    return make


def backward(*shape):
    def make():
        x, lengths, w, bias, widths, y, places = forward(*shape)()
        conv_max_numpy(x, lengths, w, bias, widths, y, places)
        rng = np.random.default_rng(1)
        dw, db, dx = (rng.normal(size=a.shape).astype("f") for a in (w, bias, x))
        return x, lengths, w, widths, places, rng.normal(size=y.shape).astype("f"), dw, db, dx

    return make


SHAPES = {
    "one word": (1, 1, 1, 1, (1,), (1,)),
    "several widths, short and empty sentences": (4, 6, 5, 3, (2, 4), (6, 3, 1, 0)),
    "no sentence": (0, 3, 2, 2, (2,), ()),
}
CASES = {
    "IMPLEMENTATIONS": {name: forward(*shape) for name, shape in SHAPES.items()},
    "BACKWARD_IMPLEMENTATIONS": {name: backward(*shape) for name, shape in SHAPES.items()},
}
