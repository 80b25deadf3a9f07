import numpy as np


def stream(seed, N, V, longest, unknown=True):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, longest + 1, N)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    tokens = rng.integers(-1 if unknown else 0, V, offsets[-1]).astype(np.int32)
    return tokens, offsets


def matrix(seed, N, V, longest, dropped):
    from kernels.count import count_numpy

    rng = np.random.default_rng(seed)
    column_of = rng.permutation(V).astype(np.int32)
    gone = rng.random(V) < dropped
    column_of[gone] = -1
    column_of[~gone] = np.argsort(np.argsort(column_of[~gone]))
    return *count_numpy(*stream(seed, N, V, longest), V), column_of


def renumbering(seed, N, V, longest, dropped=0.3):
    number = np.random.default_rng(seed).permutation(V).astype(np.int32)
    number[number < dropped * V] = -1
    return *stream(seed, N, V, longest, unknown=False), number


CASES = {
    "COUNT_IMPLEMENTATIONS": {
        "several": lambda: (*stream(1, 13, 7, 11), 7),
        "one": lambda: (np.array([0], np.int32), np.array([0, 1]), 1),
        "nothing": lambda: (np.empty(0, np.int32), np.zeros(1, np.int64), 0),
        "empty documents": lambda: (np.empty(0, np.int32), np.zeros(4, np.int64), 3),
        "all unknown": lambda: (np.full(5, -1, np.int32), np.array([0, 2, 5]), 3),
    },
    "SELECT_IMPLEMENTATIONS": {
        "several": lambda: matrix(2, 13, 17, 31, 0.3),
        "many blocks": lambda: matrix(3, 700, 300, 400, 0.1),
        "all kept": lambda: matrix(4, 5, 9, 6, 0.0),
        "all dropped": lambda: matrix(5, 5, 9, 6, 2.0),
        "nothing": lambda: (np.zeros(1, np.int64), *(np.empty(0, np.int32),) * 3),
    },
    "TALLY_IMPLEMENTATIONS": {
        "several": lambda: (np.random.default_rng(6).integers(0, 7, 100).astype(np.int32), np.arange(9)),
        "nothing": lambda: (np.empty(0, np.int32), np.zeros(0, np.int64)),
    },
    "RENUMBER_IMPLEMENTATIONS": {
        "several": lambda: renumbering(2, 13, 17, 31),
        "all kept": lambda: renumbering(4, 5, 9, 6, 0),
        "all left out": lambda: renumbering(5, 5, 9, 6, 1),
        "empty documents": lambda: (np.empty(0, np.int32), np.zeros(4, np.int64), np.zeros(1, np.int32)),
    },
}
