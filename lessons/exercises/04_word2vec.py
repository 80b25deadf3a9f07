# %% [markdown]
# # Exercise 4 · Word2Vec: words are known by the company they keep
#
# You write skip-gram with negative sampling: the pairs that a window sees, the noise, one step of learning, and an
# analogy. `python -m lessons check 04` tells what is right, what is wrong and why.
#
# V is the number of words, d the number of numbers in a vector.

# %%
import numpy as np

# %% [markdown]
# ## 1. The window


# %%
def context_pairs(tokens, window):
    """All pairs of a centre and a context: two different places at most `window` apart.

    Centres come in the order of the text; the contexts of each from left to right.

    Parameters
    ----------
    tokens : list of int
    window : int
        At least 1.

    Returns
    -------
    list of (int, int)

    Examples
    --------
    >>> context_pairs([7, 8, 9], 1)
    [(7, 8), (8, 7), (8, 9), (9, 8)]
    """
    # BEGIN SOLUTION: for each place, look at the places from window before to window after, but not at itself
    pairs = []
    for i, centre in enumerate(tokens):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if j != i:
                pairs.append((centre, tokens[j]))
    return pairs
    # END SOLUTION


# %% tags=["check"] function="context_pairs" points=2
assert context_pairs([7, 8, 9], 1) == [(7, 8), (8, 7), (8, 9), (9, 8)]

# %% [markdown]
# ## 2. The noise


# %%
def noise_distribution(counts, power=0.75):
    """Probability of each word to be drawn as noise: its count to a power, divided by the sum of all.

    Parameters
    ----------
    counts : array, shape (V,)
    power : float, default 0.75

    Returns
    -------
    array, shape (V,)

    Examples
    --------
    >>> noise_distribution(np.array([16.0, 1.0]), 0.5).tolist()
    [0.8, 0.2]
    """
    # BEGIN SOLUTION: take the power of the counts first, then divide by the sum
    weights = counts**power
    return weights / weights.sum()
    # END SOLUTION


# %% tags=["check"] function="noise_distribution" points=1
assert np.allclose(noise_distribution(np.array([16.0, 1.0]), 0.5), [0.8, 0.2])

# %% [markdown]
# ## 3. One step of learning


# %%
def skipgram_step(W_in, W_out, centre, context, negatives, alpha):
    """Move the vectors of one pair, and of its noise, down the gradient.

    With v = W_in[centre], u_c = W_out[context] and the u_n of the noise words, all before the step:

        g_c = 1 - σ(u_c · v)      g_n = -σ(u_n · v)      σ(x) = 1 / (1 + e^-x)
        u_c += alpha g_c v        u_n += alpha g_n v     v += alpha (g_c u_c + Σ_n g_n u_n)

    A noise word that is the context itself is left out. One that comes twice counts twice.

    Parameters
    ----------
    W_in, W_out : arrays, shape (V, d)
        Left as they are.
    centre, context : int
    negatives : array of int, shape (K,)
    alpha : float

    Returns
    -------
    array, shape (2, V, d)
        W_in and W_out after the step.

    Examples
    --------
    >>> W_in, W_out = np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros((2, 2))
    >>> skipgram_step(W_in, W_out, 0, 1, np.array([], int), 0.5)[1].tolist()
    [[0.0, 0.0], [0.25, 0.0]]
    """
    # BEGIN SOLUTION: collect context and noise, compute their g, then add to copies of both matrices
    negatives = np.array([n for n in negatives if n != context], dtype=int)
    targets = np.concatenate([[context], negatives]).astype(int)
    labels = np.zeros(len(targets))
    labels[0] = 1
    v, U = W_in[centre], W_out[targets]
    g = labels - 1 / (1 + np.exp(-(U @ v)))
    new_in, new_out = W_in.copy(), W_out.copy()
    new_in[centre] += alpha * (g @ U)
    np.add.at(new_out, targets, alpha * np.outer(g, v))
    return np.stack([new_in, new_out])
    # END SOLUTION


