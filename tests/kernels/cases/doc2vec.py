import numpy as np

from kernels.skipgram import CHUNK
from tests.kernels.cases.skipgram import case

DOCUMENTS, ROWS = 4, 6


def text(T, V=20, tags=(1, 3), windows=True, **options):
    """A stretch of text whose words belong to documents, and matrices with rows for words, tags and the null word."""
    rng, (W_in, W_out), tokens, left, right = case(T, V=V, **options)
    if not windows:
        left = np.arange(T, dtype=np.int32)
        right = left + 1
    counts = rng.integers(tags[0], tags[1] + 1, DOCUMENTS)
    rows = rng.integers(V, V + ROWS, counts.sum()).astype(np.int32)
    more = rng.normal(scale=0.3, size=(ROWS + 1, W_in.shape[1])).astype(np.float32)
    documents = np.sort(rng.integers(0, DOCUMENTS, T)).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return rng, np.concatenate([W_in, more]), W_out, tokens, left, right, documents, rows, offsets


def noise(rng, T, V, K):
    chunks = -(-T // CHUNK)
    order = rng.permutation(T).astype(np.int32)
    return order, rng.integers(0, V, (chunks, K)).astype(np.int32), rng.uniform(0.01, 0.1, chunks).astype(np.float32)


def block(T, K=8, together=1, mean=True, **options):
    rng, W_in, W_out, *rest = text(T, **options)
    return W_in, W_out, *rest, *noise(rng, T, len(W_out), K), 5, together, mean


def concat(T, K=8, together=1, window=2, tags=1, **options):
    rng, W_in, W_out, *rest = text(T, tags=(tags, tags), window=window, **options)
    V, P = W_out.shape
    W_out = rng.normal(scale=0.3, size=(V, P * (tags + 2 * window))).astype(np.float32)
    return W_in, W_out, *rest, *noise(rng, T, V, K), 5, together, window, len(W_in) - 1


CASES = {
    "IMPLEMENTATIONS": {
        "two chunks and a piece": lambda: block(37),
        "sums, odd noise, wide vectors": lambda: block(20, K=5, P=112, mean=False),
        "without windows": lambda: block(37, windows=False, tags=(1, 1)),
        "two batches and a piece": lambda: block(80, together=2, V=3),
        "a batch without windows": lambda: block(70, windows=False, together=4),
        "one word": lambda: block(1),
        "no word": lambda: block(0),
    },
    "CONCAT_IMPLEMENTATIONS": {
        "two chunks and a piece": lambda: concat(37),
        "two tags, odd noise, wide vectors": lambda: concat(20, K=5, P=48, tags=2, window=1),
        "two batches and a piece": lambda: concat(80, together=2, V=3),
        "one word": lambda: concat(1),
        "no word": lambda: concat(0),
    },
}
TOLERANCES = {name: {"rtol": 2e-4, "atol": 2e-5} for name in CASES}
