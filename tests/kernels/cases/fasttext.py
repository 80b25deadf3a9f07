import numpy as np

from tests.kernels.cases.skipgram import block as skipgram_block


def subwords(V, Z, most, seed=1):
    """Random pieces of V words among Z rows, each word's own row first."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, most + 1, V)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    pieces = rng.integers(V, Z, offsets[-1]).astype(np.int32)
    pieces[offsets[:-1]] = np.arange(V)
    return pieces, offsets


def block(T, most=6, V=20, Z=70, **options):
    _, W_out, *rest = skipgram_block(T, V=V, **options)
    rows = np.random.default_rng(2).normal(scale=0.3, size=(Z, W_out.shape[1])).astype(np.float32)
    return rows, W_out, *subwords(V, Z, most), *rest


def compose(V, Z=50, P=16):
    pieces, offsets = subwords(V, Z, 5)
    return np.random.default_rng(0).normal(size=(Z, P)).astype(np.float32), pieces, offsets


CASES = {
    "COMPOSE_IMPLEMENTATIONS": {"words": lambda: compose(13), "no words": lambda: compose(0)},
    "IMPLEMENTATIONS": {
        "two chunks and a piece": lambda: block(37),
        "odd noise, wide vectors": lambda: block(20, K=5, P=112),
        "two batches and a piece": lambda: block(80, together=2),
        "words are their own pieces": lambda: block(33, most=1),
        "one word over and over": lambda: block(18, same=True),
        "the same n-grams again and again": lambda: block(40, Z=22),
        "a lonely word": lambda: block(1),
    },
}
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 2e-4, "atol": 2e-5}}
