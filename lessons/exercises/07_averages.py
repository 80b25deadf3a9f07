# %% [markdown]
# # Exercise 7 · Averages: from words to documents
#
# You write the mean of a sentence's words, SIF's weights, the weighted mean, and find and remove what all sentences
# have in common. `python -m lessons check 07` tells what is right, what is wrong and why.
#
# V is the number of words, d the number of numbers in a vector, N the number of sentences.

# %%
import numpy as np

# %% [markdown]
# ## 1. The mean


# %%
def mean_vector(tokens, vocabulary, vectors):
    """The mean of the vectors of the known words of a sentence; zeros if none is known.

    Parameters
    ----------
    tokens : list of str
        A word that comes twice counts twice. Words that are not in the vocabulary are left out.
    vocabulary : list of str
        V different words.
    vectors : array, shape (V, d)
        Row v is the vector of ``vocabulary[v]``.

    Returns
    -------
    array, shape (d,)

    Examples
    --------
    >>> mean_vector(["the", "cat", "purrs"], ["cat", "the"], np.array([[0.0, 1.0], [1.0, 0.0]])).tolist()
    [0.5, 0.5]
    """
    # BEGIN SOLUTION: collect the rows of the known words, then take their mean, and mind the sentence without any
    rows = [vocabulary.index(token) for token in tokens if token in vocabulary]
    if len(rows) == 0:
        return np.zeros(vectors.shape[1])
    return vectors[rows].mean(axis=0)
    # END SOLUTION


# %% tags=["check"] function="mean_vector" points=2
assert np.allclose(mean_vector(["the", "cat", "purrs"], ["cat", "the"], np.array([[0, 1.0], [1, 0]])), [0.5, 0.5])

# %% [markdown]
# ## 2. SIF's weights


# %%
def sif_weights(counts, a):
    """The weight of each word: a / (a + p), where p is the word's share of the text.

    Parameters
    ----------
    counts : array, shape (V,)
        How often each word occurs; together, the whole text.
    a : float

    Returns
    -------
    array, shape (V,)

    Examples
    --------
    >>> sif_weights(np.array([9, 1, 0]), 0.1).round(4).tolist()
    [0.1, 0.5, 1.0]
    """
    # BEGIN SOLUTION: divide the counts by their sum, then apply the formula
    p = counts / counts.sum()
    return a / (a + p)
    # END SOLUTION


# %% tags=["check"] function="sif_weights" points=2
assert np.allclose(sif_weights(np.array([9, 1, 0]), 0.1), [0.1, 0.5, 1])

# %% [markdown]
# ## 3. The weighted mean


# %%
def weighted_mean(rows, vectors, weights):
    """The weighted mean of some words: the sum of weight times vector, divided by the sum of the weights.

    Parameters
    ----------
    rows : list of int
        Words of a sentence, as rows of `vectors`.
    vectors : array, shape (V, d)
    weights : array, shape (V,)
        Above 0.

    Returns
    -------
    array, shape (d,)
        Zeros for a sentence without words.

    Examples
    --------
    >>> weighted_mean([0, 1], np.array([[4.0, 0.0], [0.0, 4.0]]), np.array([3.0, 1.0])).tolist()
    [3.0, 1.0]
    """
    # BEGIN SOLUTION: multiply each row by its weight, add them up, divide by the sum of these weights
    if len(rows) == 0:
        return np.zeros(vectors.shape[1])
    w = weights[rows]
    return w @ vectors[rows] / w.sum()
    # END SOLUTION


# %% tags=["check"] function="weighted_mean" points=3
assert np.allclose(weighted_mean([0, 1], np.array([[4.0, 0.0], [0.0, 4.0]]), np.array([3.0, 1.0])), [3, 1])

# %% [markdown]
# ## 4. What all have in common


# %%
def common_direction(X):
    """The first right singular vector: the direction along which the vectors of all sentences have most.

    `X` is not centred first. Of the two signs, take the one that makes the largest number (by absolute value) positive.

    Parameters
    ----------
    X : array, shape (N, d)

    Returns
    -------
    array, shape (d,)
        Of length 1.

    Examples
    --------
    >>> common_direction(np.array([[3.0, 0.0], [5.0, 0.0], [0.0, 1.0]])).tolist()
    [1.0, 0.0]
    """
    # BEGIN SOLUTION: take the first row of Vt of np.linalg.svd, and turn it around if its largest number is negative
    u = np.linalg.svd(X, full_matrices=False)[2][0]
    return u if u[np.argmax(np.abs(u))] > 0 else -u
    # END SOLUTION


