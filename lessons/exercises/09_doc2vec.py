# %% [markdown]
# # Exercise 9 · Doc2Vec: a vector for every document
#
# You write the input of PV-DM, a step of PV-DBOW, the strands that keep a document's words apart, and the inference of
# an unseen document. `python -m lessons check 09` tells what is right, what is wrong and why.
#
# V is the number of words, d the number of numbers in a vector, K the number of noise words.

# %%
import numpy as np

# %% [markdown]
# ## 1. The input of PV-DM


# %%
def window_input(document, words, vectors, i, reach):
    """The mean of the document's vector and of the vectors of the words around word i.

    Parameters
    ----------
    document : array, shape (d,)
    words : list of int
        The document's words, as rows of `vectors`.
    vectors : array, shape (V, d)
    i : int
        The word in the middle, which is not part of the input.
    reach : int
        How many words count to each side; fewer where the document begins or ends.

    Returns
    -------
    array, shape (d,)
        The document itself, if word i stands alone.

    Examples
    --------
    >>> window_input(np.array([3.0, 0.0]), [0, 1, 0], np.array([[0.0, 3.0], [9.0, 9.0]]), 1, 5).tolist()
    [1.0, 2.0]
    """
    # BEGIN SOLUTION: collect the places from i - reach to i + reach that exist, but i; take the mean of all rows
    places = [j for j in range(max(i - reach, 0), min(i + reach + 1, len(words))) if j != i]
    rows = [document, *(vectors[words[j]] for j in places)]
    return np.mean(rows, axis=0)
    # END SOLUTION


# %% tags=["check"] function="window_input" points=3
assert np.allclose(window_input(np.array([3.0, 0]), [0, 1, 0], np.array([[0, 3.0], [9, 9]]), 1, 5), [1, 2])

# %% [markdown]
# ## 2. A step of PV-DBOW


# %%
def sigmoid(x):
    """1 / (1 + e^-x), for you to use."""
    return 1 / (1 + np.exp(-x))


def dbow_step(document, outputs, word, noise, alpha):
    """The document's vector after it was asked for one of its words: away from noise, towards the word.

    d + α ((1 - σ(u_w · d)) u_w - Σ_k σ(u_k · d) u_k), over the noise words k that are not the word itself.

    Parameters
    ----------
    document : array, shape (d,)
        Left as it is.
    outputs : array, shape (V, d)
        u of each word; they stay.
    word : int
    noise : list of int
        K noise words; one that comes twice counts twice.
    alpha : float

    Returns
    -------
    array, shape (d,)

    Examples
    --------
    >>> dbow_step(np.zeros(2), np.array([[4.0, 0.0], [0.0, 4.0]]), 0, [1, 0], 0.5).tolist()
    [1.0, -1.0]
    """
    # BEGIN SOLUTION: begin with a copy; add the word's step and each noise word's, all computed from the old document
    new = document + alpha * (1 - sigmoid(outputs[word] @ document)) * outputs[word]
    for k in noise:
        if k != word:
            new = new - alpha * sigmoid(outputs[k] @ document) * outputs[k]
    return new
    # END SOLUTION


# %% tags=["check"] function="dbow_step" points=4
assert np.allclose(dbow_step(np.zeros(2), np.array([[4.0, 0.0], [0.0, 4.0]]), 0, [1, 0], 0.5), [1, -1])

# %% [markdown]
# ## 3. Strands


