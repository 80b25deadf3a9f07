# %% [markdown]
# # Exercise 6 · FastText: words are made of pieces
#
# You cut words into n-grams, hash them, put a vector together and hand a step on to the pieces.
# `python -m lessons check 06` tells what is right, what is wrong and why.
#
# R is the number of rows (buckets), d the number of numbers in a vector.

# %%
import numpy as np

# %% [markdown]
# ## 1. The pieces


# %%
def ngrams(word, min_n, max_n):
    """All runs of `min_n` to `max_n` characters of the word written between < and >.

    In the order of where they begin, then of their length. (A lone < or > cannot come up: min_n is at least 2 here.)

    Parameters
    ----------
    word : str
    min_n, max_n : int
        2 ≤ min_n ≤ max_n.

    Returns
    -------
    list of str

    Examples
    --------
    >>> ngrams("cat", 3, 4)
    ['<ca', '<cat', 'cat', 'cat>', 'at>']
    """
    # BEGIN SOLUTION: put the brackets on, then take every length at every place where it fits
    bracketed = "<" + word + ">"
    pieces = []
    for i in range(len(bracketed)):
        for n in range(min_n, max_n + 1):
            if i + n <= len(bracketed):
                pieces.append(bracketed[i : i + n])
    return pieces
    # END SOLUTION


# %% tags=["check"] function="ngrams" points=3
assert ngrams("cat", 3, 4) == ["<ca", "<cat", "cat", "cat>", "at>"]

# %% [markdown]
# ## 2. The hash


# %%
def bucket_of(piece, R):
    """The row of an n-gram: FNV-1a of its UTF-8 bytes, modulo R.

    h starts as 2166136261. For every byte: h = h xor byte; then h = h · 16777619, of which the lowest 32 bits are kept.
    (Here bytes are unsigned, as in the textbook; fastText's own quirk is left out.)

    Parameters
    ----------
    piece : str
    R : int

    Returns
    -------
    int

    Examples
    --------
    >>> bucket_of("a", 1000)
    220
    """
    # BEGIN SOLUTION: encode, then xor and multiply byte by byte; keep 32 bits each time; modulo R at the end
    h = 2166136261
    for byte in piece.encode("utf-8"):
        h = h ^ byte
        h = h * 16777619 % 2**32
    return h % R
    # END SOLUTION


# %% tags=["check"] function="bucket_of" points=2
assert bucket_of("a", 1000) == ((2166136261 ^ 97) * 16777619 % 2**32) % 1000

# %% [markdown]
# ## 3. The vector of an unseen word


# %%
def unseen_vector(rows, table):
    """The mean of the rows of a word's n-grams; zeros if it has none.

    Parameters
    ----------
    rows : list of int
        Rows of the n-grams, from 0 to R - 1; one that comes twice counts twice.
    table : array, shape (R, d)

    Returns
    -------
    array, shape (d,)

    Examples
    --------
    >>> unseen_vector([0, 2], np.array([[1.0, 0.0], [9.0, 9.0], [0.0, 3.0]])).tolist()
    [0.5, 1.5]
    """
    # BEGIN SOLUTION: take the rows and their mean, and mind the word without n-grams
    if len(rows) == 0:
        return np.zeros(table.shape[1])
    return table[rows].mean(axis=0)
    # END SOLUTION


# %% tags=["check"] function="unseen_vector" points=2
assert np.allclose(unseen_vector([0, 2], np.array([[1.0, 0.0], [9.0, 9.0], [0.0, 3.0]])), [0.5, 1.5])

# %% [markdown]
# ## 4. The step of the pieces


# %%
def hand_on(table, rows, step):
    """Add a word's step to each of its pieces, whole, and to one that comes twice, twice.

    Parameters
    ----------
    table : array, shape (R, d)
        Left as it is.
    rows : list of int
    step : array, shape (d,)

    Returns
    -------
    array, shape (R, d)
        The table after the step.

    Examples
    --------
    >>> hand_on(np.zeros((3, 2)), [0, 2, 2], np.array([1.0, 0.5])).tolist()
    [[1.0, 0.5], [0.0, 0.0], [2.0, 1.0]]
    """
    # BEGIN SOLUTION: copy the table, then add the step once for every row in the list
    after = table.copy()
    for row in rows:
        after[row] += step
    return after
    # END SOLUTION