# %% tags=["check"] function="common_direction" points=3
assert np.allclose(common_direction(np.array([[3.0, 0.0], [5.0, 0.0], [0.0, 1.0]])), [1, 0])

# %% [markdown]
# ## 5. Without it


# %%
def remove_direction(X, u):
    """Each sentence without its part along u: x - (x · u) u.

    The direction was found on other sentences; it stays what it is for these.

    Parameters
    ----------
    X : array, shape (N, d)
        Left as it is.
    u : array, shape (d,)
        Of length 1.

    Returns
    -------
    array, shape (N, d)

    Examples
    --------
    >>> remove_direction(np.array([[3.0, 2.0], [5.0, -1.0]]), np.array([1.0, 0.0])).tolist()
    [[0.0, 2.0], [0.0, -1.0]]
    """
    # BEGIN SOLUTION: X @ u has each sentence's part along u; subtract that many times u from each
    return X - np.outer(X @ u, u)
    # END SOLUTION


# %% tags=["check"] function="remove_direction" points=2
assert np.allclose(remove_direction(np.array([[3.0, 2.0], [5.0, -1.0]]), np.array([1.0, 0.0])), [[0, 2], [0, -1]])

# %% [markdown]
# ## Now use it
#
# Once all is right: word vectors of a little world, and three sentences.

# %%
if __name__ == "__main__":
    from embeddings.datasets import toy_world
    from embeddings.text import Word2Vec, tokenize

    world = toy_world(3000, language="en", seed=3)
    model = Word2Vec(vector_size=32, min_count=1, epochs=8, seed=1).fit(world.sentences)
    words, vectors = model.index_to_key_, model.vectors_.astype(float)
    weights = sif_weights(model.counts_, 1e-3)

    def encode(sentence):
        return weighted_mean([words.index(token) for token in tokenize(sentence) if token in words], vectors, weights)

    u = common_direction(np.stack([encode(sentence) for sentence in world.sentences]))
    three = ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"]
    X = remove_direction(np.stack([encode(sentence) for sentence in three]), u)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    print((X @ X.T).round(2))


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

WORDS = ["the", "cat", "ham", "mouse"]


def random_sentence(rng, n):
    return [str(word) for word in rng.choice([*WORDS, "zebra"], n)]


def unit(u):
    return u / np.sqrt(u @ u)


CHECKS = {
    "mean_vector": {
        "a word that is unknown": lambda rng: (["the", "cat", "purrs"], ["cat", "the"], np.array([[0.0, 1], [1, 0]])),
        "a word twice": lambda rng: (["ham", "ham", "cat"], ["cat", "ham"], np.array([[3.0, 0.0], [0.0, 3.0]])),
        "no known word": lambda rng: (["zebra"], ["cat"], np.ones((1, 3))),
        "no word": lambda rng: ([], ["cat", "ham"], np.ones((2, 2))),
        "random words": lambda rng: (random_sentence(rng, 12), WORDS, rng.normal(size=(4, 5))),
    },
    "sif_weights": {
        "three words": lambda rng: (np.array([9, 1, 0]), 0.1),
        "one word": lambda rng: (np.array([5]), 1.0),
        "random counts": lambda rng: (rng.poisson(30, 8), 0.01),
    },
    "weighted_mean": {
        "two words": lambda rng: ([0, 1], np.array([[4.0, 0.0], [0.0, 4.0]]), np.array([3.0, 1.0])),
        "no word": lambda rng: ([], np.ones((3, 2)), np.ones(3)),
        "a word twice": lambda rng: ([2, 2, 0], rng.normal(size=(3, 2)), np.array([0.5, 9.0, 2.0])),
        "random words": lambda rng: (rng.integers(0, 9, 7).tolist(), rng.normal(size=(9, 4)), rng.uniform(0.1, 2, 9)),
    },
    "common_direction": {
        "three sentences": lambda rng: (np.array([[3.0, 0.0], [5.0, 0.0], [0.0, 1.0]]),),
        "one sentence": lambda rng: (np.array([[-3.0, 0.0, -4.0]]),),
        "more sentences than numbers": lambda rng: (rng.normal(size=(12, 4)) - np.array([4.0, 1, 0, 2]),),
        "as many sentences as numbers": lambda rng: (rng.normal(size=(4, 4)) + 2,),
    },
    "remove_direction": {
        "two sentences": lambda rng: (np.array([[3.0, 2.0], [5.0, -1.0]]), np.array([1.0, 0.0])),
        "as many sentences as numbers": lambda rng: (rng.normal(size=(3, 3)), unit(rng.normal(size=3))),
        "a sentence": lambda rng: (rng.normal(size=(1, 4)), unit(rng.normal(size=4))),
        "random sentences": lambda rng: (rng.normal(size=(6, 4)), unit(rng.normal(size=4))),
    },
}

