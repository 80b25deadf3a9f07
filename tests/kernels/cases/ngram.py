import numpy as np

from kernels.ngram import ngram_numpy
from tests.kernels.cases.count import stream

NOTHING = np.empty(0, np.uint64)


def bigrams(seed, grow, **shape):
    tokens, offsets = stream(seed, **shape)
    return tokens, offsets, tokens, offsets, NOTHING, grow


def trigrams(seed, grow, **shape):
    tokens, offsets = stream(seed, **shape)
    grams, gram_offsets, pairs = ngram_numpy(tokens, offsets, tokens, offsets, NOTHING, True)
    return grams, gram_offsets, tokens, offsets, pairs[::2], grow


CASES = {
    "IMPLEMENTATIONS": {
        "bigrams": lambda: bigrams(1, True, N=13, V=5, longest=9),
        "bigrams that fill the table": lambda: bigrams(2, True, N=30, V=1000, longest=2000),
        "nothing known": lambda: bigrams(3, False, N=13, V=5, longest=9),
        "trigrams": lambda: trigrams(4, True, N=13, V=5, longest=9),
        "some known": lambda: trigrams(5, False, N=13, V=3, longest=9),
        "one token": lambda: bigrams(6, True, N=1, V=1, longest=1),
        "no document": lambda: bigrams(7, True, N=0, V=1, longest=1),
    },
    "HASH_IMPLEMENTATIONS": {
        "several": lambda: (np.frombuffer(b"cathamsandwich", np.uint8), np.array([0, 3, 6, 14])),
        "an empty word": lambda: (np.empty(0, np.uint8), np.zeros(2, np.int64)),
        "no word": lambda: (np.empty(0, np.uint8), np.zeros(1, np.int64)),
    },
}
