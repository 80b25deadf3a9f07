import numpy as np


def padded(array):
    R, K = array.shape
    result = np.zeros((R, -(-K // 16) * 16), np.float32)
    result[:, :K] = array
    return result


def documents(lengths, K=5, V=30, alpha=0.3, iterations=100, seed=0):
    """Documents of `lengths` different words."""
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    words = np.concatenate([rng.permutation(V)[:length] for length in lengths] or [[]]).astype(np.int32)
    counts = rng.integers(1, 5, len(words)).astype(np.float32)
    topics = padded(rng.dirichlet(np.full(V, 0.3), K).T)
    D = len(lengths)
    gamma = padded(np.ones((D, K)))
    results = gamma, np.zeros_like(gamma), np.zeros(len(words), np.float32)
    return starts, words, counts, topics, np.full(K, alpha, np.float32), *results, 1e-3, iterations


def rows(R, K=5, seed=0):
    rng = np.random.default_rng(seed)
    masses = padded(rng.gamma(1, 2, (R, K)))
    return masses, 0.7, 0.01, rng.gamma(100, 1, K), np.zeros_like(masses)


def entries(lengths, K=5, D=8, seed=0):
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    n, R = int(starts[-1]), len(lengths)
    found = rng.integers(0, D, n).astype(np.int32), rng.random(n, np.float32)
    return starts, *found, padded(rng.random((D, K))), padded(rng.random((R, K))), 3.5, padded(rng.random((R, K)))


CASES = {
    "INFER_IMPLEMENTATIONS": {
        "some documents": lambda: documents([9, 4, 12], iterations=20),
        "small alpha": lambda: documents([9, 4], alpha=0.02, iterations=30, seed=1),
        "seventy topics": lambda: documents([9, 5], K=70, seed=2, iterations=5),
        "sixteen topics": lambda: documents([7], K=16, iterations=10, seed=3),
        "one iteration": lambda: documents([7, 3], iterations=1),
        "one word": lambda: documents([1]),
        "an empty document": lambda: documents([3, 0, 2]),
        "no documents": lambda: documents([]),
        "one topic": lambda: documents([4, 6], K=1),
    },
    "EXPECT_IMPLEMENTATIONS": {
        "some words": lambda: rows(9),
        "many topics": lambda: rows(3, K=70),
        "no words": lambda: rows(0),
        "one of all": lambda: rows(1, K=1),
    },
    "COLLECT_IMPLEMENTATIONS": {
        "some words": lambda: entries([3, 1, 9]),
        "many topics": lambda: entries([3, 1], K=70),
        "a word without entries": lambda: entries([2, 0, 1]),
        "no words": lambda: entries([]),
    },
}
# Float32 beside float64, through up to a hundred iterations.
TOLERANCES = {
    "INFER_IMPLEMENTATIONS": {"rtol": 3e-3, "atol": 1e-5},
    "EXPECT_IMPLEMENTATIONS": {"rtol": 1e-4, "atol": 1e-30},
}