# %%
def strands(n, count):
    """The numbers 0 to n - 1 cut into `count` strands of one length, then one number of each strand in turn.

    The length is n / count, rounded up: the last strands may be shorter, or empty.

    Parameters
    ----------
    n, count : int

    Returns
    -------
    list of int

    Examples
    --------
    >>> strands(7, 2)
    [0, 4, 1, 5, 2, 6, 3]
    """
    # BEGIN SOLUTION: the strand s has the numbers s · length to (s + 1) · length - 1; leave out those from n on
    length = -(-n // count)
    return [s * length + place for place in range(length) for s in range(count) if s * length + place < n]
    # END SOLUTION


# %% tags=["check"] function="strands" points=2
assert strands(7, 2) == [0, 4, 1, 5, 2, 6, 3]

# %% [markdown]
# ## 4. Inference


# %%
def infer(words, outputs, noise, alphas):
    """The vector of an unseen document by PV-DBOW: from zeros, one step for each word, epoch after epoch.

    Parameters
    ----------
    words : list of int
        N words; -1 stands for one that is unknown, and is passed over.
    outputs : array, shape (V, d)
    noise : array, shape (epochs, N, K), int
        ``noise[epoch, i]`` are the noise words of the word at place i.
    alphas : array, shape (epochs,)
        The learning rate of each epoch.

    Returns
    -------
    array, shape (d,)

    Examples
    --------
    >>> infer([0, -1], np.array([[4.0, 0.0], [0.0, 4.0]]), np.array([[[1], [1]]]), np.array([0.5])).tolist()
    [1.0, -1.0]
    """
    # BEGIN SOLUTION: np.zeros, then for each epoch and each known word a dbow_step with the noise and rate of its own
    document = np.zeros(outputs.shape[1])
    for epoch, alpha in enumerate(alphas):
        for i, word in enumerate(words):
            if word >= 0:
                document = dbow_step(document, outputs, word, noise[epoch, i], alpha)
    return document
    # END SOLUTION


# %% tags=["check"] function="infer" points=3
assert np.allclose(infer([0, -1], np.array([[4.0, 0], [0, 4]]), np.array([[[1], [1]]]), np.array([0.5])), [1, -1])

# %% [markdown]
# ## Now use it
#
# Once all is right: output vectors that `Doc2Vec` learned from a little world, and your inference of three sentences.

# %%
if __name__ == "__main__":
    from embeddings.datasets import toy_world
    from embeddings.text import Doc2Vec, tokenize

    world = toy_world(3000, language="en", seed=1).sentences
    model = Doc2Vec(dm=False, vector_size=16, min_count=1, alpha=0.1, epochs=30, seed=1).fit(world)
    outputs, words = model.context_vectors_.astype(float), model.index_to_key_
    rng = np.random.default_rng(0)
    X = []
    for sentence in ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"]:
        rows = [words.index(token) if token in words else -1 for token in tokenize(sentence)]
        noise = rng.integers(0, len(words), (30, len(rows), 5))
        X.append(infer(rows, outputs, noise, np.linspace(0.1, 0.001, 30)))
    X = np.array(X) / np.linalg.norm(X, axis=1, keepdims=True)
    print((X @ X.T).round(2))


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def random_document(rng, epochs=3, n=5, V=6, K=3):
    words = rng.integers(-1, V, n).tolist()
    return words, rng.normal(size=(V, 4)), rng.integers(0, V, (epochs, n, K)), np.linspace(0.5, 0.1, epochs)


CHECKS = {
    "window_input": {
        "three words": lambda rng: (np.array([3.0, 0.0]), [0, 1, 0], np.array([[0.0, 3.0], [9.0, 9.0]]), 1, 5),
        "a word alone": lambda rng: (np.array([1.0, 2.0]), [0], np.array([[5.0, 5.0]]), 0, 2),
        "the first word": lambda rng: (rng.normal(size=3), [0, 1, 2, 3], rng.normal(size=(4, 3)), 0, 2),
        "the last word": lambda rng: (rng.normal(size=3), [0, 1, 2, 3], rng.normal(size=(4, 3)), 3, 1),
        "the same word again": lambda rng: (rng.normal(size=2), [1, 1, 0, 1], rng.normal(size=(2, 2)), 1, 2),
        "a long document": lambda rng: (
            rng.normal(size=4),
            rng.integers(0, 9, 20).tolist(),
            rng.normal(size=(9, 4)),
            9,
            3,
        ),
    },
    "dbow_step": {
        "a word and a noise word": lambda rng: (np.zeros(2), np.array([[4.0, 0.0], [0.0, 4.0]]), 0, [1, 0], 0.5),
        "no noise": lambda rng: (np.array([1.0, 0.0]), np.array([[1.0, 1.0]]), 0, [], 1.0),
        "noise that comes twice": lambda rng: (rng.normal(size=2), rng.normal(size=(3, 2)), 0, [2, 2, 1], 0.3),
        "noise that is the word": lambda rng: (rng.normal(size=3), rng.normal(size=(4, 3)), 2, [2, 2, 1], 0.5),
        "random": lambda rng: (rng.normal(size=5), rng.normal(size=(9, 5)), 4, rng.integers(0, 9, 6).tolist(), 0.2),
    },
    "strands": {
        "seven": lambda rng: (7, 2),
        "whole strands": lambda rng: (12, 4),
        "one strand": lambda rng: (4, 1),
        "more strands than numbers": lambda rng: (3, 5),
        "nothing": lambda rng: (0, 3),
        "many": lambda rng: (50, 7),
    },
    "infer": {
        "an unknown word": lambda rng: (
            [0, -1],
            np.array([[4.0, 0.0], [0.0, 4.0]]),
            np.array([[[1], [1]]]),
            np.array([0.5]),
        ),
        "no known word": lambda rng: ([-1], rng.normal(size=(3, 2)), np.zeros((2, 1, 1), int), np.array([0.5, 0.1])),
        "no word": lambda rng: ([], rng.normal(size=(3, 2)), np.zeros((2, 0, 1), int), np.array([0.5, 0.1])),
        "one epoch": lambda rng: random_document(rng, epochs=1),
        "three epochs": lambda rng: random_document(rng),
        "a document of known words": lambda rng: ([1, 0, 2], *random_document(rng, n=3)[1:]),
    },
}

HINTS = {
    "window_input": [
        "range(max(i - reach, 0), min(i + reach + 1, len(words))) are the places around i, and i itself.",
        "vectors[words[j]] is the vector of the word at place j.",
        "Put the document into the same list as the words' vectors and take np.mean(rows, axis=0).",
    ],
    "dbow_step": [
        "outputs[word] @ document is the score; 1 - sigmoid(score) is how wrong it is.",
        "For noise, sigmoid(score) is how wrong it is, and the step goes the other way.",
        "All scores belong to the document as it was: do not use the new one in the loop.",
    ],
    "strands": [
        "-(-n // count) is n / count rounded up.",
        "The outer loop goes over places in a strand, the inner one over the strands.",
        "The last strands may have no number at this place: leave out what is n or more.",
    ],
    "infer": [
        "Two loops: over the epochs outside, over the words inside.",
        "dbow_step gives the new document; the next word goes on from it.",
        "noise[epoch, i] belongs to place i, whatever was passed over before it.",
    ],
}

MISTAKES = [
    Mistake(
        "window_input",
        "The word in the middle is part of your input. It is what is to be predicted: leave it out.",
        " if j != i]",
        "]",
    ),
    Mistake(
        "window_input",
        "Your window ends one word early on the right: range leaves out its last number.",
        "i + reach + 1",
        "i + reach",
    ),
    Mistake(
        "window_input",
        "The document is missing: what you have is CBOW's input.",
        "return np.mean(rows, axis=0)",
        "return np.mean(rows[1:], axis=0) if len(rows) > 1 else document",
    ),
    Mistake(
        "window_input",
        "You return the sum. The mean is asked for.",
        "np.mean(rows, axis=0)",
        "np.sum(rows, axis=0)",
    ),
    Mistake(
        "window_input",
        "You leave out every place that holds the same word as place i. Only place i itself is left out.",
        "if j != i]",
        "if words[j] != words[i]]",
    ),
    Mistake(
        "window_input",
        "The document counts as much as all words together. It is one row among the others.",
        "return np.mean(rows, axis=0)",
        "return (document + np.mean(rows[1:], axis=0)) / 2 if len(rows) > 1 else document",
    ),
    Mistake(
        "dbow_step",
        "A noise word that is the word itself is pushed away. It is no noise: pass over it.",
        "if k != word:",
        "if True:",
    ),
    Mistake(
        "dbow_step",
        "You compute the noise words' scores with the document that has already moved. All belong to the old one.",
        "sigmoid(outputs[k] @ document)",
        "sigmoid(outputs[k] @ new)",
    ),
    Mistake(
        "dbow_step",
        "The document moves towards noise. It must go away from it: subtract.",
        "new = new - alpha",
        "new = new + alpha",
    ),
    Mistake(
        "dbow_step",
        "For the word, you move by σ of the score: more, the surer it was. How wrong it was is 1 - σ.",
        "(1 - sigmoid(outputs[word] @ document))",
        "sigmoid(outputs[word] @ document)",
    ),
    Mistake(
        "dbow_step",
        "The learning rate is missing for the noise.",
        "new = new - alpha * sigmoid",
        "new = new - sigmoid",
    ),
    Mistake(
        "dbow_step",
        "A noise word that was drawn twice counts once. It counts twice.",
        "for k in noise:",
        "for k in set(noise):",
    ),
    Mistake(
        "strands",
        "The loops stand the other way around: you give one strand after the other, which is the old order.",
        "for place in range(length) for s in range(count)",
        "for s in range(count) for place in range(length)",
    ),
    Mistake(
        "strands",
        "You take every count-th number. Neighbours would stay together: a strand is a stretch, not a comb.",
        "s * length + place for place",
        "place * count + s for place",
    ),
    Mistake(
        "strands",
        "The length is rounded down, so that the last numbers are lost. Round up.",
        "length = -(-n // count)",
        "length = n // count",
    ),
    Mistake(
        "infer",
        "The words begin again from zeros in every epoch. The vector goes on from where it was.",
        "for epoch, alpha in enumerate(alphas):\n",
        "for epoch, alpha in enumerate(alphas):\n        document = np.zeros(outputs.shape[1])\n",
    ),
    Mistake(
        "infer",
        "All epochs use the noise of the first one. It is drawn anew: noise[epoch, i].",
        "noise[epoch, i]",
        "noise[0, i]",
    ),
    Mistake(
        "infer",
        "All epochs use the first learning rate. Each has its own.",
        "noise[epoch, i], alpha)",
        "noise[epoch, i], alphas[0])",
    ),
    Mistake(
        "infer",
        "An unknown word, -1, is looked up: that is the last row. Pass over it.",
        "if word >= 0:",
        "if True:",
    ),
    Mistake(
        "infer",
        "The word with number 0 is passed over, too. Only -1 is unknown.",
        "if word >= 0:",
        "if word > 0:",
    ),
]

ALTERNATIVES = [
    Alternative(
        "window_input",
        """
def window_input(document, words, vectors, i, reach):
    around = words[max(i - reach, 0):i] + words[i + 1:i + 1 + reach]
    return (document + vectors[np.array(around, int)].sum(axis=0)) / (1 + len(around))
""",
    ),
    Alternative(
        "dbow_step",
        """
def dbow_step(document, outputs, word, noise, alpha):
    targets = [word] + [k for k in noise if k != word]
    labels = np.zeros(len(targets))
    labels[0] = 1
    U = outputs[targets]
    return document + alpha * (labels - 1 / (1 + np.exp(-(U @ document)))) @ U
""",
    ),
    Alternative(
        "strands",
        """
def strands(n, count):
    length = (n + count - 1) // count
    columns = np.arange(count * length).reshape(count, length).T.ravel()
    return columns[columns < n].tolist()
""",
    ),
    Alternative(
        "infer",
        """
def infer(words, outputs, noise, alphas):
    d = np.zeros(outputs.shape[1])
    for epoch in range(len(alphas)):
        for i in range(len(words)):
            if words[i] != -1:
                d = dbow_step(d, outputs, words[i], noise[epoch][i], alphas[epoch])
    return d
""",
    ),
]
