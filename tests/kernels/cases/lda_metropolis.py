import numpy as np

from kernels.sampling import alias_numpy


def units(lengths, K=5, M=1, prior=None, seed=0):
    """Units of `lengths` places, which stand in a random order among others that belong to none."""
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    n = int(starts[-1])
    N = n + 3
    places = rng.permutation(N)[:n].astype(np.int32)
    topics = rng.integers(0, K, (N, 1 + M)).astype(np.uint16)
    bits = rng.integers(0, 2**64, (n, M), np.uint64)
    prior = rng.uniform(0.05, 2, K) if prior is None else np.full(K, prior)
    n_k = np.bincount(topics[:, 0], minlength=K)
    return places, starts, topics, bits, prior, *alias_numpy(prior / prior.sum()), n_k, 0.3


CASES = {
    "IMPLEMENTATIONS": {
        "some units": lambda: units([9, 4, 12, 70]),
        "two proposals": lambda: units([20, 1, 15], M=2, seed=1),
        "a small prior": lambda: units([20, 30], prior=0.01, seed=2),
        "many topics": lambda: units([20, 30], K=1000, seed=3),
        "places alone": lambda: units([1, 1, 1]),
        "empty units": lambda: units([0, 3, 0]),
        "no units": lambda: units([]),
        "one topic": lambda: units([5], K=1),
    }
}
