import numpy as np

from kernels.cooccurrence import index_numpy, spread_numpy


def text(N, V, S=4, seed=0):
    rng = np.random.default_rng(seed)
    offsets = np.array([0, *np.sort(rng.integers(0, N + 1, S - 1)), N])
    return (rng.zipf(1.3, N) % V).astype(np.int32), offsets


def spread(N, V, window):
    return *text(N, V), window, V


def index(N, V, window):
    return spread_numpy(*spread(N, V, window)), V, np.empty(N, np.int64)


def rows(N, V, window, after=True, some=slice(None)):
    places, V, positions = index(N, V, window)
    bounds = index_numpy(places, V, positions)
    weights = 1 / np.arange(1, window + 1)
    words = np.arange(V + 1)[some]
    first, last = bounds[words[0]], bounds[words[-1]]
    return places, positions[first:last].copy(), bounds[words] - first, weights, weights * after, V


CASES = {
    "SPREAD_IMPLEMENTATIONS": {"a text": lambda: spread(50, 9, 3), "no words": lambda: spread(0, 9, 3)},
    "INDEX_IMPLEMENTATIONS": {
        "a text": lambda: index(300, 40, 3),
        "no words": lambda: index(0, 5, 2),
        "one word": lambda: index(7, 1, 2),
    },
    "ROWS_IMPLEMENTATIONS": {
        "a text": lambda: rows(500, 40, 5),
        "to the left": lambda: rows(500, 40, 5, after=False),
        "some rows": lambda: rows(500, 40, 3, some=slice(3, 17)),
        "one word over and over": lambda: rows(9, 1, 2),
        "no words": lambda: rows(0, 5, 2),
    },
}