# %% tags=["check"] function="skipgram_step" points=4
W_in, W_out = np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros((2, 2))
assert np.allclose(skipgram_step(W_in, W_out, 0, 1, np.array([], int), 0.5)[1], [[0, 0], [0.25, 0]])

# %% [markdown]
# ## 4. The analogy


# %%
def analogy(vectors, a, b, c):
    """The word that is to c as b is to a: the one with the largest cosine to b - a + c, but a, b and c themselves.

    The three vectors are divided by their lengths before they are added.

    Parameters
    ----------
    vectors : array, shape (V, d)
        None of them zero; at least four.
    a, b, c : int
        Rows of three words.

    Returns
    -------
    int
        The row of the answer; of equals, the lower one.

    Examples
    --------
    >>> analogy(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 0.5], [0.1, 1.0]]), 0, 1, 2)
    4
    """
    # BEGIN SOLUTION: make all vectors one long, add and subtract, take all cosines, rule the question's words out
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = unit @ (unit[b] - unit[a] + unit[c])
    scores[[a, b, c]] = -np.inf
    return int(np.argmax(scores))
    # END SOLUTION


# %% tags=["check"] function="analogy" points=3
assert analogy(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 0.5], [0.1, 1.0]]), 0, 1, 2) == 4

# %% [markdown]
# ## Now use it
#
# Once all is right, this learns from a tiny text which words are of a kind.

# %%
if __name__ == "__main__":
    text = "the cat sleeps . the dog sleeps . we eat ham . we eat bread .".split() * 40
    words = sorted(set(text))
    tokens = [words.index(word) for word in text]
    rng = np.random.default_rng(1)
    noise = noise_distribution(np.bincount(tokens))
    W = np.stack([rng.uniform(-0.1, 0.1, (len(words), 8)), np.zeros((len(words), 8))])
    for centre, context in context_pairs(tokens, 2):
        W = skipgram_step(*W, centre, context, rng.choice(len(words), 5, p=noise), 0.05)
    unit = W[0] / np.linalg.norm(W[0], axis=1, keepdims=True)
    for word in ("cat", "ham"):
        near = np.argsort(-(unit @ unit[words.index(word)]))
        print(word, "→", words[near[1]])


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def random_step(rng, negatives, d=3, V=6):
    return rng.normal(size=(V, d)), rng.normal(size=(V, d)), 2, 4, np.array(negatives, dtype=int), 0.3


CHECKS = {
    "context_pairs": {
        "three words": lambda rng: ([7, 8, 9], 1),
        "no words": lambda rng: ([], 2),
        "one word": lambda rng: ([3], 2),
        "a word that comes again": lambda rng: ([1, 1, 2, 1], 2),
        "a wide window": lambda rng: ([4, 5, 6], 10),
        "random words": lambda rng: (rng.integers(0, 9, 20).tolist(), 3),
    },
    "noise_distribution": {
        "two words": lambda rng: (np.array([16.0, 1.0]), 0.5),
        "the usual power": lambda rng: (np.array([1000.0, 10.0, 1.0]),),
        "random counts": lambda rng: (rng.integers(1, 1000, 8).astype(float), 0.6),
    },
    "skipgram_step": {
        "no noise": lambda rng: (np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros((2, 2)), 0, 1, np.array([], int), 0.5),
        "noise": lambda rng: random_step(rng, [0, 5, 1]),
        "noise that comes twice": lambda rng: random_step(rng, [3, 3, 1]),
        "the context among the noise": lambda rng: random_step(rng, [4, 0, 4]),
        "the centre among the noise": lambda rng: random_step(rng, [2, 0]),
    },
    "analogy": {
        "four corners and a decoy": lambda rng: (
            np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 0.5], [0.1, 1.0]]),
            0,
            1,
            2,
        ),
        "vectors of different lengths": lambda rng: (
            rng.normal(size=(40, 4)) * rng.uniform(0.1, 9, (40, 1)),
            3,
            11,
            7,
        ),
        "another question": lambda rng: (rng.normal(size=(60, 5)) * rng.uniform(0.1, 9, (60, 1)), 20, 1, 44),
        "a third": lambda rng: (rng.normal(size=(50, 3)) * rng.uniform(0.1, 9, (50, 1)), 0, 30, 31),
    },
}

