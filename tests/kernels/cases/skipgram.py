import numpy as np

from kernels.skipgram import CHUNK


def case(T, V=20, P=32, window=5, K=16, seed=0, sentences=3, same=False):
    """A stretch of text with its windows, and random matrices."""
    rng = np.random.default_rng(seed)
    tokens = np.zeros(T, np.int32) if same else rng.integers(0, V, T).astype(np.int32)
    sentence = np.sort(rng.integers(0, sentences, T))
    place = np.arange(T)
    reach = rng.integers(1, window + 1, T)
    left = np.maximum(place - reach, np.searchsorted(sentence, sentence)).astype(np.int32)
    right = np.minimum(place + reach + 1, np.searchsorted(sentence, sentence, side="right")).astype(np.int32)
    matrices = [rng.normal(scale=0.3, size=(V, P)).astype(np.float32) for _ in range(2)]
    return rng, matrices, tokens, left, right


def block(T, K=16, together=1, **options):
    rng, matrices, tokens, left, right = case(T, **options)
    chunks = -(-T // CHUNK)
    negatives = rng.integers(0, len(matrices[0]), (chunks, K)).astype(np.int32)
    return (*matrices, tokens, left, right, negatives, rng.uniform(0.01, 0.1, chunks).astype(np.float32), 5, together)


def pair(T, K=5, **options):
    rng, matrices, tokens, left, right = case(T, **options)
    n_pairs = int((right - left - 1).sum())
    negatives = rng.integers(0, len(matrices[0]), (n_pairs, K)).astype(np.int32)
    return (*matrices, tokens, left, right, negatives, rng.uniform(0.01, 0.1, T).astype(np.float32))


CASES = {
    "IMPLEMENTATIONS": {
        "two chunks and a piece": lambda: block(37),
        "one chunk": lambda: block(16, K=8),
        "odd noise, wide vectors": lambda: block(20, K=5, P=112),
        "far windows": lambda: block(50, window=12, V=200),
        "a batch of two chunks and a piece": lambda: block(37, together=4),
        "two batches and a piece": lambda: block(80, together=2, K=24),
        "few different words": lambda: block(33, V=3),
        "one word over and over": lambda: block(18, same=True),
        "one word": lambda: block(1),
        "no word": lambda: block(0),
        "every word alone": lambda: block(17, sentences=10**6),
    },
    "PAIR_IMPLEMENTATIONS": {
        "some pairs": lambda: pair(23),
        "few different words": lambda: pair(20, V=3),
        "no noise": lambda: pair(7, K=0),
        "one word": lambda: pair(1),
        "no word": lambda: pair(0),
    },
}
# Sums of float32 in another order, and a sigmoid with an error below 2e-6.
TOLERANCES = {name: {"rtol": 1e-4, "atol": 1e-5} for name in CASES}
