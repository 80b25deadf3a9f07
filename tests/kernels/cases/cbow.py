from tests.kernels.cases import skipgram


def block(T, *options, **settings):
    return (*skipgram.block(T, **settings), *options)


def word(T, *options, **settings):
    W_in, W_out, tokens, left, right, negatives, alphas = skipgram.pair(T, **settings)
    n_centres = int((right - left > 1).sum())
    return W_in, W_out, tokens, left, right, negatives[:n_centres], alphas, *options


CASES = {
    "IMPLEMENTATIONS": {
        "two chunks and a piece": lambda: block(37, True, False),
        "as gensim": lambda: block(20, True, True, K=8, P=112),
        "sums": lambda: block(20, False, False, K=5),
        "few different words": lambda: block(33, True, False, V=3),
        "two batches and a piece": lambda: block(80, True, False, together=2),
        "a batch as gensim": lambda: block(37, True, True, together=4),
        "one word": lambda: block(1, True, False),
        "no word": lambda: block(0, True, False),
        "every word alone": lambda: block(17, True, False, sentences=10**6),
    },
    "WORD_IMPLEMENTATIONS": {
        "some words": lambda: word(23, True, False),
        "as gensim": lambda: word(23, True, True),
        "sums": lambda: word(20, False, False, V=3),
        "some words alone": lambda: word(23, True, False, sentences=20),
        "no noise": lambda: word(7, True, False, K=0),
        "no word": lambda: word(0, True, False),
    },
}
TOLERANCES = {name: {"rtol": 1e-4, "atol": 1e-5} for name in CASES}