HINTS = {
    "context_pairs": [
        "enumerate(tokens) gives each place i with its word.",
        "The window reaches from max(0, i - window) to min(len(tokens), i + window + 1), the end left out.",
        "Leave out j == i: the same place, not the same word.",
    ],
    "noise_distribution": [
        "counts**power works on all words at once.",
        "Divide by the sum of the powers, so that all probabilities add up to 1.",
    ],
    "skipgram_step": [
        "First drop negatives that equal the context. Then W_out[targets] gives all output vectors at once.",
        "g is 1 - σ(score) for the context and -σ(score) for the noise: labels - σ(scores).",
        "Compute every g and every step before you change anything; change copies.",
        "np.add.at(new_out, targets, steps) adds twice for a row that comes twice; new_out[targets] += steps does not.",
    ],
    "analogy": [
        "np.linalg.norm(vectors, axis=1, keepdims=True) gives every row's length, as a column.",
        "unit @ direction gives numbers in the order of the cosines.",
        "Set the scores of a, b and c to -inf before you take argmax.",
    ],
}

MISTAKES = [
    Mistake(
        "context_pairs",
        "Your window ends one place too early on the right: range leaves its end out, so it must be i + window + 1.",
        "min(len(tokens), i + window + 1)",
        "min(len(tokens), i + window)",
    ),
    Mistake(
        "context_pairs",
        "Your window reaches below 0 on the left, where an index counts from the end. Begin at max(0, i - window).",
        "range(max(0, i - window), min(len(tokens), i + window + 1))",
        "range(i - window, min(len(tokens), i + window + 1))",
    ),
    Mistake(
        "context_pairs",
        "The centre is paired with itself. Leave j == i out.",
        "if j != i:",
        "if True:",
    ),
    Mistake(
        "context_pairs",
        "You leave out contexts that are the same *word* as the centre. Only the same place is left out: j != i.",
        "if j != i:",
        "if tokens[j] != centre:",
    ),
    Mistake(
        "context_pairs",
        "You look to the right only. A word sees both sides.",
        "range(max(0, i - window),",
        "range(i,",
    ),
    Mistake(
        "context_pairs",
        "Your pairs are the wrong way round: (centre, context).",
        "(centre, tokens[j])",
        "(tokens[j], centre)",
    ),
    Mistake(
        "noise_distribution",
        "The power is missing: noise is drawn by count to the power, not by count.",
        "counts**power",
        "counts * 1.0",
    ),
    Mistake(
        "noise_distribution",
        "You divide first and take the power then, so the sum is not 1. Take the power first.",
        "weights = counts**power\n    return weights / weights.sum()",
        "return (counts / counts.sum()) ** power",
    ),
    Mistake(
        "noise_distribution",
        "Your power is turned round (1 / power or its like): frequent words must lose, not win.",
        "counts**power",
        "counts ** (1 / power)",
    ),
    Mistake(
        "noise_distribution",
        "The powers are not divided by their sum.",
        "return weights / weights.sum()",
        "return weights",
    ),
    Mistake(
        "skipgram_step",
        "A noise word that comes twice moves once only: new_out[targets] += … writes each row once. Use np.add.at.",
        "np.add.at(new_out, targets, alpha * np.outer(g, v))",
        "new_out[targets] += alpha * np.outer(g, v)",
    ),
    Mistake(
        "skipgram_step",
        "The context is pushed away as noise when it is drawn as such. Leave such negatives out.",
        "[n for n in negatives if n != context]",
        "list(negatives)",
    ),
    Mistake(
        "skipgram_step",
        "You move up the gradient: the context goes away and the noise comes near. Turn the sign of g.",
        "g = labels - 1 / (1 + np.exp(-(U @ v)))",
        "g = 1 / (1 + np.exp(-(U @ v))) - labels",
    ),
    Mistake(
        "skipgram_step",
        "The context's label is 0, as if it were noise. Its g is 1 - σ.",
        "labels[0] = 1",
        "labels[0] = 0",
    ),
    Mistake(
        "skipgram_step",
        "The output vectors move along the centre's *new* vector. All steps come from the values before.",
        "alpha * np.outer(g, v)",
        "alpha * np.outer(g, new_in[centre])",
    ),
    Mistake(
        "skipgram_step",
        "The sigmoid has the wrong sign: σ(x) = 1 / (1 + e^-x).",
        "np.exp(-(U @ v))",
        "np.exp(U @ v)",
    ),
    Mistake(
        "skipgram_step",
        "The centre's vector does not move. It goes along Σ g u.",
        "new_in[centre] += alpha * (g @ U)",
        "new_in[centre] += 0",
    ),
    Mistake(
        "skipgram_step",
        "You change the matrices that were passed to you. Work on copies.",
        "new_in, new_out = W_in.copy(), W_out.copy()",
        "new_in, new_out = W_in, W_out",
    ),
    Mistake(
        "skipgram_step",
        "The learning rate is missing.",
        "new_in[centre] += alpha * (g @ U)\n    np.add.at(new_out, targets, alpha * np.outer(g, v))",
        "new_in[centre] += g @ U\n    np.add.at(new_out, targets, np.outer(g, v))",
    ),
    Mistake(
        "analogy",
        "The answer is one of the question's own words. Rule a, b and c out.",
        "scores[[a, b, c]] = -np.inf\n    ",
        "",
    ),
    Mistake(
        "analogy",
        "The relation is the wrong way round: b - a + c, not a - b + c.",
        "unit[b] - unit[a] + unit[c]",
        "unit[a] - unit[b] + unit[c]",
    ),
    Mistake(
        "analogy",
        "The vectors are not divided by their lengths: long ones win.",
        "vectors / np.linalg.norm(vectors, axis=1, keepdims=True)",
        "vectors * 1.0",
    ),
    Mistake(
        "analogy",
        "You return the worst word: take argmax, not argmin.",
        "scores[[a, b, c]] = -np.inf\n    return int(np.argmax(scores))",
        "scores[[a, b, c]] = np.inf\n    return int(np.argmin(scores))",
    ),
]

