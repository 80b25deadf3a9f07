import numpy as np


def scan(Q, B, k, first=0, seed=0, dtype=np.float32, ties=False):
    """A block of scores, and the best ones of `first` items before it."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return (rng.integers(0, 4, shape) if ties else rng.normal(size=shape)).astype(dtype)

    best = -np.sort(-draw(Q, k), axis=1)
    indices = np.sort(rng.integers(0, max(first, 1), (Q, k)), axis=1)
    if first == 0:
        best[:], indices[:] = -np.inf, -1
    return draw(Q, B), first, indices, best


def pairs(Q, M, c, d, euclidean, dtype=np.float32):
    rng = np.random.default_rng(1)
    queries, items = rng.normal(size=(Q, d)).astype(dtype), rng.normal(size=(M, d)).astype(dtype)
    items[:1] = 0
    return queries, items, rng.integers(0, M, (Q, c)), euclidean, np.zeros((Q, c))


CASES = {
    "IMPLEMENTATIONS": {
        "first block": lambda: scan(7, 200, 5),
        "later block": lambda: scan(5, 131, 3, first=1000, dtype=np.float64),
        "ties": lambda: scan(6, 100, 9, first=50, ties=True),
        "fewer items than k": lambda: scan(3, 4, 10),
        "one": lambda: scan(1, 1, 1),
        "minus infinity": lambda: (np.full((1, 3), -np.inf), 0, np.full((1, 2), -1), np.full((1, 2), -np.inf)),
        "no query": lambda: scan(0, 5, 2),
        "no item": lambda: scan(2, 0, 2, first=3),
    },
    "PAIR_IMPLEMENTATIONS": {
        "cosines": lambda: pairs(5, 7, 11, 13, False),
        "distances": lambda: pairs(3, 7, 9, 13, True),
        "cosines in float64": lambda: pairs(3, 2, 4, 5, False, np.float64),
        "distances in float64": lambda: pairs(3, 2, 4, 5, True, np.float64),
        "one number": lambda: pairs(1, 1, 1, 1, False),
        "no dimension": lambda: pairs(2, 2, 2, 0, False),
        "no query": lambda: pairs(0, 2, 3, 4, True),
        "no candidate": lambda: pairs(2, 2, 0, 4, True),
    },
}
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 0, "atol": 0}, "PAIR_IMPLEMENTATIONS": {"rtol": 1e-13, "atol": 1e-15}}
