# %% [markdown]
# # Exercise 8 · LDA: a document is a mixture of topics
#
# You write collapsed Gibbs sampling: the probabilities of a word's topic, the draw, a whole sweep, and then what the
# topics are and how well they predict. `python -m lessons check 08` tells what is right, what is wrong and why.
#
# K is the number of topics, V of different words, D of documents, N of places, that is, of all words of all documents.

# %%
import numpy as np

# %% [markdown]
# ## 1. The probabilities of a word's topic


# %%
def topic_probabilities(n_d, n_w, n, alpha, eta, V):
    """p(z = k) ∝ (n_dk + α) (n_wk + η) / (n_k + V η) of one word, given the topics of all others.

    Parameters
    ----------
    n_d : array, shape (K,)
        How many other words of the document have each topic.
    n_w : array, shape (K,)
        How many other places of the word have each topic.
    n : array, shape (K,)
        How many other places of any word have each topic.
    alpha, eta : float
    V : int

    Returns
    -------
    array, shape (K,)
        Adds up to 1.

    Examples
    --------
    >>> half = topic_probabilities(np.array([3, 1]), np.array([0, 4]), np.array([10, 10]), 0.5, 0.5, 4)
    >>> half.round(4).tolist()
    [0.2059, 0.7941]
    """
    # BEGIN SOLUTION: the three factors, divided by their sum
    p = (n_d + alpha) * (n_w + eta) / (n + V * eta)
    return p / p.sum()
    # END SOLUTION


# %% tags=["check"] function="topic_probabilities" points=2
probabilities = topic_probabilities(np.array([3, 1]), np.array([0, 4]), np.array([10, 10]), 0.5, 0.5, 4)
assert np.allclose(probabilities, [7 / 34, 27 / 34])

# %% [markdown]
# ## 2. The draw


# %%
def draw(p, u):
    """The topic that a random number falls on: the first k with p_0 + … + p_k > u.

    Parameters
    ----------
    p : array, shape (K,)
        Adds up to 1.
    u : float
        In [0, 1).

    Returns
    -------
    int

    Examples
    --------
    >>> [draw(np.array([0.5, 0.25, 0.25]), u) for u in (0.1, 0.5, 0.9)]
    [0, 1, 2]
    """
    # BEGIN SOLUTION: running sums, and the first that is above u
    return int(np.searchsorted(np.cumsum(p), u, side="right"))
    # END SOLUTION


# %% tags=["check"] function="draw" points=2
assert [draw(np.array([0.5, 0.25, 0.25]), u) for u in (0.1, 0.5, 0.9)] == [0, 1, 2]

# %% [markdown]
# ## 3. A sweep


# %%
def sweep(words, documents, z, uniforms, K, V, alpha, eta):
    """Draw the topic of every place anew, in order, each given the topics of all others as they are by then.

    Parameters
    ----------
    words, documents : lists of int, length N
        The word at each place, from 0 to V - 1, and the document that it stands in, from 0.
    z : list of int, length N
        The topics so far. Left as it is.
    uniforms : list of float, length N
        A random number in [0, 1) for each place.
    K, V : int
    alpha, eta : float

    Returns
    -------
    list of int, length N

    Examples
    --------
    >>> sweep([0, 0, 1], [0, 0, 0], [0, 1, 1], [0.5, 0.5, 0.5], 2, 2, 0.1, 0.1)
    [1, 1, 1]
    """
    # BEGIN SOLUTION: count; at each place take it out of the counts, draw, put it back
    z = list(z)
    n_dk, n_wk, n_k = np.zeros((max(documents, default=0) + 1, K)), np.zeros((V, K)), np.zeros(K)
    for w, d, k in zip(words, documents, z, strict=True):
        n_dk[d, k] += 1
        n_wk[w, k] += 1
        n_k[k] += 1
    for i, (w, d) in enumerate(zip(words, documents, strict=True)):
        n_dk[d, z[i]] -= 1
        n_wk[w, z[i]] -= 1
        n_k[z[i]] -= 1
        p = (n_dk[d] + alpha) * (n_wk[w] + eta) / (n_k + V * eta)
        z[i] = int(np.searchsorted(np.cumsum(p / p.sum()), uniforms[i], side="right"))
        n_dk[d, z[i]] += 1
        n_wk[w, z[i]] += 1
        n_k[z[i]] += 1
    return z
    # END SOLUTION


# %% tags=["check"] function="sweep" points=4
assert sweep([0, 0, 1], [0, 0, 0], [0, 1, 1], [0.5, 0.5, 0.5], 2, 2, 0.1, 0.1) == [1, 1, 1]

# %% [markdown]
# ## 4. What the topics are