ALTERNATIVES = [
    Alternative(
        "context_pairs",
        """
def context_pairs(tokens, window):
    n = len(tokens)
    return [(tokens[i], tokens[j]) for i in range(n) for j in range(n) if 0 < abs(i - j) <= window]
""",
    ),
    Alternative(
        "noise_distribution",
        """
def noise_distribution(counts, power=0.75):
    weights = [float(count) ** power for count in counts]
    total = sum(weights)
    return [weight / total for weight in weights]
""",
    ),
    Alternative(
        "skipgram_step",
        """
import math

def skipgram_step(W_in, W_out, centre, context, negatives, alpha):
    after = np.array([W_in, W_out], dtype=float)
    v = W_in[centre]
    pairs = [(context, 1)] + [(n, 0) for n in negatives if n != context]
    for target, label in pairs:
        u = W_out[target]
        g = label - 1 / (1 + math.exp(-float(u @ v)))
        after[0, centre] += alpha * g * u
        after[1, target] += alpha * g * v
    return after
""",
    ),
    Alternative(
        "analogy",
        """
def analogy(vectors, a, b, c):
    lengths = np.sqrt((vectors**2).sum(axis=1))
    wanted = vectors[b] / lengths[b] - vectors[a] / lengths[a] + vectors[c] / lengths[c]
    best, best_score = None, -np.inf
    for i, vector in enumerate(vectors):
        if i not in (a, b, c):
            score = vector @ wanted / lengths[i]
            if score > best_score:
                best, best_score = i, score
    return best
""",
    ),
]
