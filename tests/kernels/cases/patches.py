import numpy as np


def table(A, p, s, pad=False):
    """The places of all patches along an axis of A; with `pad`, one more patch that reaches beyond the end."""
    n = max(0, (A - p) // s + 1) + pad
    places = np.arange(n)[:, None] * s + np.arange(p)
    return np.where(places < A, places, -1).astype(np.int64)


def gather(sizes, patch, stride, N=2, pad=(False,) * 4, dtype=np.float32):
    x = np.random.default_rng(0).integers(0, 255, (N, *sizes)).astype(dtype)
    tables = [table(*of) for of in zip(sizes, patch, stride, pad, strict=True)]
    P, R = int(np.prod([len(t) for t in tables])), int(np.prod(patch[:3]))
    return x, *tables, np.full((N, P, R, patch[3]), 77, dtype)


def scatter(sizes, patch, stride, mean, N=2, pad=(False,) * 4, dtype=np.float32):
    grid = tuple(len(table(*of)) for of in zip(sizes, patch, stride, pad, strict=True))
    shape = (N, int(np.prod(grid)), int(np.prod(patch[:3])), patch[3])
    patches = np.random.default_rng(1).normal(size=shape) * 20
    # What lay in x before must not matter.
    return patches.astype(dtype), grid, patch, stride, mean, np.full((N, *sizes), 77, dtype)


CASES = {
    "IMPLEMENTATIONS": {
        "an image of three channels": lambda: gather((1, 1, 6, 12), (1, 1, 3, 6), (1, 1, 3, 6), dtype=np.uint8),
        "tubelets, channels first": lambda: gather((3, 4, 4, 6), (3, 2, 2, 3), (3, 2, 2, 3), N=1),
        "overlapping": lambda: gather((1, 3, 5, 7), (1, 2, 3, 3), (1, 1, 2, 2), N=1),
        "padded": lambda: gather((1, 3, 5, 7), (1, 2, 2, 3), (1, 2, 2, 3), N=1, pad=(False, True, True, True)),
        "one number": lambda: gather((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), N=1),
        "nothing": lambda: gather((1, 1, 2, 2), (1, 1, 2, 2), (1, 1, 2, 2), N=0),
    },
    "SCATTER_IMPLEMENTATIONS": {
        "an image": lambda: scatter((1, 1, 6, 12), (1, 1, 3, 6), (1, 1, 3, 6), True, dtype=np.uint8),
        "tubelets": lambda: scatter((3, 4, 4, 6), (3, 2, 2, 3), (3, 2, 2, 3), False, N=1),
        "mean of overlapping ones": lambda: scatter((1, 3, 5, 7), (1, 2, 3, 3), (1, 1, 2, 2), True, N=1),
        "sum of overlapping ones": lambda: scatter((1, 3, 5, 7), (1, 2, 3, 3), (1, 1, 2, 2), False, N=1),
        "a rest without a patch": lambda: scatter((1, 3, 5, 8), (1, 2, 2, 3), (1, 2, 2, 3), True, N=1),
        "padded, overlapping": lambda: scatter((1, 1, 5, 7), (1, 1, 2, 4), (1, 1, 2, 2), True, N=1, pad=(0, 0, 1, 1)),
        "one number": lambda: scatter((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), False, N=1),
        "nothing": lambda: scatter((1, 1, 2, 2), (1, 1, 2, 2), (1, 1, 2, 2), True, N=0),
    },
}
