# %% [markdown]
# # Exercise 5 · GloVe: count first, then learn
#
# You count which words stand together, turn counts into surprise, and take GloVe's step. `python -m lessons check 05`
# tells what is right, what is wrong and why.
#
# V is the number of words, d the number of numbers in a vector.

# %%
import numpy as np

# %% [markdown]
# ## 1. Counting


# %%
def cooccurrences(tokens, V, window):
    """How much of each word stands in the windows of each other; a word at distance k counts 1 / k.

    Parameters
    ----------
    tokens : list of int
        Numbers of words, from 0 to V - 1.
    V : int
    window : int
        How far a word sees, to both sides.

    Returns
    -------
    array, shape (V, V)
        Symmetric. A word that sees itself at another place counts, from both places.

    Examples
    --------
    >>> cooccurrences([0, 1, 2], 3, 2).tolist()
    [[0.0, 1.0, 0.5], [1.0, 0.0, 1.0], [0.5, 1.0, 0.0]]
    """
    # BEGIN SOLUTION: for every two places at most window apart, add 1 / distance to both orders of the two words
    X = np.zeros((V, V))
    for i, word in enumerate(tokens):
        for j in range(max(0, i - window), i):
            X[word, tokens[j]] += 1 / (i - j)
            X[tokens[j], word] += 1 / (i - j)
    return X
    # END SOLUTION


# %% tags=["check"] function="cooccurrences" points=3
assert np.allclose(cooccurrences([0, 1, 2], 3, 2), [[0, 1, 0.5], [1, 0, 1], [0.5, 1, 0]])

# %% [markdown]
# ## 2. Surprise


# %%
def ppmi(X):
    """Positive pointwise mutual information, max(0, log P(i, j) / (P(i) P(j))), of a table of counts.

    P(i, j) is an entry's share of the whole table, P(i) its row's share, P(j) its column's. Where the count is 0, the
    result is 0. The logarithm is the natural one.

    Parameters
    ----------
    X : array, shape (V, V)
        With at least one count that is not 0.

    Returns
    -------
    array, shape (V, V)

    Examples
    --------
    >>> ppmi(np.array([[0.0, 1.0], [1.0, 0.0]])).round(4).tolist()
    [[0.0, 0.6931], [0.6931, 0.0]]
    """
    # BEGIN SOLUTION: divide by what chance would give, take the logarithm where it can be taken, clip at 0
    joint = X / X.sum()
    chance = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    result = np.zeros(X.shape)
    seen = X > 0
    result[seen] = np.maximum(np.log(joint[seen] / chance[seen]), 0)
    return result
    # END SOLUTION


# %% tags=["check"] function="ppmi" points=3
assert np.allclose(ppmi(np.array([[0.0, 1.0], [1.0, 0.0]])), np.log([[1, 2], [2, 1]]))

# %% [markdown]
# ## 3. GloVe's weight


# %%
def weight(x, x_max=100.0, power=0.75):
    """How much an entry counts: (x / x_max) to the power, but never more than 1.

    Parameters
    ----------
    x : array
        Counts, above 0.
    x_max, power : float

    Returns
    -------
    array, of the shape of x

    Examples
    --------
    >>> weight(np.array([1.0, 16.0, 50.0]), x_max=16.0, power=0.5).tolist()
    [0.25, 1.0, 1.0]
    """
    # BEGIN SOLUTION: the power of the ratio, with 1 as its largest value
    return np.minimum((x / x_max) ** power, 1)
    # END SOLUTION


# %% tags=["check"] function="weight" points=1
assert np.allclose(weight(np.array([1.0, 16.0, 50.0]), 16.0, 0.5), [0.25, 1, 1])

# %% [markdown]
# ## 4. GloVe's step


# %%
def glove_step(w, c, b_w, b_c, x, f, alpha):
    """One step of plain gradient descent on ½ f (w·c + b_w + b_c - log x)².

    Both vectors' gradients come from the values before the step.

    Parameters
    ----------
    w, c : arrays, shape (d,)
        Vectors of a word and of a context word. Left as they are.
    b_w, b_c : float
        Their biases.
    x : float
        How often they stand together; above 0.
    f : float
        The weight of this entry.
    alpha : float
        Learning rate.

    Returns
    -------
    array, shape (2, d + 1)
        The new w with b_w behind it, then the new c with b_c behind it.

    Examples
    --------
    >>> glove_step(np.array([1.0, 0.0]), np.array([1.0, 2.0]), 0.0, 0.0, 1.0, 1.0, 0.5).tolist()
    [[0.5, -1.0, -0.5], [0.5, 2.0, -0.5]]
    """
    # BEGIN SOLUTION: the difference in brackets, times f, is what both sides are moved by
    g = f * (w @ c + b_w + b_c - np.log(x))
    new_w = np.append(w - alpha * g * c, b_w - alpha * g)
    new_c = np.append(c - alpha * g * w, b_c - alpha * g)
    return np.stack([new_w, new_c])
    # END SOLUTION


