import numpy as np

from kernels.conv import output_size

# (B, C, O, size, kernel, stride, padding, dilation)
GEOMETRIES = {
    "a tap": (1, 1, 1, (1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
    "picture": (3, 2, 5, (1, 7, 6), (1, 3, 2), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
    "strided and padded": (2, 3, 4, (1, 7, 6), (1, 3, 3), (1, 2, 3), (0, 1, 2), (1, 1, 1)),
    "dilated": (2, 2, 3, (1, 7, 8), (1, 2, 3), (1, 1, 2), (0, 1, 1), (1, 2, 2)),
    "clip": (2, 2, 3, (4, 5, 3), (2, 3, 2), (2, 1, 1), (1, 1, 0), (1, 1, 1)),
    "one place each": (3, 4, 2, (1, 3, 5), (1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
    "no volume": (0, 2, 3, (1, 4, 4), (1, 2, 2), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
}


def forward(B, C, O, size, kernel, *geometry, relu=False):
    def make():
        rng = np.random.default_rng(3)
        x, w = rng.normal(size=(B, C, *size)), rng.normal(size=(*kernel, C, O))
        return (x.astype("f"), w.astype("f"), rng.normal(size=O).astype("f"), *geometry, relu)

    return make


def backward(*shape):
    def make():
        x, w, bias, *geometry, _ = forward(*shape)()
        size = output_size(x.shape[2:], w.shape[:3], *geometry)
        rng = np.random.default_rng(1)
        dy = rng.normal(size=(len(x), w.shape[4], *size)).astype("f")
        return (x, w, dy, *geometry, rng.normal(size=w.shape).astype("f"), bias)

    return make


CASES = {
    "IMPLEMENTATIONS": {n: forward(*GEOMETRIES[n]) for n in GEOMETRIES}
    | {"relu": forward(*GEOMETRIES["picture"], relu=True)},
    "BACKWARD_IMPLEMENTATIONS": {name: backward(*GEOMETRIES[name]) for name in GEOMETRIES},
}
TOLERANCES = {name: {"rtol": 1e-5, "atol": 1e-5} for name in CASES}
