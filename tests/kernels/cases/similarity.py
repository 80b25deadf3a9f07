import numpy as np


def case(Q, B, k, first=0, seed=0, dtype=np.float32, ties=False):
    rng = np.random.default_rng(seed)
    draw = (
        (lambda *shape: rng.integers(0, 4, shape).astype(dtype))
        if ties
        else (lambda *s: rng.normal(size=s).astype(dtype))
    )
    best = -np.sort(-draw(Q, k), axis=1)
    indices = rng.integers(0, max(first, 1), (Q, k))
    if first == 0:
        best[:], indices[:] = -np.inf, -1
    return draw(Q, B), first, indices, best


CASES = {
    "IMPLEMENTATIONS": {
        "first block": lambda: case(7, 200, 5),
        "later block": lambda: case(5, 131, 3, first=1000, dtype=np.float64),
        "ties": lambda: case(6, 100, 9, first=50, ties=True),
        "fewer items than k": lambda: case(3, 4, 10),
        "one": lambda: case(1, 1, 1),
        "no query": lambda: case(0, 5, 2),
        "no item": lambda: case(2, 0, 2, first=3),
    }
}