# %%
def topics(words, z, K, V, eta):
    """Each topic as a distribution over the words: φ_kw = (n_wk + η) / (n_k + V η).

    Parameters
    ----------
    words, z : lists of int, length N
    K, V : int
    eta : float

    Returns
    -------
    array, shape (K, V)
        Rows that add up to 1.

    Examples
    --------
    >>> topics([0, 0, 1], [0, 0, 1], 2, 2, 0.5).round(4).tolist()
    [[0.8333, 0.1667], [0.25, 0.75]]
    """
    # BEGIN SOLUTION: counts of topic and word, plus η, divided by the sums of the rows
    phi = np.full((K, V), float(eta))
    for w, k in zip(words, z, strict=True):
        phi[k, w] += 1
    return phi / phi.sum(axis=1, keepdims=True)
    # END SOLUTION


# %% tags=["check"] function="topics" points=2
assert np.allclose(topics([0, 0, 1], [0, 0, 1], 2, 2, 0.5), [[5 / 6, 1 / 6], [1 / 4, 3 / 4]])

# %% [markdown]
# ## 5. How well they predict


# %%
def perplexity(words, documents, theta, phi):
    """exp of the mean of -log p(w) over all places, with p(w) = Σ_k θ_dk φ_kw and the natural logarithm.

    Parameters
    ----------
    words, documents : lists of int, length N
        At least one.
    theta : array, shape (D, K)
        The mixture of topics of each document.
    phi : array, shape (K, V)

    Returns
    -------
    float

    Examples
    --------
    Two words, each with probability 1/2:

    >>> round(perplexity([0, 1], [0, 0], np.array([[0.5, 0.5]]), np.array([[1.0, 0.0], [0.0, 1.0]])), 4)
    2.0
    """
    # BEGIN SOLUTION: the probability of the word at each place, then exp(-mean(log))
    p = (theta[documents] * phi[:, words].T).sum(axis=1)
    return float(np.exp(-np.log(p).mean()))
    # END SOLUTION


# %% tags=["check"] function="perplexity" points=3
assert np.isclose(perplexity([0, 1], [0, 0], np.array([[0.5, 0.5]]), np.eye(2)), 2)

# %% [markdown]
# ## Now use it
#
# Once all is right, this finds two topics in eight short documents.

# %%
if __name__ == "__main__":
    texts = ["cat dog cat mouse", "dog mouse cat", "ham soup tea", "soup ham ham bread"] * 2
    vocabulary = sorted(set(" ".join(texts).split()))
    words = [vocabulary.index(word) for text in texts for word in text.split()]
    documents = [d for d, text in enumerate(texts) for _ in text.split()]
    rng = np.random.default_rng(1)
    z = rng.integers(0, 2, len(words)).tolist()
    for _ in range(50):
        z = sweep(words, documents, z, rng.random(len(words)), 2, len(vocabulary), 0.1, 0.1)
    for row in topics(words, z, 2, len(vocabulary), 0.1):
        print([vocabulary[w] for w in np.argsort(-row)[:3]])


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def small_corpus(rng, N=40, D=4, K=3, V=6):
    words = rng.integers(0, V, N).tolist()
    documents = np.sort(rng.integers(0, D, N)).tolist()
    return words, documents, rng.integers(0, K, N).tolist(), rng.random(N).tolist(), K, V


