import numpy as np


def windows(N, V=9, S=4, seed=0):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.sort(rng.integers(0, N + 1, S - 1)), [N]]).astype(np.int64)
    tokens = rng.integers(0, V, N).astype(np.int32)
    keep = rng.random(V, np.float32)
    return tokens, offsets, keep, rng.random(N, np.float32), rng.integers(1, 6, N).astype(np.int32)


def probabilities(V, seed=0):
    p = np.random.default_rng(seed).random(V) ** 4
    return p / p.sum()


def table(V, shape, seed=0):
    from kernels.sampling import alias_numpy

    return *alias_numpy(probabilities(V)), np.random.default_rng(seed).random(shape)


CASES = {
    "WINDOWS_IMPLEMENTATIONS": {
        "four sentences": lambda: windows(40),
        "empty sentences": lambda: windows(3, S=9),
        "one word": lambda: windows(1, S=1),
        "no word": lambda: windows(0, S=2),
    },
    "ALIAS_IMPLEMENTATIONS": {
        "skewed": lambda: (probabilities(50),),
        "even": lambda: (np.full(8, 1 / 8),),
        "one": lambda: (np.ones(1),),
    },
    "DRAW_IMPLEMENTATIONS": {
        "a table": lambda: table(50, (7, 5)),
        "one word": lambda: table(1, (4,)),
        "nothing drawn": lambda: table(5, (0, 3)),
    },
}
