# %% [markdown]
# # Exercise 13 · BERT: a word in its sentence
#
# You cut words into pieces, mask a sentence, measure the loss where it counts, and pool without padding.
# `python -m lessons check 13` tells what is right, what is wrong and why.
#
# V is the number of pieces, T the number of tokens, d the numbers of a token's vector.

# %%
import numpy as np

# %% [markdown]
# ## 1. Word pieces


# %%
def cut(word, vocabulary):
    """A word as pieces: the longest one that it begins with, then the longest one that goes on from there, to its end.

    Parameters
    ----------
    word : str
        Not empty.
    vocabulary : set of str
        Pieces that begin a word as they are, pieces that go on with ``##`` before them.

    Returns
    -------
    list of str
        ``["[UNK]"]`` if the word cannot be cut to its end.

    Examples
    --------
    >>> cut("unaffable", {"un", "##aff", "##able", "##a", "u"})
    ['un', '##aff', '##able']
    >>> cut("unable!", {"un", "##able"})
    ['[UNK]']
    """
    # BEGIN SOLUTION: from the start, try the longest rest first and shorten it; no piece at all: the word is unknown
    pieces, start = [], 0
    while start < len(word):
        end = len(word)
        prefix = "##" if start > 0 else ""
        while end > start and prefix + word[start:end] not in vocabulary:
            end -= 1
        if end == start:
            return ["[UNK]"]
        pieces.append(prefix + word[start:end])
        start = end
    return pieces
    # END SOLUTION


# %% tags=["check"] function="cut" points=3
assert cut("unaffable", {"un", "##aff", "##able", "##a", "u"}) == ["un", "##aff", "##able"]
assert cut("unable!", {"un", "##able"}) == ["[UNK]"]

# %% [markdown]
# ## 2. Masking


# %%
def mask(ids, asked, what, others, mask_id):
    """A sentence with the tokens that are asked for hidden: of them, 80 % are masked, 10 % replaced, 10 % stay.

    Parameters
    ----------
    ids : array, shape (T,), int
        Left as it is.
    asked : array of bool, shape (T,)
        Which tokens are asked for.
    what : array, shape (T,)
        Random numbers from 0 to 1: a token that is asked for is masked below 0.8, and replaced from 0.8 to below 0.9.
    others : array, shape (T,), int
        What it is replaced by.
    mask_id : int

    Returns
    -------
    array, shape (T,), int

    Examples
    --------
    >>> ids, asked = np.array([5, 6, 7, 8]), np.array([True, True, True, False])
    >>> mask(ids, asked, np.array([0.1, 0.85, 0.95, 0.1]), np.array([9, 9, 9, 9]), 4).tolist()
    [4, 9, 7, 8]
    """
    # BEGIN SOLUTION: a copy; mask_id where asked and what < 0.8, others where asked and 0.8 <= what < 0.9
    masked = ids.copy()
    hidden = asked & (what < 0.8)
    replaced = asked & (what >= 0.8) & (what < 0.9)
    masked[hidden] = mask_id
    masked[replaced] = others[replaced]
    return masked
    # END SOLUTION


# %% tags=["check"] function="mask" points=3
hidden = mask(
    np.array([5, 6, 7, 8]), np.array([True, True, True, False]), np.array([0.1, 0.85, 0.95, 0.1]), np.full(4, 9), 4
)
assert list(hidden) == [4, 9, 7, 8]

# %% [markdown]
# ## 3. The loss


# %%
def masked_loss(scores, ids, asked):
    """The mean of -log P(token) over the tokens that are asked for; P is the softmax of a token's scores.

    Parameters
    ----------
    scores : array, shape (T, V)
    ids : array, shape (T,), int
        The tokens that really stood there.
    asked : array of bool, shape (T,)
        At least one.

    Returns
    -------
    float

    Examples
    --------
    >>> round(masked_loss(np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([1, 0]), np.array([True, False])), 4)
    0.2877
    """
    # BEGIN SOLUTION: log of the softmax (largest score away first), at the true tokens, mean over those asked for
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    picked = log_p[np.arange(len(ids)), ids]
    return float(-picked[asked].mean())
    # END SOLUTION


# %% tags=["check"] function="masked_loss" points=3
assert np.isclose(
    masked_loss(np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([1, 0]), np.array([True, False])), np.log(4 / 3)
)

# %% [markdown]
# ## 4. Sentence vectors without padding


