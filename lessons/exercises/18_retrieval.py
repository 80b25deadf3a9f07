# %% [markdown]
# # Exercise 18 · Retrieval: one picture among many
#
# You find the words of pictures, count and weigh them, and add up what VLAD keeps. `python -m lessons check 18` tells
# what is right, what is wrong and why.
#
# n is the number of descriptors, k of words, d of numbers in each.

# %%
import numpy as np

# %% [markdown]
# ## 1. The nearest word


# %%
def assign(descriptors, words):
    """The number of the word nearest to each descriptor by Euclidean distance; of equals, the first.

    Parameters
    ----------
    descriptors : array, shape (n, d)
    words : array, shape (k, d)

    Returns
    -------
    array of int, shape (n,)

    Examples
    --------
    >>> assign(np.array([[0.1, 0.0], [0.9, 1.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])).tolist()
    [0, 1]
    """
    # BEGIN SOLUTION: squared differences of every pair, added up over the numbers; the smallest over the words
    return ((descriptors[:, None] - words) ** 2).sum(axis=2).argmin(axis=1)
    # END SOLUTION


# %% tags=["check"] function="assign" points=2
assert assign(np.array([[0.1, 0.0], [0.9, 1.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])).tolist() == [0, 1]

# %% [markdown]
# ## 2. A step of k-means


# %%
def move_words(descriptors, words, numbers):
    """Each word moves to the mean of the descriptors that are assigned to it; one without any stays where it is.

    Parameters
    ----------
    descriptors : array, shape (n, d)
    words : array, shape (k, d)
        Left as they are.
    numbers : array of int, shape (n,)
        The word of each descriptor.

    Returns
    -------
    array, shape (k, d)

    Examples
    --------
    >>> move_words(np.array([[0.0], [2.0]]), np.array([[5.0], [9.0]]), np.array([0, 0])).tolist()
    [[1.0], [9.0]]
    """
    # BEGIN SOLUTION: a copy of the words; the mean of the rows with each number, if there are any
    moved = words.copy()
    for i in range(len(words)):
        if (numbers == i).any():
            moved[i] = descriptors[numbers == i].mean(axis=0)
    return moved
    # END SOLUTION


# %% tags=["check"] function="move_words" points=2
assert move_words(np.array([[0.0], [2.0]]), np.array([[5.0], [9.0]]), np.array([0, 0])).tolist() == [[1], [9]]

# %% [markdown]
# ## 3. Weights


# %%
def weigh(counts):
    """TF-IDF of counts: each times ln((1 + N) / (1 + number of pictures with the word)) + 1, rows of length 1.

    Parameters
    ----------
    counts : array of int, shape (N, k)
        How often each word occurs in each picture.

    Returns
    -------
    array, shape (N, k)
        A picture without words stays zeros.

    Examples
    --------
    >>> weigh(np.array([[1, 0], [1, 1]])).round(3).tolist()
    [[1.0, 0.0], [0.58, 0.815]]
    """
    # BEGIN SOLUTION: count the pictures with each word, weigh the columns, then divide the rows by their length
    idf = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1
    weighted = counts * idf
    lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
    return weighted / np.where(lengths > 0, lengths, 1)
    # END SOLUTION


# %% tags=["check"] function="weigh" points=3
assert np.allclose(weigh(np.array([[1, 0], [1, 1]])), [[1, 0], [0.5797, 0.8148]], atol=1e-3)

# %% [markdown]
# ## 4. VLAD


# %%
def vlad(descriptors, words, numbers):
    """For each word, the sum of its descriptors' differences from it, divided by its length; then all of length 1.

    Parameters
    ----------
    descriptors : array, shape (n, d)
    words : array, shape (k, d)
    numbers : array of int, shape (n,)
        The word of each descriptor.

    Returns
    -------
    array, shape (k d,)
        Word after word. The part of a word without descriptors, or whose differences cancel, is zeros.

    Examples
    --------
    >>> vlad(np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 0.0], [9.0, 9.0]]), np.array([0, 0])).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    # BEGIN SOLUTION: a row of sums for each word, each row divided by its length, and the flat vector by its own
    sums = np.zeros(words.shape)
    for x, i in zip(descriptors, numbers, strict=True):
        sums[i] += x - words[i]
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return sums.ravel() / max(np.linalg.norm(sums), 1e-12)
    # END SOLUTION


# %% tags=["check"] function="vlad" points=3
found = vlad(np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 0.0], [9.0, 9.0]]), np.array([0, 0]))
assert np.allclose(found, [1, 0, 0, 0])

# %% [markdown]
# ## Now use it
#
# Once all is right, this finds the three heaps that descriptors were made of.

# %%
if __name__ == "__main__":
    rng = np.random.default_rng(1)
    heaps = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    descriptors = (heaps[:, None] + rng.normal(size=(3, 50, 2)) * 0.5).reshape(-1, 2)
    words = descriptors[[0, 60, 120]]
    for _ in range(10):
        words = move_words(descriptors, words, assign(descriptors, words))
    print(words.round(1))


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def assigned(rng, n=12, k=3, d=4):
    """Descriptors, words, and a word for each descriptor; the last word has none."""
    return rng.normal(size=(n, d)), rng.normal(size=(k, d)), rng.integers(0, k - 1, n)


CHECKS = {
    "assign": {
        "two": lambda rng: (np.array([[0.1, 0.0], [0.9, 1.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])),
        "equals": lambda rng: (np.array([[0.5]]), np.array([[0.0], [1.0]])),
        "long words": lambda rng: (rng.normal(size=(9, 3)), 10.0 ** np.arange(4)[:, None] * rng.normal(size=(4, 3))),
        "corners": lambda rng: (np.array([[0.0, 0.0]]), np.array([[3.0, 0.0], [2.0, 2.0]])),
    },
    "move_words": {
        "one stays": lambda rng: (np.array([[0.0], [2.0]]), np.array([[5.0], [9.0]]), np.array([0, 0])),
        "noise": assigned,
    },
    "weigh": {
        "two pictures": lambda rng: (np.array([[1, 0], [1, 1]]),),
        "an empty picture": lambda rng: (np.array([[0, 0, 0], [2, 0, 1]]),),
        "counts": lambda rng: (rng.poisson(1.0, (5, 6)),),
    },
    "vlad": {
        "two": lambda rng: (np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 0.0], [9.0, 9.0]]), np.array([0, 0])),
        "none": lambda rng: (np.zeros((0, 2)), np.ones((3, 2)), np.zeros(0, int)),
        "noise": assigned,
        "uneven heaps": lambda rng: (rng.normal(size=(9, 2)) + 3, np.zeros((2, 2)), np.array([0] * 8 + [1])),
    },
}

HINTS = {
    "assign": [
        "descriptors[:, None] - words has the shape (n, k, d).",
        "Square, add up over the last axis, and take argmin over the words.",
    ],
    "move_words": [
        "descriptors[numbers == i] are those of word i.",
        "Their mean over axis 0 is the new place; without any there is no mean.",
        "words.copy() keeps the argument as it was.",
    ],
    "weigh": [
        "(counts > 0).sum(axis=0) is how many pictures hold each word.",
        "np.linalg.norm(…, axis=1, keepdims=True) are the lengths of the rows; where one is 0, divide by 1.",
    ],
    "vlad": [
        "sums[numbers[j]] += descriptors[j] - words[numbers[j]] for each j.",
        "First each row gets length 1, then the whole; np.maximum(length, 1e-12) avoids 0 / 0.",
    ],
}

MISTAKES = [
    Mistake("assign", "You take the farthest word. The nearest one is asked for.", "argmin(axis=1)", "argmax(axis=1)"),
    Mistake(
        "assign",
        "You compare products. The nearest by Euclidean distance is another one where words differ in length.",
        "((descriptors[:, None] - words) ** 2).sum(axis=2).argmin(axis=1)",
        "(descriptors @ words.T).argmax(axis=1)",
    ),
    Mistake(
        "assign",
        "You add up absolute differences, which is the city-block distance.",
        "((descriptors[:, None] - words) ** 2)",
        "np.abs(descriptors[:, None] - words)",
    ),
    Mistake(
        "move_words",
        "A word takes the sum of its descriptors. Its place is their mean.",
        "descriptors[numbers == i].mean(axis=0)",
        "descriptors[numbers == i].sum(axis=0)",
    ),
    Mistake(
        "move_words",
        "A word without descriptors becomes zeros. It stays where it is.",
        "moved = words.copy()",
        "moved = np.zeros(words.shape)",
    ),
    Mistake(
        "weigh",
        "You count how often a word occurs at all. IDF counts the pictures that hold it.",
        "(counts > 0).sum(axis=0)",
        "counts.sum(axis=0)",
    ),
    Mistake(
        "weigh",
        "The rows have not length 1.",
        "return weighted / np.where(lengths > 0, lengths, 1)",
        "return weighted",
    ),
    Mistake(
        "weigh",
        "The 1 behind the logarithm is missing: a word in all pictures would weigh nothing.",
        "(1 + (counts > 0).sum(axis=0))) + 1",
        "(1 + (counts > 0).sum(axis=0)))",
    ),
    Mistake(
        "vlad",
        "You add up the descriptors themselves. VLAD adds up their differences from the word.",
        "x - words[i]",
        "x",
    ),
    Mistake("vlad", "The differences point the wrong way: descriptor minus word.", "x - words[i]", "words[i] - x"),
    Mistake(
        "vlad",
        "Each word's sum must be divided by its own length first, or a frequent word outweighs the others.",
        "sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)",
        "pass",
    ),
]

ALTERNATIVES = [
    Alternative(
        "assign",
        """
def assign(descriptors, words):
    return np.array([np.argmin([np.linalg.norm(x - c) for c in words]) for x in descriptors], dtype=int)
""",
    ),
    Alternative(
        "move_words",
        """
def move_words(descriptors, words, numbers):
    rows = [descriptors[numbers == i] for i in range(len(words))]
    return np.array([np.mean(r, axis=0) if len(r) else c for r, c in zip(rows, words, strict=True)])
""",
    ),
    Alternative(
        "weigh",
        """
def weigh(counts):
    N, k = counts.shape
    result = np.zeros((N, k))
    for j in range(k):
        holds = sum(1 for i in range(N) if counts[i, j] > 0)
        result[:, j] = counts[:, j] * (np.log((1 + N) / (1 + holds)) + 1)
    for row in result:
        if row.any():
            row /= np.sqrt((row**2).sum())
    return result
""",
    ),
    Alternative(
        "vlad",
        """
def vlad(descriptors, words, numbers):
    parts = []
    for i, c in enumerate(words):
        total = (descriptors[numbers == i] - c).sum(axis=0)
        length = np.linalg.norm(total)
        parts.append(total / length if length > 0 else total)
    flat = np.concatenate(parts)
    length = np.linalg.norm(flat)
    return flat / length if length > 0 else flat
""",
    ),
]
