import numpy as np

from kernels.pool import max_pool_numpy

# (N, size, L, kernel, stride, padding)
GEOMETRIES = {
    "a place": (1, (1, 1, 1), 1, (1, 1, 1), (1, 1, 1), (0, 0, 0)),
    "side by side": (2, (1, 7, 4), 5, (1, 2, 2), (1, 2, 2), (0, 0, 0)),
    "overlapping, padded": (2, (1, 6, 7), 3, (1, 3, 3), (1, 2, 2), (0, 1, 1)),
    "clip": (2, (4, 5, 3), 2, (2, 2, 3), (2, 1, 1), (1, 1, 1)),
    "nothing": (0, (1, 4, 4), 3, (1, 2, 2), (1, 2, 2), (0, 0, 0)),
}


def parts(name):
    N, size, L, kernel, stride, padding = GEOMETRIES[name]
    rng = np.random.default_rng(len(name))
    # Few different numbers, so that some are equal.
    x = rng.integers(-4, 4, (N, *size, L)).astype("f")
    made = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    return x, (kernel, stride, padding), np.full((N, *made, L), 9, "f")


def largest(name, nan=False):
    def make():
        x, geometry, y = parts(name)
        if nan:
            x[0, 0, 1, 1, 0] = x[0, 0, 2, 2, 1] = np.nan
        return x, *geometry, y, np.full(y.shape, 9, "i")

    return make


def largest_backward(name):
    def make():
        x, geometry, y = parts(name)
        taps = np.empty(y.shape, "i")
        max_pool_numpy(x, *geometry, y, taps)
        return np.arange(y.size, dtype="f").reshape(y.shape), taps, *geometry, np.full_like(x, 9)

    return make


def total(name):
    def make():
        x, geometry, y = parts(name)
        return x, *geometry, y

    return make


def total_backward(name):
    def make():
        x, geometry, y = parts(name)
        return np.arange(y.size, dtype="f").reshape(y.shape), *geometry, np.full_like(x, 9)

    return make


CASES = {
    "MAX_IMPLEMENTATIONS": {n: largest(n) for n in GEOMETRIES} | {"NaN": largest("overlapping, padded", nan=True)},
    "MAX_BACKWARD_IMPLEMENTATIONS": {name: largest_backward(name) for name in GEOMETRIES},
    "SUM_IMPLEMENTATIONS": {name: total(name) for name in GEOMETRIES},
    "SUM_BACKWARD_IMPLEMENTATIONS": {name: total_backward(name) for name in GEOMETRIES},
}
