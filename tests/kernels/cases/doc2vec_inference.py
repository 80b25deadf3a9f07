import numpy as np

from kernels.skipgram import CHUNK
from tests.kernels.cases.doc2vec import text


def infer(T, N=3, K=8, window=0, mean=True, windows=True, P=32):
    """The first document of several is empty."""
    rng, W_in, W_out, tokens, left, right, *_ = text(T, windows=windows, P=P, window=window or 5)
    starts = np.sort(np.r_[0, 0, rng.integers(0, T + 1, N - 2), T]) if N > 1 else np.array([0, T] if N else [0])
    documents = np.repeat(np.arange(N), np.diff(starts)).astype(np.int32)
    if N:
        left = np.maximum(left, starts[documents]).astype(np.int32)
        right = np.minimum(right, starts[documents + 1]).astype(np.int32)
    if window:
        W_out = rng.normal(scale=0.3, size=(len(W_out), P * (1 + 2 * window))).astype(np.float32)
    noise = rng.integers(0, len(W_out), (-(-T // CHUNK), K)).astype(np.int32)
    D = rng.normal(scale=0.3, size=(N, P)).astype(np.float32)
    return D, W_in, W_out, tokens, left, right, documents, starts, noise, 0.05, 5, mean, window, len(W_in) - 1


CASES = {
    "IMPLEMENTATIONS": {
        "three documents": lambda: infer(70),
        "without windows": lambda: infer(70, windows=False, K=5, P=112),
        "sums": lambda: infer(20, mean=False, N=4),
        "concatenated": lambda: infer(50, window=2),
        "concatenated, wide": lambda: infer(20, window=1, P=48, K=11),
        "more noise than lanes": lambda: infer(40, K=20),
        "one word": lambda: infer(1, N=1),
        "no document": lambda: infer(0, N=0),
    },
}
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 2e-4, "atol": 2e-5}}