# %% tags=["check"] function="hand_on" points=3
assert np.allclose(hand_on(np.zeros((3, 2)), [0, 2, 2], np.array([1.0, 0.5])), [[1, 0.5], [0, 0], [2, 1]])

# %% [markdown]
# ## Now use it
#
# Once all is right: random rows, and yet words with the same pieces are alike.

# %%
if __name__ == "__main__":
    table = np.random.default_rng(1).normal(size=(100_000, 50))
    vectors = {}
    for word in ("normalize", "normalizable", "sandwich"):
        vectors[word] = unseen_vector([bucket_of(piece, len(table)) for piece in ngrams(word, 3, 6)], table)
    a, b, c = (vector / np.linalg.norm(vector) for vector in vectors.values())
    print(f"normalize–normalizable {a @ b:.2f}, normalize–sandwich {a @ c:.2f}")


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

CHECKS = {
    "ngrams": {
        "a cat": lambda rng: ("cat", 3, 4),
        "shorter than the longest": lambda rng: ("a", 3, 6),
        "shorter than the shortest": lambda rng: ("a", 4, 6),
        "no word": lambda rng: ("", 2, 3),
        "one length": lambda rng: ("mouse", 5, 5),
        "Chinese": lambda rng: ("小猫", 2, 3),
        "letters that come again": lambda rng: ("banana", 2, 4),
    },
    "bucket_of": {
        "one letter": lambda rng: ("a", 1000),
        "nothing": lambda rng: ("", 1000),
        "three letters": lambda rng: ("<ca", 2_000_000),
        "Chinese": lambda rng: ("猫>", 2_000_000),
        "few buckets": lambda rng: ("mouse", 7),
    },
    "unseen_vector": {
        "two rows": lambda rng: ([0, 2], np.array([[1.0, 0.0], [9.0, 9.0], [0.0, 3.0]])),
        "no n-gram": lambda rng: ([], np.ones((3, 4))),
        "a row twice": lambda rng: ([1, 1, 0], rng.normal(size=(3, 2))),
        "random rows": lambda rng: (rng.integers(0, 9, 6).tolist(), rng.normal(size=(9, 5))),
    },
    "hand_on": {
        "a row twice": lambda rng: (np.zeros((3, 2)), [0, 2, 2], np.array([1.0, 0.5])),
        "no piece": lambda rng: (rng.normal(size=(3, 2)), [], np.ones(2)),
        "random rows": lambda rng: (rng.normal(size=(5, 3)), rng.integers(0, 5, 12).tolist(), rng.normal(size=3)),
    },
}

HINTS = {
    "ngrams": [
        'First bracketed = "<" + word + ">".',
        "For every place i and every n from min_n to max_n: bracketed[i : i + n].",
        "A slice beyond the end is cut short without a word: keep it only if i + n <= len(bracketed).",
    ],
    "bucket_of": [
        'piece.encode("utf-8") gives bytes, which are numbers when you loop over them.',
        "^ is xor in Python; ** is the power.",
        "Python's numbers have no end: keep 32 bits with % 2**32 after each product.",
    ],
    "unseen_vector": [
        "table[rows] gives one row for each n-gram.",
        "The mean over the n-grams is the mean over axis 0.",
        "The mean of nothing is NaN: return zeros first.",
    ],
    "hand_on": [
        "table.copy() leaves the argument as it is.",
        "after[rows] += step writes a row that comes twice only once. A loop, or np.add.at, adds twice.",
    ],
}