CHECKS = {
    "topic_probabilities": {
        "by hand": lambda rng: (np.array([3, 1]), np.array([0, 4]), np.array([10, 10]), 0.5, 0.5, 4),
        "nothing is known": lambda rng: (np.zeros(3), np.zeros(3), np.zeros(3), 0.1, 0.1, 5),
        "topics of different sizes": lambda rng: (np.array([2, 2]), np.array([3, 3]), np.array([5, 50]), 0.1, 0.2, 7),
        "random counts": lambda rng: (
            rng.integers(0, 9, 6),
            rng.integers(0, 9, 6),
            rng.integers(9, 90, 6),
            0.3,
            0.05,
            30,
        ),
    },
    "draw": {
        "the first": lambda rng: (np.array([0.5, 0.25, 0.25]), 0.1),
        "on the border": lambda rng: (np.array([0.5, 0.25, 0.25]), 0.5),
        "the last": lambda rng: (np.array([0.5, 0.25, 0.25]), 0.9),
        "nothing": lambda rng: (np.array([0.0, 0.0, 1.0]), 0.0),
        "one topic": lambda rng: (np.array([1.0]), 0.7),
        "random probabilities": lambda rng: (rng.dirichlet(np.ones(9)), float(rng.random())),
        "an unlikely topic": lambda rng: (np.array([0.2, 0.3, 0.15, 0.35]), 0.6),
    },
    "sweep": {
        "three words": lambda rng: ([0, 0, 1], [0, 0, 0], [0, 1, 1], [0.5, 0.5, 0.5], 2, 2, 0.1, 0.1),
        "no words": lambda rng: ([], [], [], [], 2, 3, 0.1, 0.1),
        "one word": lambda rng: ([0], [0], [0], [0.6], 2, 1, 0.1, 0.1),
        "two documents": lambda rng: ([0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0.4, 0.3, 0.7, 0.2], 2, 2, 0.5, 0.5),
        "a random corpus": lambda rng: (*small_corpus(rng), 0.3, 0.2),
        "many topics": lambda rng: (*small_corpus(rng, N=60, K=7, V=20), 0.1, 0.01),
    },
    "topics": {
        "by hand": lambda rng: ([0, 0, 1], [0, 0, 1], 2, 2, 0.5),
        "a topic without words": lambda rng: ([0, 2], [1, 1], 3, 4, 0.1),
        "random words": lambda rng: (rng.integers(0, 5, 30).tolist(), rng.integers(0, 3, 30).tolist(), 3, 5, 0.2),
    },
    "perplexity": {
        "two words": lambda rng: ([0, 1], [0, 0], np.array([[0.5, 0.5]]), np.eye(2)),
        "a sure word": lambda rng: ([1], [0], np.array([[0.0, 1.0]]), np.eye(2)),
        "random mixtures": lambda rng: (
            rng.integers(0, 6, 20).tolist(),
            rng.integers(0, 4, 20).tolist(),
            rng.dirichlet(np.ones(3), 4),
            rng.dirichlet(np.ones(6), 3),
        ),
    },
}

HINTS = {
    "topic_probabilities": [
        "All three counts are arrays of K numbers: (n_d + alpha) * … works on all topics at once.",
        "V * eta in the denominator: each of the V words adds its η.",
        "Divide by the sum, so that the probabilities add up to 1.",
    ],
    "draw": [
        "np.cumsum gives the running sums p_0, p_0 + p_1, ….",
        "np.searchsorted(sums, u, side='right') is the number of sums that are at most u.",
    ],
    "sweep": [
        "Count first: n_dk (documents by topics), n_wk (words by topics), n_k, from all places.",
        "At each place subtract 1 from all three counts for the old topic, before you compute the probabilities.",
        "Draw with uniforms[i], and add 1 to all three for the new topic: the next place sees it.",
        "Work on list(z), so that the argument stays as it is.",
    ],
    "topics": [
        "np.full((K, V), eta) is a table that already holds the η of each entry.",
        "Add 1 at [k, w] for each place; then divide each row by its sum: sum(axis=1, keepdims=True).",
    ],
    "perplexity": [
        "theta[documents] has a row for each place, and so has phi[:, words].T.",
        "Multiply them entry by entry and add up along the topics: that is p(w).",
        "exp of minus the mean of the logarithms.",
    ],
}