# %%
def mean_pool(states, lengths):
    """The mean of each sentence's vectors, where the tokens of all sentences stand one after the other.

    Parameters
    ----------
    states : array, shape (R, d)
    lengths : list of int
        How many rows each sentence has, at least 1 each; they add up to R.

    Returns
    -------
    array, shape (len(lengths), d)

    Examples
    --------
    >>> mean_pool(np.array([[1.0, 0.0], [3.0, 4.0], [5.0, 5.0]]), [2, 1]).tolist()
    [[2.0, 2.0], [5.0, 5.0]]
    """
    # BEGIN SOLUTION: where each sentence begins is the sum of the lengths before it
    begins = np.cumsum([0, *lengths])
    means = np.zeros((len(lengths), states.shape[1]))
    for i, n in enumerate(lengths):
        means[i] = states[begins[i] : begins[i] + n].mean(axis=0)
    return means
    # END SOLUTION


# %% tags=["check"] function="mean_pool" points=2
assert mean_pool(np.array([[1.0, 0.0], [3.0, 4.0], [5.0, 5.0]]), [2, 1]).tolist() == [[2, 2], [5, 5]]

# %% [markdown]
# ## Now use it
#
# Once all is right, this learns, with counts alone, what a gap's neighbours say of it.

# %%
if __name__ == "__main__":
    pieces = {"the", "cat", "dog", "sleep", "##s", "##ing", "we", "eat", "ham"}
    sentences = [[p for word in text.split() for p in cut(word, pieces)] for text in
                 ["the cat sleeps", "the dog sleeps", "we eat ham"] * 20]  # fmt: skip
    names = sorted({p for sentence in sentences for p in sentence})
    scores = np.zeros((len(names), len(names)))
    for sentence in sentences:
        for before, after in zip(sentence, sentence[1:], strict=False):
            scores[names.index(before), names.index(after)] += 0.5
    ids = np.array([names.index("cat"), names.index("sleep")])
    rows = scores[[names.index("the"), names.index("cat")]]
    print("loss of guessing by the word before:", round(masked_loss(rows, ids, np.array([True, True])), 3))

# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def sentence(rng, T=40):
    return rng.integers(5, 30, T), rng.random(T) < 0.5, rng.random(T), rng.integers(5, 30, T), 4


CHECKS = {
    "cut": {
        "by hand": lambda rng: ("unaffable", {"un", "##aff", "##able", "##a", "u"}),
        "not to its end": lambda rng: ("unable!", {"un", "##able"}),
        "whole": lambda rng: ("cat", {"cat", "c", "##at"}),
        "no beginning": lambda rng: ("cat", {"##cat", "##c", "at"}),
        "greedy goes wrong": lambda rng: ("abcd", {"abc", "ab", "##cd"}),
        "again and again": lambda rng: ("aaaa", {"a", "##a"}),
        "goes on without ##": lambda rng: ("catcat", {"cat", "##ca", "##t"}),
    },
    "mask": {
        "by hand": lambda rng: (
            np.array([5, 6, 7, 8]),
            np.array([True, True, True, False]),
            np.array([0.1, 0.85, 0.95, 0.1]),
            np.full(4, 9),
            4,
        ),
        "nothing asked": lambda rng: (np.array([5, 6]), np.zeros(2, bool), np.zeros(2), np.array([7, 8]), 4),
        "no tokens": lambda rng: (np.zeros(0, int), np.zeros(0, bool), np.zeros(0), np.zeros(0, int), 4),
        "a sentence": sentence,
    },
    "masked_loss": {
        "by hand": lambda rng: (np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([1, 0]), np.array([True, False])),
        "large scores": lambda rng: (np.array([[1000.0, 999.0]]), np.array([0]), np.array([True])),
        "random": lambda rng: (rng.normal(0, 2, (6, 5)), rng.integers(0, 5, 6), np.arange(6) % 3 < 2),
    },
    "mean_pool": {
        "by hand": lambda rng: (np.array([[1.0, 0.0], [3.0, 4.0], [5.0, 5.0]]), [2, 1]),
        "one sentence": lambda rng: (rng.normal(size=(4, 3)), [4]),
        "several": lambda rng: (rng.normal(size=(9, 2)), [1, 5, 3]),
        "none": lambda rng: (np.zeros((0, 2)), []),
    },
}

HINTS = {
    "cut": [
        "Two loops: an outer one over where the next piece starts, an inner one over where it ends, from the far end.",
        "From the second piece on, look for '##' + word[start:end].",
        "If no end fits, the whole word is unknown, not only its rest.",
    ],
    "mask": [
        "Two conditions that must both hold are joined with &, each in brackets.",
        "Begin with ids.copy(): the input stays as it is, and what is neither masked nor replaced stays, too.",
    ],
    "masked_loss": [
        "log softmax = scores - log Σ exp(scores); take each row's largest score away first.",
        "log_p[np.arange(T), ids] picks the true token of each row; then [asked], then the mean.",
    ],
    "mean_pool": ["np.cumsum tells where each sentence ends.", "A mean over a sentence's rows: axis=0."],
}