# %% tags=["check"] function="glove_step" points=3
stepped = glove_step(np.array([1.0, 0.0]), np.array([1.0, 2.0]), 0.0, 0.0, 1.0, 1.0, 0.5)
assert np.allclose(stepped, [[0.5, -1, -0.5], [0.5, 2, -0.5]])

# %% [markdown]
# ## Now use it
#
# Once all is right, this learns from a tiny text which words are of a kind.

# %%
if __name__ == "__main__":
    text = "the cat sleeps . the dog sleeps . we eat ham . we eat bread .".split() * 40
    words = sorted(set(text))
    X = cooccurrences([words.index(word) for word in text], len(words), 2)
    rng = np.random.default_rng(1)
    W, C = rng.uniform(-0.5, 0.5, (2, len(words), 5))
    for _ in range(100):
        for i, j in np.argwhere(X > 0):
            x = X[i, j]
            W[i], C[j] = glove_step(W[i, :4], C[j, :4], W[i, 4], C[j, 4], x, float(weight(x, 40.0)), 0.05)
    vectors = (W + C)[:, :4]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for word in ("cat", "ham"):
        near = np.argsort(-(unit @ unit[words.index(word)]))
        print(word, "→", words[near[1]])


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def random_table(rng, V):
    X = rng.poisson(1.5, (V, V)).astype(float)
    return X + X.T + np.diag(np.ones(V - 1), 1) + np.diag(np.ones(V - 1), -1)


CHECKS = {
    "cooccurrences": {
        "three words": lambda rng: ([0, 1, 2], 3, 2),
        "no words": lambda rng: ([], 2, 2),
        "a word beside itself": lambda rng: ([1, 1, 1], 2, 2),
        "a narrow window": lambda rng: ([0, 1, 2, 0], 4, 1),
        "random words": lambda rng: (rng.integers(0, 6, 30).tolist(), 6, 4),
    },
    "ppmi": {
        "two words": lambda rng: (np.array([[0.0, 1.0], [1.0, 0.0]]),),
        "a frequent word": lambda rng: (np.array([[8.0, 2.0, 1.0], [2.0, 0.0, 0.0], [1.0, 0.0, 3.0]]),),
        "not symmetric": lambda rng: (np.array([[0.0, 5.0, 1.0], [1.0, 0.0, 1.0], [2.0, 0.0, 9.0]]),),
        "random counts": lambda rng: (random_table(rng, 7),),
    },
    "weight": {
        "three counts": lambda rng: (np.array([1.0, 16.0, 50.0]), 16.0, 0.5),
        "the usual numbers": lambda rng: (np.array([0.1, 1.0, 50.0, 100.0, 1e6]),),
        "random counts": lambda rng: (rng.uniform(0.1, 300, 20), 80.0, 0.6),
    },
    "glove_step": {
        "by hand": lambda rng: (np.array([1.0, 0.0]), np.array([1.0, 2.0]), 0.0, 0.0, 1.0, 1.0, 0.5),
        "biases and a count": lambda rng: (rng.normal(size=3), rng.normal(size=3), 0.7, -0.2, 5.0, 1.0, 0.1),
        "a weight": lambda rng: (rng.normal(size=4), rng.normal(size=4), 0.3, 0.1, 0.5, 0.2, 0.3),
    },
}

HINTS = {
    "cooccurrences": [
        "np.zeros((V, V)) is the table to fill.",
        "It is enough to look to the left of each place: range(max(0, i - window), i).",
        "Add 1 / (i - j) at [word, other] and at [other, word].",
    ],
    "ppmi": [
        "joint = X / X.sum() are the probabilities of pairs; its sums along both axes those of single words.",
        "np.outer makes the table of P(i) P(j).",
        "The logarithm of 0 is no number: compute it for X > 0 alone, and leave 0 elsewhere.",
    ],
    "weight": [
        "x / x_max works on all counts at once.",
        "np.minimum(…, 1) clips an array; min does not work on arrays.",
    ],
    "glove_step": [
        "What stands in the brackets, times f, is the gradient of both biases.",
        "The gradient of w is that times c, the gradient of c that times w.",
        "np.append(new_w, new_b) puts the bias behind; np.stack makes two rows of two.",
    ],
}

