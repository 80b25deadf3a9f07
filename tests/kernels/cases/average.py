import numpy as np


def case(lengths, V=17, d=11, unknown=0.2, seed=0, weigh=True):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    tokens = rng.integers(0, V, offsets[-1]).astype(np.int32)
    tokens[rng.random(len(tokens)) < unknown] = -1
    vectors = rng.normal(size=(V, d)).astype(np.float32)
    weights = rng.uniform(0.1, 2, V).astype(np.float32) if weigh else np.ones(V, np.float32)
    shares = rng.uniform(0, 2, V).astype(np.float32) if weigh else np.ones(V, np.float32)
    # What lay in the result before must not matter.
    return vectors, weights, shares, tokens, offsets, np.full((len(lengths), d), np.nan, np.float32)


def words_without_share():
    vectors, weights, shares, *rest = case([3, 0, 4, 1])
    return vectors, weights, np.zeros_like(shares), *rest


CASES = {
    "IMPLEMENTATIONS": {
        "documents, an empty one among them": lambda: case([5, 0, 1, 30, 7]),
        "plain means, wide vectors": lambda: case([9, 2, 13], d=130, weigh=False),
        "unknown words alone": lambda: case([4, 1], unknown=1.1),
        "words without a share": words_without_share,
        "one word, one number": lambda: case([1], V=1, d=1, unknown=0),
        "no document": lambda: case([]),
    }
}