MISTAKES = [
    Mistake("ngrams", "The brackets < and > are missing around the word.", '"<" + word + ">"', "word"),
    Mistake(
        "ngrams",
        "At the end of the word you keep pieces that are too short. Check that i + n does not go beyond the end.",
        "if i + n <= len(bracketed):",
        "if True:",
    ),
    Mistake(
        "ngrams",
        "The longest n-grams are missing: range leaves its end out, so it must be max_n + 1.",
        "range(min_n, max_n + 1)",
        "range(min_n, max_n)",
    ),
    Mistake(
        "ngrams",
        "The last piece of each length is missing: i + n may be equal to the length.",
        "i + n <= len",
        "i + n < len",
    ),
    Mistake(
        "ngrams",
        "An n-gram that comes twice in a word is kept twice.",
        "if i + n <= len(bracketed):",
        "if i + n <= len(bracketed) and bracketed[i : i + n] not in pieces:",
    ),
    Mistake(
        "ngrams",
        "Your pieces are in another order: by place first, then by length.",
        "return pieces",
        "return sorted(pieces, key=len)",
    ),
    Mistake(
        "bucket_of",
        "You multiply first and xor then: that is FNV-1. In FNV-1a the xor comes first.",
        "h = h ^ byte\n        h = h * 16777619 % 2**32",
        "h = h * 16777619 % 2**32\n        h = h ^ byte",
    ),
    Mistake(
        "bucket_of",
        "You hash characters, not bytes: a Chinese character has three bytes in UTF-8.",
        'for byte in piece.encode("utf-8"):',
        "for byte in map(ord, piece):",
    ),
    Mistake(
        "bucket_of",
        "You keep more than 32 bits: % 2**32 after each product.",
        "h * 16777619 % 2**32",
        "h * 16777619",
    ),
    Mistake("bucket_of", "The hash does not start at 2166136261.", "h = 2166136261", "h = 0"),
    Mistake("bucket_of", "The modulo R at the end is missing.", "return h % R", "return h"),
    Mistake(
        "unseen_vector",
        "You return the sum. The mean is asked for.",
        "table[rows].mean(axis=0)",
        "table[rows].sum(axis=0)",
    ),
    Mistake(
        "unseen_vector",
        "A word without n-grams gets NaN, the mean of nothing. Zeros are asked for.",
        "np.zeros(table.shape[1])",
        "np.full(table.shape[1], np.nan)",
    ),
    Mistake(
        "unseen_vector",
        "A row that comes twice counts once. It counts twice.",
        "table[rows].mean(axis=0)",
        "table[sorted(set(rows))].mean(axis=0)",
    ),
    Mistake(
        "hand_on",
        "A row that comes twice moves once: after[rows] += step writes each row once. Loop, or use np.add.at.",
        "for row in rows:\n        after[row] += step",
        "if len(rows):\n        after[rows] += step",
    ),
    Mistake(
        "hand_on",
        "You share the step out among the pieces. Each of them gets all of it, so that their mean moves by all of it.",
        "after[row] += step",
        "after[row] += step / len(rows)",
    ),
    Mistake("hand_on", "You change the table that was passed to you. Work on a copy.", "table.copy()", "table"),
    Mistake("hand_on", "You subtract the step. Add it.", "after[row] += step", "after[row] -= step"),
]

ALTERNATIVES = [
    Alternative(
        "ngrams",
        """
def ngrams(word, min_n, max_n):
    w = f"<{word}>"
    return [w[i:j] for i in range(len(w)) for j in range(i + min_n, min(i + max_n, len(w)) + 1)]
""",
    ),
    Alternative(
        "bucket_of",
        """
def bucket_of(piece, R):
    h = 0x811C9DC5
    for byte in bytearray(piece, "utf8"):
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h % R
""",
    ),
    Alternative(
        "unseen_vector",
        """
def unseen_vector(rows, table):
    total = np.zeros(table.shape[1])
    for row in rows:
        total = total + table[row]
    return total / max(len(rows), 1)
""",
    ),
    Alternative(
        "hand_on",
        """
def hand_on(table, rows, step):
    after = np.array(table)
    np.add.at(after, np.array(rows, dtype=int), step)
    return after
""",
    ),
]
