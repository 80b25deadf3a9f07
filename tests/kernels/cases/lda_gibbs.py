import numpy as np


def tiles(lengths, T=1, V=7, K=5, eta=0.1, seed=0):
    """Runs of `lengths` words, in T tiles that share no words; each run's document is its number."""
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    N, R, P = int(starts[-1]), len(lengths), -(-K // 16) * 16
    tile_of_run = np.arange(R) * T // max(R, 1)
    bounds = np.searchsorted(tile_of_run, np.arange(T + 1)).astype(np.int64)
    documents = np.arange(R)
    # Tile t has the words that leave the rest t when divided by T.
    tile_of_place = np.repeat(tile_of_run, lengths)
    words = (rng.integers(0, -(-V // T), N) * T + tile_of_place).astype(np.int32)
    V = -(-V // T) * T
    z = rng.integers(0, K, N).astype(np.uint16)
    n_dk, n_wk = np.zeros((R, P), np.float32), np.zeros((V, P), np.float32)
    np.add.at(n_dk, (np.repeat(documents, lengths), z), 1)
    np.add.at(n_wk, (words, z), 1)
    n_k = np.repeat(np.bincount(z, minlength=K)[None].astype(np.int32), T, axis=0)
    alpha = rng.uniform(0.05, 0.5, K).astype(np.float32)
    runs = documents.astype(np.int32), starts, bounds
    return words, *runs, z, rng.random(N, np.float32), n_dk, n_wk, n_k, alpha, eta


CASES = {
    "IMPLEMENTATIONS": {
        "some documents": lambda: tiles([9, 4, 12]),
        "sixteen topics": lambda: tiles([20, 1, 15], K=16),
        "seventeen topics": lambda: tiles([20, 5], K=17, seed=1),
        "two tiles": lambda: tiles([9, 4, 6, 8], T=2, V=9),
        "two groups of topics, the last one narrow": lambda: tiles([9, 7], V=20, K=133, seed=2),
        "many topics": lambda: tiles([15], V=30, K=500, seed=3),
        "one place": lambda: tiles([1]),
        "an empty document": lambda: tiles([3, 0, 2]),
        "no documents": lambda: tiles([]),
        "one topic, one word": lambda: tiles([5, 3], V=1, K=1),
    }
}
