import numpy as np

from kernels.tiles import CHUNK


def chunks(C, R=4, K=8, V=20, P=32, documents=30, least=0):
    """Chunks whose documents have from `least` to R words each; with few documents, one comes twice in a chunk."""
    rng = np.random.default_rng(0)
    W_in, W_out = (rng.normal(scale=0.3, size=(n, P)).astype(np.float32) for n in (documents, V))
    shapes = (V, (C, R, CHUNK)), (documents, (C, CHUNK)), (V, (C, K))
    words, rows, noise = (rng.integers(0, n, shape, np.int32) for n, shape in shapes)
    counts = rng.integers(least, R + 1, (C, CHUNK), np.int32)
    return W_in, W_out, words, counts, rows, noise, rng.uniform(0.01, 0.1, C).astype(np.float32), 5


CASES = {
    "IMPLEMENTATIONS": {
        "three chunks": lambda: chunks(3),
        "full, wide, odd noise": lambda: chunks(2, R=5, K=11, P=112, least=5),
        "documents come twice": lambda: chunks(2, documents=3, V=3),
        "one word of each": lambda: chunks(2, R=1),
        "few words, few documents": lambda: chunks(1, R=1, V=2, documents=2),
        "no chunk": lambda: chunks(0),
    },
}
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 2e-4, "atol": 2e-5}}