MISTAKES = [
    Mistake(
        "cut",
        "You take the shortest piece; take the longest that fits.",
        '        end = len(word)\n        prefix = "##" if start > 0 else ""\n'
        "        while end > start and prefix + word[start:end] not in vocabulary:\n            end -= 1\n"
        "        if end == start:\n",
        '        end = start + 1\n        prefix = "##" if start > 0 else ""\n'
        "        while end <= len(word) and prefix + word[start:end] not in vocabulary:\n            end += 1\n"
        "        if end > len(word):\n",
    ),
    Mistake(
        "cut",
        "Pieces that go on inside a word begin with ##.",
        'prefix = "##" if start > 0 else ""',
        'prefix = ""',
    ),
    Mistake(
        "cut",
        "A word that cannot be cut to its end is unknown as a whole; you keep its first pieces.",
        'return ["[UNK]"]',
        'return [*pieces, "[UNK]"]',
    ),
    Mistake(
        "mask",
        "Every token is hidden, not only those asked for.",
        "asked & (what < 0.8)\n    replaced = asked & (what >= 0.8)",
        "(what < 0.8)\n    replaced = (what >= 0.8)",
    ),
    Mistake(
        "mask",
        "All that is asked for is masked: a tenth is to be replaced, and a tenth stays.",
        "hidden = asked & (what < 0.8)",
        "hidden = asked",
    ),
    Mistake(
        "mask",
        "None stays: from 0.9 on, a token is left as it is.",
        "(what >= 0.8) & (what < 0.9)",
        "(what >= 0.8)",
    ),
    Mistake(
        "mask",
        "You change the ids that were passed; work on a copy.",
        "ids.copy()",
        "ids",
    ),
    Mistake(
        "masked_loss",
        "The mean is over all tokens; only those asked for count.",
        "picked[asked].mean()",
        "picked.mean()",
    ),
    Mistake(
        "masked_loss",
        "The sum over the tokens asked for, not their mean.",
        "picked[asked].mean()",
        "picked[asked].sum()",
    ),
    Mistake(
        "masked_loss",
        "The sign is missing: log P is below 0, a loss above.",
        "float(-picked",
        "float(picked",
    ),
    Mistake(
        "masked_loss",
        "Softmax runs over the tokens (axis 0), not over the pieces.",
        "np.exp(shifted).sum(axis=1, keepdims=True)",
        "np.exp(shifted).sum(axis=0, keepdims=True)",
    ),
    Mistake(
        "mean_pool",
        "The sum, not the mean: long sentences get long vectors.",
        ".mean(axis=0)",
        ".sum(axis=0)",
    ),
    Mistake(
        "mean_pool",
        "Every sentence begins at 0: add up the lengths before it.",
        "states[begins[i] : begins[i] + n]",
        "states[:n]",
    ),
    Mistake(
        "mean_pool",
        "You take the first token's vector alone; that is pooling by [CLS].",
        "states[begins[i] : begins[i] + n].mean(axis=0)",
        "states[begins[i]]",
    ),
]

ALTERNATIVES = [
    Alternative(
        "cut",
        """
def cut(word, vocabulary, prefix=""):
    if not word:
        return []
    for end in range(len(word), 0, -1):
        if prefix + word[:end] in vocabulary:
            rest = cut(word[end:], vocabulary, "##")
            return ["[UNK]"] if rest == ["[UNK]"] else [prefix + word[:end], *rest]
    return ["[UNK]"]
""",
    ),
    Alternative(
        "mask",
        """
def mask(ids, asked, what, others, mask_id):
    return np.where(asked & (what < 0.8), mask_id, np.where(asked & (what < 0.9), others, ids))
""",
    ),
    Alternative(
        "masked_loss",
        """
def masked_loss(scores, ids, asked):
    losses = []
    for row, token, counts in zip(scores, ids, asked):
        if counts:
            top = max(row)
            losses.append(top + np.log(sum(np.exp(row - top))) - row[token])
    return sum(losses) / len(losses)
""",
    ),
    Alternative(
        "mean_pool",
        """
def mean_pool(states, lengths):
    parts = np.split(states, np.cumsum(lengths)[:-1]) if len(lengths) else []
    return np.array([part.mean(axis=0) for part in parts]).reshape(len(lengths), states.shape[1])
""",
    ),
]