MISTAKES = [
    Mistake(
        "cooccurrences",
        "Every word in the window counts 1. A word at distance k counts 1 / k.",
        "X[word, tokens[j]] += 1 / (i - j)\n            X[tokens[j], word] += 1 / (i - j)",
        "X[word, tokens[j]] += 1\n            X[tokens[j], word] += 1",
    ),
    Mistake(
        "cooccurrences",
        "Only one side of the window is counted, so the table is not symmetric.",
        "X[word, tokens[j]] += 1 / (i - j)\n            X[tokens[j], word] += 1 / (i - j)",
        "X[word, tokens[j]] += 1 / (i - j)",
    ),
    Mistake(
        "cooccurrences",
        "Your window is one place too short: begin at i - window.",
        "max(0, i - window)",
        "max(0, i - window + 1)",
    ),
    Mistake(
        "cooccurrences",
        "You leave out a word that sees itself at another place. It counts, from both places.",
        "X[word, tokens[j]] += 1 / (i - j)",
        "if word == tokens[j]:\n                continue\n            X[word, tokens[j]] += 1 / (i - j)",
    ),
    Mistake(
        "cooccurrences",
        "You set entries instead of adding to them: words that meet twice count once.",
        "X[word, tokens[j]] += 1 / (i - j)\n            X[tokens[j], word] += 1 / (i - j)",
        "X[word, tokens[j]] = 1 / (i - j)\n            X[tokens[j], word] = 1 / (i - j)",
    ),
    Mistake(
        "ppmi",
        "Negative numbers remain. The first P of PPMI is “positive”: max(0, …).",
        "np.maximum(np.log(joint[seen] / chance[seen]), 0)",
        "np.log(joint[seen] / chance[seen])",
    ),
    Mistake(
        "ppmi",
        "The logarithm is missing.",
        "np.log(joint[seen] / chance[seen])",
        "joint[seen] / chance[seen]",
    ),
    Mistake(
        "ppmi",
        "You take the logarithm to base 2. The natural one is asked for.",
        "np.log(",
        "np.log2(",
    ),
    Mistake(
        "ppmi",
        "All is 0: you divide by P(i) alone, or by sums of counts that are no probabilities. Chance is P(i) P(j).",
        "np.outer(joint.sum(axis=1), joint.sum(axis=0))",
        "np.repeat(joint.sum(axis=1)[:, None], len(X), axis=1)",
    ),
    Mistake(
        "ppmi",
        "Rows and columns are exchanged: P(i) is the row's share, P(j) the column's.",
        "np.outer(joint.sum(axis=1), joint.sum(axis=0))",
        "np.outer(joint.sum(axis=0), joint.sum(axis=1))",
    ),
    Mistake(
        "weight",
        "The weight grows beyond 1. It stops there.",
        "np.minimum((x / x_max) ** power, 1)",
        "(x / x_max) ** power",
    ),
    Mistake(
        "weight",
        "The power is missing.",
        "(x / x_max) ** power",
        "x / x_max",
    ),
    Mistake(
        "weight",
        "You clip from below: rare pairs should count less, not more. It is the minimum with 1.",
        "np.minimum(",
        "np.maximum(",
    ),
    Mistake(
        "glove_step",
        "The vectors go up the gradient: subtract the step.",
        "w - alpha * g * c, b_w - alpha * g)\n    new_c = np.append(c - alpha * g * w, b_c - alpha * g)",
        "w + alpha * g * c, b_w + alpha * g)\n    new_c = np.append(c + alpha * g * w, b_c + alpha * g)",
    ),
    Mistake(
        "glove_step",
        "You compare with the count itself. The product is to be its logarithm.",
        "- np.log(x)",
        "- x",
    ),
    Mistake(
        "glove_step",
        "The weight f is missing.",
        "g = f * (",
        "g = (",
    ),
    Mistake(
        "glove_step",
        "The biases are missing in the difference.",
        "w @ c + b_w + b_c - np.log(x)",
        "w @ c - np.log(x)",
    ),
    Mistake(
        "glove_step",
        "c moves along the *new* w. Both steps come from the values before.",
        "c - alpha * g * w,",
        "c - alpha * g * new_w[:-1],",
    ),
    Mistake(
        "glove_step",
        "Each vector moves along itself. The gradient of w·c by w is c.",
        "w - alpha * g * c, b_w - alpha * g)\n    new_c = np.append(c - alpha * g * w,",
        "w - alpha * g * w, b_w - alpha * g)\n    new_c = np.append(c - alpha * g * c,",
    ),
    Mistake(
        "glove_step",
        "The biases do not move. Their gradient is f times the difference.",
        "b_w - alpha * g)\n    new_c = np.append(c - alpha * g * w, b_c - alpha * g)",
        "b_w)\n    new_c = np.append(c - alpha * g * w, b_c)",
    ),
]

ALTERNATIVES = [
    Alternative(
        "cooccurrences",
        """
def cooccurrences(tokens, V, window):
    X = [[0.0] * V for _ in range(V)]
    for i, a in enumerate(tokens):
        for j, b in enumerate(tokens):
            if 0 < abs(i - j) <= window:
                X[a][b] += 1 / abs(i - j)
    return np.array(X)
""",
    ),
    Alternative(
        "ppmi",
        """
import math

def ppmi(X):
    total, rows, columns = X.sum(), X.sum(axis=1), X.sum(axis=0)
    result = np.zeros_like(X)
    for i in range(len(X)):
        for j in range(len(X)):
            if X[i, j] > 0:
                result[i, j] = max(0.0, math.log(X[i, j] * total / (rows[i] * columns[j])))
    return result
""",
    ),
    Alternative(
        "weight",
        """
def weight(x, x_max=100.0, power=0.75):
    return np.where(x < x_max, (x / x_max) ** power, 1.0)
""",
    ),
    Alternative(
        "glove_step",
        """
def glove_step(w, c, b_w, b_c, x, f, alpha):
    step = alpha * f * (float(np.dot(w, c)) + b_w + b_c - np.log(x))
    return [[*(w - step * c), b_w - step], [*(c - step * w), b_c - step]]
""",
    ),
]