MISTAKES = [
    Mistake(
        "topic_probabilities",
        "The probabilities do not add up to 1. Divide them by their sum.",
        "return p / p.sum()",
        "return p",
    ),
    Mistake(
        "topic_probabilities",
        "The denominator lacks V η: divide by n + V * eta.",
        "(n + V * eta)",
        "n.clip(1)",
    ),
    Mistake(
        "topic_probabilities",
        "The denominator has η once. Each of the V words adds its η.",
        "(n + V * eta)",
        "(n + eta)",
    ),
    Mistake(
        "topic_probabilities",
        "α and η are exchanged: α belongs to the document, η to the word.",
        "(n_d + alpha) * (n_w + eta)",
        "(n_d + eta) * (n_w + alpha)",
    ),
    Mistake(
        "topic_probabilities",
        "You leave the document out: only the word decides.",
        "(n_d + alpha) * (n_w + eta)",
        "(n_w + eta)",
    ),
    Mistake(
        "topic_probabilities",
        "You divide by nothing: a topic that has many words would get ever more.",
        " / (n + V * eta)",
        "",
    ),
    Mistake(
        "draw",
        "You take the most probable topic. Chance must decide, or nothing ever moves.",
        'int(np.searchsorted(np.cumsum(p), u, side="right"))',
        "int(np.argmax(p))",
    ),
    Mistake(
        "draw",
        "On the border, where u equals a running sum, the next topic is asked for: the sum must be above u.",
        'side="right"',
        'side="left"',
    ),
    Mistake(
        "draw",
        "You compare u with the probabilities themselves. Compare it with their running sums.",
        'int(np.searchsorted(np.cumsum(p), u, side="right"))',
        "int(np.argmax(p > u))",
    ),
    Mistake(
        "sweep",
        "You do not take the word out of the counts before you draw: it votes for its own old topic.",
        "        n_dk[d, z[i]] -= 1\n        n_wk[w, z[i]] -= 1\n        n_k[z[i]] -= 1\n        p =",
        "        old = z[i]\n        p =",
    ),
    Mistake(
        "sweep",
        "The counts stay those of the beginning. After each draw, put the word back with its new topic.",
        "        n_dk[d, z[i]] += 1\n        n_wk[w, z[i]] += 1\n        n_k[z[i]] += 1\n    return z",
        "        for counts in (n_dk[d], n_wk[w], n_k):\n            counts[old[i]] += 1\n    return z",
    ),
    Mistake(
        "sweep",
        "You count the word's places only in its own document. n_wk counts all of its places.",
        "(n_wk[w] + eta)",
        "(np.array([sum(v == w and e == d and t == k for j, (v, e, t) in enumerate(zip(words, documents, z)) if j != i)"
        " for k in range(K)]) + eta)",
    ),
    Mistake(
        "sweep",
        "The documents are not told apart: n_dk must be those of the word's own document.",
        "(n_dk[d] + alpha)",
        "(n_dk.sum(axis=0) + alpha)",
    ),
    Mistake(
        "sweep",
        "The probabilities are not divided by their sum before the draw.",
        "np.cumsum(p / p.sum())",
        "np.cumsum(np.append(p, 9))[:K]",
    ),
    Mistake(
        "topics",
        "You divide along the wrong axis: the rows, which are the topics, must add up to 1.",
        "phi.sum(axis=1, keepdims=True)",
        "phi.sum(axis=0, keepdims=True)",
    ),
    Mistake(
        "topics",
        "η is missing: a word that a topic has not seen would be impossible.",
        "phi / phi.sum(axis=1, keepdims=True)",
        "(phi - eta) / np.maximum((phi - eta).sum(axis=1, keepdims=True), 1)",
    ),
    Mistake(
        "topics",
        "These are counts, not probabilities: divide each row by its sum.",
        "return phi / phi.sum(axis=1, keepdims=True)",
        "return phi",
    ),
    Mistake(
        "perplexity",
        "You forgot the mean: the logarithms are added up over all places.",
        "np.log(p).mean()",
        "np.log(p).sum()",
    ),
    Mistake(
        "perplexity",
        "You return the mean of -log p. Perplexity is exp of it.",
        "float(np.exp(-np.log(p).mean()))",
        "float(-np.log(p).mean())",
    ),
    Mistake(
        "perplexity",
        "You average the probabilities before the logarithm. Take the mean of the logarithms.",
        "np.log(p).mean()",
        "np.log(p.mean())",
    ),
    Mistake(
        "perplexity",
        "You take the best topic alone. The word may come from any: add up over the topics.",
        ".sum(axis=1)",
        ".max(axis=1)",
    ),
]

ALTERNATIVES = [
    Alternative(
        "topic_probabilities",
        """
def topic_probabilities(n_d, n_w, n, alpha, eta, V):
    weights = [(n_d[k] + alpha) * (n_w[k] + eta) / (n[k] + V * eta) for k in range(len(n))]
    return [weight / sum(weights) for weight in weights]
""",
    ),
    Alternative(
        "draw",
        """
def draw(p, u):
    total = 0.0
    for k in range(len(p)):
        total += p[k]
        if total > u:
            return k
    return len(p) - 1
""",
    ),
    Alternative(
        "sweep",
        """
def sweep(words, documents, z, uniforms, K, V, alpha, eta):
    z = np.array(z, dtype=int)
    words, documents = np.array(words, dtype=int), np.array(documents, dtype=int)
    for i in range(len(z)):
        others = np.arange(len(z)) != i
        p = np.zeros(K)
        for k in range(K):
            has = others & (z == k)
            n_dk, n_wk, n_k = (has & (documents == documents[i])).sum(), (has & (words == words[i])).sum(), has.sum()
            p[k] = (n_dk + alpha) * (n_wk + eta) / (n_k + V * eta)
        z[i] = np.argmax(np.cumsum(p) > uniforms[i] * p.sum())
    return z.tolist()
""",
    ),
    Alternative(
        "topics",
        """
def topics(words, z, K, V, eta):
    counts = np.zeros((K, V))
    np.add.at(counts, (np.array(z, dtype=int), np.array(words, dtype=int)), 1)
    return (counts + eta) / (counts.sum(axis=1)[:, None] + V * eta)
""",
    ),
    Alternative(
        "perplexity",
        """
def perplexity(words, documents, theta, phi):
    loss = [-np.log(theta[d] @ phi[:, w]) for w, d in zip(words, documents)]
    return np.exp(sum(loss) / len(loss))
""",
    ),
]
