import numpy as np

from kernels.hierarchical import huffman_numpy
from tests.kernels.cases.skipgram import case


def counts(V, most, seed=0):
    return (np.random.default_rng(seed).integers(1, most + 1, V),)


def pair(T, V=20, **options):
    rng, matrices, tokens, left, right = case(T, V=V, **options)
    return *matrices, tokens, left, right, *huffman_numpy(*counts(V, 50)), rng.uniform(0.01, 0.1, T).astype(np.float32)


def word(T, *options, **settings):
    return *pair(T, **settings), *options


CASES = {
    "HUFFMAN_IMPLEMENTATIONS": {
        "different counts": lambda: counts(40, 10**6),
        "many equal counts": lambda: counts(57, 4),
        "all equal": lambda: counts(9, 1),
        "two words": lambda: counts(2, 9),
        "one word": lambda: counts(1, 9),
    },
    "PAIR_IMPLEMENTATIONS": {
        "some pairs": lambda: pair(23),
        "few different words": lambda: pair(20, V=3),
        "two words": lambda: pair(9, V=2),
        "one word over and over": lambda: pair(5, V=1),
        "no word": lambda: pair(0),
    },
    "WORD_IMPLEMENTATIONS": {
        "some words": lambda: word(23, True, False),
        "as gensim": lambda: word(23, True, True),
        "sums": lambda: word(20, False, False, V=3),
        "some words alone": lambda: word(23, True, False, sentences=20),
        "no word": lambda: word(0, True, False),
    },
}
TOLERANCES = {name: {"rtol": 1e-4, "atol": 1e-5} for name in CASES}
