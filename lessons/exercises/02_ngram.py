# %% [markdown]
# # Exercise 2 · N-grams: words in order, and pieces of words
#
# You write what lesson 2 shows: runs of neighbouring words, their counts, the pieces of a word, and the hash that
# gives any n-gram a column. `python -m lessons check 02` tells what is right, what is wrong and why.

# %%
import numpy as np

# %% [markdown]
# ## 1. Runs of neighbours


# %%
def ngrams(tokens, n):
    """The n-grams of a sentence: every run of n neighbouring words, from left to right.

    A sentence of T words has T - n + 1 of them, and none if it is shorter than n.

    Parameters
    ----------
    tokens : list of str
    n : int
        At least 1.

    Returns
    -------
    list of str
        Each n-gram as one string, its words joined by a single space.

    Examples
    --------
    >>> ngrams(["the", "cat", "chases", "mice"], 2)
    ['the cat', 'cat chases', 'chases mice']
    """
    # BEGIN SOLUTION: join the words i to i + n for every i at which n words are left
    return [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    # END SOLUTION


# %% tags=["check"] function="ngrams" points=2
assert ngrams(["the", "cat", "chases", "mice"], 2) == ["the cat", "cat chases", "chases mice"]

# %% [markdown]
# ## 2. Count them


# %%
def count_ngrams(documents, columns, n):
    """How often each n-gram occurs in each document.

    Parameters
    ----------
    documents : list of list of str
        N documents, each a list of words.
    columns : dict of str to int
        N-gram to column, from 0 to V - 1. N-grams that are not in it are left out.
    n : int

    Returns
    -------
    array, shape (N, V)
        ``counts[d, columns[g]]`` is how often the n-gram g occurs in document d.

    Examples
    --------
    >>> count_ngrams([["a", "b", "a", "b"], ["b", "a"]], {"a b": 0, "b a": 1}, 2).tolist()
    [[2.0, 1.0], [0.0, 1.0]]
    """
    # BEGIN SOLUTION: start from zeros of shape (N, V); for every n-gram of every document that has a column, add 1
    counts = np.zeros((len(documents), len(columns)))
    for d, tokens in enumerate(documents):
        for i in range(len(tokens) - n + 1):
            gram = " ".join(tokens[i : i + n])
            if gram in columns:
                counts[d, columns[gram]] += 1
    return counts
    # END SOLUTION


# %% tags=["check"] function="count_ngrams" points=3
assert np.array_equal(count_ngrams([["a", "b", "a", "b"], ["b", "a"]], {"a b": 0, "b a": 1}, 2), [[2, 1], [0, 1]])

# %% [markdown]
# ## 3. Pieces of a word


# %%
def pieces(word, shortest, longest):
    """The character n-grams of a word written between ``<`` and ``>``.

    The marks tell the beginning and the end of a word from its middle: ``<ca`` is the beginning of a word.

    Parameters
    ----------
    word : str
    shortest, longest : int
        Lengths of the pieces in characters, both included; the marks count.

    Returns
    -------
    list of str
        All pieces of the shortest length from left to right, then those that are one longer, and so on.

    Examples
    --------
    >>> pieces("cat", 3, 4)
    ['<ca', 'cat', 'at>', '<cat', 'cat>']
    """
    # BEGIN SOLUTION: write the marks around the word; for every length, both included, take every run of characters
    marked = "<" + word + ">"
    found = []
    for n in range(shortest, longest + 1):
        for i in range(len(marked) - n + 1):
            found.append(marked[i : i + n])
    return found
    # END SOLUTION


# %% tags=["check"] function="pieces" points=2
assert pieces("cat", 3, 4) == ["<ca", "cat", "at>", "<cat", "cat>"]

# %% [markdown]
# ## 4. A column for anything
#
# With hashing there is no vocabulary: a number computed from the bytes of an n-gram is its column. FNV-1a is such a
# hash, simple and good.


# %%
def hash_column(gram, n_columns):
    """The column of an n-gram: its 32-bit FNV-1a hash, modulo the number of columns.

    Begin with h = 2166136261. For every byte of the n-gram in UTF-8, first h = h xor byte, then
    h = h · 16777619 modulo 2³².

    Parameters
    ----------
    gram : str
    n_columns : int

    Returns
    -------
    int
        From 0 to ``n_columns - 1``.

    Examples
    --------
    >>> hash_column("a", 2**32)
    3826002220
    """
    # BEGIN SOLUTION: go through gram.encode("utf-8") with the two steps, then take the remainder by n_columns
    h = 2166136261
    for byte in gram.encode("utf-8"):
        h = h ^ byte
        h = h * 16777619 % 2**32
    return h % n_columns
    # END SOLUTION


# %% tags=["check"] function="hash_column" points=3
assert hash_column("a", 2**32) == 3826002220

# %% [markdown]
# ## Now use it
#
# Do *chases* and *chased*, strangers for one-hot vectors, share pieces?

# %%
if __name__ == "__main__":
    print(sorted(set(pieces("chases", 3, 4)) & set(pieces("chased", 3, 4))))

# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

LETTERS = ["a", "b", "c"]

CHECKS = {
    "ngrams": {
        "pairs of four words": lambda rng: (["the", "cat", "chases", "mice"], 2),
        "single words": lambda rng: (["a", "b"], 1),
        "as long as the sentence": lambda rng: (["a", "b", "c"], 3),
        "longer than the sentence": lambda rng: (["a", "b"], 3),
        "no word": lambda rng: ([], 2),
        "random words": lambda rng: ([str(w) for w in rng.choice(LETTERS, 9)], 3),
    },
    "count_ngrams": {
        "two small documents": lambda rng: ([["a", "b", "a", "b"], ["b", "a"]], {"a b": 0, "b a": 1}, 2),
        "one without a column": lambda rng: ([["a", "c", "a"], ["c"]], {"a": 1, "b": 0}, 1),
        "an empty document": lambda rng: ([[], ["a", "b", "c"], ["a"]], {"a b": 1, "b c": 0}, 2),
        "random words": lambda rng: (
            [[str(w) for w in rng.choice(LETTERS, n)] for n in (5, 12, 1)],
            {"a a": 2, "b c": 0, "c a": 1, "z z": 3},
            2,
        ),
    },
    "pieces": {
        "cat, three and four": lambda rng: ("cat", 3, 4),
        "one length": lambda rng: ("mice", 2, 2),
        "single characters": lambda rng: ("ab", 1, 2),
        "longer than the word": lambda rng: ("a", 3, 6),
        "Chinese": lambda rng: ("小猫", 2, 3),
    },
    "hash_column": {
        "one letter": lambda rng: ("a", 2**32),
        "a few columns": lambda rng: ("cat", 100),
        "two words": lambda rng: ("the cat", 2**20),
        "Chinese": lambda rng: ("猫", 1000),
        "nothing": lambda rng: ("", 7),
    },
}

HINTS = {
    "ngrams": [
        "tokens[i : i + n] are n neighbours, beginning at i.",
        "The last i at which n words are left is len(tokens) - n, and range(k) ends before k.",
        '" ".join(...) joins words with a space.',
    ],
    "count_ngrams": [
        "np.zeros((N, V)) takes the shape as one tuple.",
        "enumerate(documents) gives you the row of each document with its words.",
        "ngrams(tokens, n) from above lists a document's n-grams; columns[gram] is the column; add 1 there.",
        "if gram in columns leaves out the ones that have no column.",
    ],
    "pieces": [
        'Begin with marked = "<" + word + ">".',
        "Two loops: the lengths outside, the places inside, so that short pieces come first.",
        "longest is included: range(shortest, longest + 1).",
    ],
    "hash_column": [
        'gram.encode("utf-8") gives bytes, and a loop over bytes gives numbers from 0 to 255.',
        "In Python ^ is xor (** is the power). First xor, then multiply: that order is the a in FNV-1a.",
        "Take the remainder by 2**32 in every step, and by n_columns only at the end.",
    ],
}

MISTAKES = [
    Mistake(
        "ngrams",
        "The last n-gram is missing: there are T - n + 1 of them, and range(k) already ends before k.",
        "range(len(tokens) - n + 1)",
        "range(len(tokens) - n)",
    ),
    Mistake(
        "ngrams",
        "At the end of the sentence your runs become shorter than n. Stop where n words are no longer left: "
        "range(len(tokens) - n + 1).",
        "range(len(tokens) - n + 1)",
        "range(len(tokens))",
    ),
    Mistake(
        "ngrams",
        "You cut the sentence into blocks that do not overlap. Neighbouring n-grams overlap: move on by one word.",
        "range(len(tokens) - n + 1)",
        "range(0, len(tokens) - n + 1, n)",
    ),
    Mistake(
        "ngrams",
        'Your n-grams are tuples or lists; join their words with one space: " ".join(...).',
        '" ".join(tokens[i : i + n])',
        "tuple(tokens[i : i + n])",
    ),
    Mistake(
        "ngrams",
        'The words of an n-gram stick together. Join them with a space: " ".join(...).',
        '" ".join',
        '"".join',
    ),
    Mistake(
        "count_ngrams",
        "You mark n-grams with 1 however often they occur. Count them: += 1.",
        "+= 1",
        "= 1",
    ),
    Mistake(
        "count_ngrams",
        "Your table is (V, N): documents are the rows, n-grams the columns.",
        "return counts",
        "return counts.T",
    ),
    Mistake(
        "count_ngrams",
        "An n-gram without a column ends your function with a KeyError. Leave it out: if gram in columns.",
        "if gram in columns:",
        "if True:",
    ),
    Mistake(
        "count_ngrams",
        "All documents are counted into one row. counts[d, ...] has a row d for each document.",
        "counts[d, columns[gram]]",
        "counts[0, columns[gram]]",
    ),
    Mistake(
        "count_ngrams",
        "You divide by the length of the document. Counts are asked for; weighing comes in lesson 3.",
        "+= 1",
        "+= 1 / len(tokens)",
    ),
    Mistake(
        "pieces",
        "The marks are missing: write < before the word and > behind it, then cut.",
        '"<" + word + ">"',
        "word",
    ),
    Mistake(
        "pieces",
        "The longest pieces are missing: range(shortest, longest) ends before longest. Both lengths are included.",
        "longest + 1",
        "longest",
    ),
    Mistake(
        "pieces",
        "The pieces are right, but in the order of their places. All of the shortest length come first: "
        "the loop over lengths is the outer one.",
        "for n in range(shortest, longest + 1):\n        for i in range(len(marked) - n + 1):\n"
        "            found.append(marked[i : i + n])",
        "for i in range(len(marked)):\n        for n in range(shortest, longest + 1):\n"
        "            if i + n <= len(marked):\n                found.append(marked[i : i + n])",
    ),
    Mistake(
        "pieces",
        "At the end of the word your pieces become shorter than they should be. Stop where n characters are no "
        "longer left.",
        "range(len(marked) - n + 1)",
        "range(len(marked))",
    ),
    Mistake(
        "hash_column",
        "You multiply first and xor after; that is FNV-1. In FNV-1a the xor comes first.",
        "h = h ^ byte\n        h = h * 16777619 % 2**32",
        "h = h * 16777619 % 2**32\n        h = h ^ byte",
    ),
    Mistake(
        "hash_column",
        "Your h grows without end: Python's integers have no 32 bits. Take h % 2**32 after every multiplication.",
        "16777619 % 2**32",
        "16777619",
    ),
    Mistake(
        "hash_column",
        'You hash code points instead of bytes: for Chinese the two differ. Go through gram.encode("utf-8").',
        'in gram.encode("utf-8"):',
        "in map(ord, gram):",
    ),
    Mistake(
        "hash_column",
        "You return the hash itself. A column lies between 0 and n_columns - 1: take the remainder at the end.",
        "return h % n_columns",
        "return h",
    ),
    Mistake(
        "hash_column",
        "You begin with h = 0. FNV-1a begins with h = 2166136261, so that an empty string has a hash as well.",
        "h = 2166136261",
        "h = 0",
    ),
]

ALTERNATIVES = [
    Alternative(
        "ngrams",
        "def ngrams(tokens, n):\n    return [' '.join(run) for run in zip(*(tokens[k:] for k in range(n)))]",
    ),
    Alternative(
        "count_ngrams",
        """
def count_ngrams(documents, columns, n):
    rows = []
    for tokens in documents:
        grams = ngrams(tokens, n)
        rows.append([grams.count(gram) for gram in sorted(columns, key=columns.get)])
    return np.array(rows, dtype=np.int32)
""",
    ),
    Alternative(
        "pieces",
        """
def pieces(word, shortest, longest):
    word = f"<{word}>"
    return [word[i : i + n] for n in range(shortest, longest + 1) for i in range(len(word)) if i + n <= len(word)]
""",
    ),
    Alternative(
        "hash_column",
        """
def hash_column(gram, n_columns):
    h = np.uint32(2166136261)
    with np.errstate(over="ignore"):
        for byte in gram.encode():
            h = np.uint32(h ^ np.uint32(byte)) * np.uint32(16777619)
    return int(h) % n_columns
""",
    ),
]