HINTS = {
    "mean_vector": [
        "vocabulary.index(token) is the row of a word; token in vocabulary tells whether there is one.",
        "vectors[rows].mean(axis=0) is the mean over the words.",
        "The mean of nothing is NaN: return np.zeros(vectors.shape[1]) first.",
    ],
    "sif_weights": [
        "p adds up to 1: counts / counts.sum().",
        "The formula works on the whole array at once; a word that never occurs gets the weight 1.",
    ],
    "weighted_mean": [
        "weights[rows] are the weights of the sentence's words, a word that comes twice twice.",
        "w @ vectors[rows] is the sum of weight times vector.",
        "Divide by w.sum(), and return zeros where there is no word.",
    ],
    "common_direction": [
        "np.linalg.svd(X, full_matrices=False) gives U, S and Vt, with X = U · diag(S) · Vt.",
        "The right singular vectors are the rows of Vt, the one with the largest singular value first.",
        "np.argmax(np.abs(u)) is the place of the largest number; if it is negative there, return -u.",
    ],
    "remove_direction": [
        "X @ u has one number for each sentence: how much of u is in it.",
        "np.outer(X @ u, u) has that many times u in each row.",
        "Subtract it from X, and do not use -=, which changes the argument.",
    ],
}

MISTAKES = [
    Mistake(
        "mean_vector",
        "You divide by all words of the sentence. Unknown ones added nothing: divide by the number of known words.",
        "return vectors[rows].mean(axis=0)",
        "return vectors[rows].sum(axis=0) / len(tokens)",
    ),
    Mistake(
        "mean_vector",
        "You return the sum, which grows with the length of the sentence. The mean is asked for.",
        "vectors[rows].mean(axis=0)",
        "vectors[rows].sum(axis=0)",
    ),
    Mistake(
        "mean_vector",
        "A word that comes twice counts once. It counts twice.",
        "vectors[rows].mean(axis=0)",
        "vectors[sorted(set(rows))].mean(axis=0)",
    ),
    Mistake(
        "mean_vector",
        "A sentence without a known word gets NaN, the mean of nothing. Zeros are asked for.",
        "np.zeros(vectors.shape[1])",
        "np.full(vectors.shape[1], np.nan)",
    ),
    Mistake(
        "mean_vector",
        "You take the mean over the numbers of each vector. Take it over the words: axis=0.",
        "vectors[rows].mean(axis=0)",
        "vectors[rows].mean(axis=1)",
    ),
    Mistake(
        "sif_weights",
        "You put the counts themselves into the formula. p is a share: divide by the sum of all counts.",
        "counts / counts.sum()",
        "counts",
    ),
    Mistake(
        "sif_weights",
        "You divide by the largest count. A share is a part of all: divide by the sum.",
        "counts / counts.sum()",
        "counts / counts.max()",
    ),
    Mistake("sif_weights", "Above the line stands a, not 1.", "return a / (a + p)", "return 1 / (a + p)"),
    Mistake(
        "sif_weights",
        "Your weights grow with the frequency. Frequent words must weigh least: a stands above the line, not p.",
        "return a / (a + p)",
        "return p / (a + p)",
    ),
    Mistake(
        "weighted_mean",
        "The weights are not normalised: divide by their sum, else a sentence of rare words is longer than others.",
        "w @ vectors[rows] / w.sum()",
        "w @ vectors[rows]",
    ),
    Mistake(
        "weighted_mean",
        "You divide by the number of words. A weighted mean is divided by the sum of the weights.",
        "/ w.sum()",
        "/ len(rows)",
    ),
    Mistake(
        "weighted_mean",
        "You divide by the weights of all words there are. Only those of this sentence count.",
        "/ w.sum()",
        "/ weights.sum()",
    ),
    Mistake(
        "weighted_mean",
        "A sentence without words gets NaN, 0 divided by 0. Zeros are asked for.",
        "np.zeros(vectors.shape[1])",
        "np.full(vectors.shape[1], np.nan)",
    ),
    Mistake(
        "weighted_mean",
        "The weights are missing: this is the plain mean.",
        "w = weights[rows]",
        "w = np.ones(len(rows))",
    ),
    Mistake(
        "common_direction",
        "You subtract the mean first. That is principal components; here the mean is part of what all have in common.",
        "np.linalg.svd(X, full_matrices=False)[2][0]",
        "np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][0]",
    ),
    Mistake(
        "common_direction",
        "You return a left singular vector, with a number for each sentence. Take the first row of Vt.",
        "np.linalg.svd(X, full_matrices=False)[2][0]",
        "np.linalg.svd(X, full_matrices=False)[0][:, 0]",
    ),
    Mistake(
        "common_direction",
        "You return the first column of Vt. The right singular vectors are its rows.",
        "[2][0]",
        "[2][:, 0]",
    ),
    Mistake(
        "common_direction",
        "You return the last direction, along which there is least. The singular values fall: take the first.",
        "[2][0]",
        "[2][-1]",
    ),
    Mistake(
        "common_direction",
        "You return the mean, divided by its length. It is near, but the direction with the most squares is asked for.",
        "np.linalg.svd(X, full_matrices=False)[2][0]",
        "X.mean(axis=0) / np.linalg.norm(X.mean(axis=0))",
    ),
    Mistake(
        "common_direction",
        "The sign is the other one: the largest number must be positive.",
        "return u if u[np.argmax(np.abs(u))] > 0 else -u",
        "return u if u[np.argmax(np.abs(u))] < 0 else -u",
    ),
    Mistake(
        "remove_direction",
        "You look for the direction anew in these sentences. Use the one that was passed, learned elsewhere: "
        "else a sentence's vector depends on what stands beside it.",
        "return X",
        "u = np.linalg.svd(X, full_matrices=False)[2][0]\n    return X",
    ),
    Mistake(
        "remove_direction",
        "You subtract u itself from every sentence. Subtract as much of it as the sentence has: (x · u) u.",
        "np.outer(X @ u, u)",
        "u",
    ),
    Mistake(
        "remove_direction",
        "You subtract the mean of the sentences as well. Only the part along u goes.",
        "return X - np.outer(X @ u, u)",
        "X = X - X.mean(axis=0)\n    return X - np.outer(X @ u, u)",
    ),
    Mistake(
        "remove_direction",
        "You keep the part along u and throw the rest away. Subtract it from X.",
        "X - np.outer(X @ u, u)",
        "np.outer(X @ u, u)",
    ),
    Mistake(
        "remove_direction",
        "You change the array that was passed to you (-= works in place). Make a new one.",
        "return X - np.outer(X @ u, u)",
        "X -= np.outer(X @ u, u)\n    return X",
    ),
]

ALTERNATIVES = [
    Alternative(
        "mean_vector",
        """
def mean_vector(tokens, vocabulary, vectors):
    row_of = dict(zip(vocabulary, vectors))
    known = [row_of[token] for token in tokens if token in row_of]
    return sum(known, np.zeros(vectors.shape[1])) / max(len(known), 1)
""",
    ),
    Alternative(
        "sif_weights",
        """
def sif_weights(counts, a):
    total = float(sum(counts))
    return np.array([a * total / (a * total + count) for count in counts])
""",
    ),
    Alternative(
        "weighted_mean",
        """
def weighted_mean(rows, vectors, weights):
    if not len(rows):
        return np.zeros(vectors.shape[1])
    return np.average(vectors[rows], axis=0, weights=weights[rows])
""",
    ),
    Alternative(
        "common_direction",
        """
def common_direction(X):
    values, vectors = np.linalg.eigh(X.T @ X)
    u = vectors[:, np.argmax(values)]
    return u * np.sign(u[np.argmax(np.abs(u))])
""",
    ),
    Alternative(
        "remove_direction",
        """
def remove_direction(X, u):
    return np.array([x - sum(a * b for a, b in zip(x, u)) * u for x in X])
""",
    ),
]
