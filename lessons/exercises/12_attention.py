# %% [markdown]
# # Exercise 12 · Attention: look where it matters
#
# You write attention: softmax, the scores and their root, the mask, the heads and the positions.
# `python -m lessons check 12` tells what is right, what is wrong and why.
#
# T is the number of words, c the numbers of a query, d those of a word, H the number of heads.

# %%
import numpy as np

# %% [markdown]
# ## 1. Softmax


# %%
def softmax(S):
    """Shares from scores: e to the score, over the sum of its row. Large scores must not overflow.

    Parameters
    ----------
    S : array, shape (n, m)
        Scores; an entry may be -inf, whose share is 0, but never a whole row.

    Returns
    -------
    array, shape (n, m)
        Rows add up to 1.

    Examples
    --------
    >>> softmax(np.array([[0.0, np.log(3)], [1000.0, 1000.0]])).round(6).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    # BEGIN SOLUTION: take each row's largest score away, then exponentials over their row's sum
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
    # END SOLUTION


# %% tags=["check"] function="softmax" points=2
assert np.allclose(softmax(np.array([[0.0, np.log(3)], [1000.0, 1000.0]])), [[0.25, 0.75], [0.5, 0.5]])

# %% [markdown]
# ## 2. Attention


# %%
def attention(Q, K, V, seen):
    """softmax(Q K' / √c) V, where no word looks at one that it does not see.

    Parameters
    ----------
    Q, K : arrays, shape (T, c)
    V : array, shape (T, n)
    seen : array of bool, shape (T, T)
        Whether word i sees word j; each word sees at least one.

    Returns
    -------
    array, shape (T, n)

    Examples
    --------
    >>> Q, K, V = np.zeros((2, 4)), np.ones((2, 4)), np.array([[2.0], [4.0]])
    >>> attention(Q, K, V, np.array([[True, True], [False, True]])).tolist()
    [[3.0], [4.0]]
    """
    # BEGIN SOLUTION: scores over √c, -inf where nothing is seen, softmax (write it again, or call yours), times V
    S = Q @ K.T / np.sqrt(Q.shape[1])
    S = np.where(seen, S, -np.inf)
    e = np.exp(S - S.max(axis=1, keepdims=True))
    P = e / e.sum(axis=1, keepdims=True)
    return P @ V
    # END SOLUTION


# %% tags=["check"] function="attention" points=4
seen = np.array([[True, True], [False, True]])
assert np.allclose(attention(np.zeros((2, 4)), np.ones((2, 4)), np.array([[2.0], [4.0]]), seen), [[3], [4]])

# %% [markdown]
# ## 3. Who sees whom


# %%
def visible(lengths, T, causal):
    """Which words see which, in a batch of sentences padded to T words.

    Parameters
    ----------
    lengths : list of int
        How many words of each sentence are real; the rest is padding.
    T : int
    causal : bool
        Whether a word sees only itself and those before it.

    Returns
    -------
    array of bool, shape (B, T, T)
        Entry (b, i, j): whether word i of sentence b sees word j. Nobody sees padding; what padding itself sees follows
        the same rule.

    Examples
    --------
    >>> visible([2], 3, False)[0].astype(int).tolist()
    [[1, 1, 0], [1, 1, 0], [1, 1, 0]]
    >>> visible([2], 3, True)[0].astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 0]]
    """
    # BEGIN SOLUTION: columns below the length; and, if causal, the lower triangle with its diagonal
    seen = np.repeat((np.arange(T) < np.array(lengths, int).reshape(-1, 1))[:, None, :], T, axis=1)
    if causal:
        seen = seen & np.tri(T, dtype=bool)
    return seen
    # END SOLUTION


# %% tags=["check"] function="visible" points=2
assert visible([2], 3, True)[0].tolist() == [[True, False, False], [True, True, False], [True, True, False]]

# %% [markdown]
# ## 4. Heads


# %%
def split_heads(x, H):
    """The columns of each head: head h has the columns from h d / H on.

    Parameters
    ----------
    x : array, shape (T, d)
    H : int
        Divides d.

    Returns
    -------
    array, shape (H, T, d / H)

    Examples
    --------
    >>> split_heads(np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), 2).tolist()
    [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]
    """
    # BEGIN SOLUTION: give d two axes, head and column, and bring the head to the front
    T, d = x.shape
    return x.reshape(T, H, d // H).swapaxes(0, 1)
    # END SOLUTION


# %% tags=["check"] function="split_heads" points=2
assert split_heads(np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), 2).tolist() == [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]

# %% [markdown]
# ## 5. Positions


# %%
def positions(T, d):
    """Sines and cosines in turn: p[t, 2i] = sin(t / 10000^(2i / d)), p[t, 2i + 1] = cos of the same.

    Parameters
    ----------
    T : int
    d : int
        Even.

    Returns
    -------
    array, shape (T, d)

    Examples
    --------
    >>> positions(2, 2).round(4).tolist()
    [[0.0, 1.0], [0.8415, 0.5403]]
    """
    # BEGIN SOLUTION: angles (T, d / 2), sines into the even columns, cosines into the odd ones
    angles = np.arange(T)[:, None] / 10000 ** (np.arange(0, d, 2) / d)
    p = np.empty((T, d))
    p[:, 0::2] = np.sin(angles)
    p[:, 1::2] = np.cos(angles)
    return p
    # END SOLUTION


# %% tags=["check"] function="positions" points=2
assert np.allclose(positions(2, 2), [[0, 1], [np.sin(1), np.cos(1)]])

# %% [markdown]
# ## Now use it
#
# Once all is right, this looks things up: each query finds the value whose key is like it.

# %%
if __name__ == "__main__":
    rng = np.random.default_rng(0)
    K, V = rng.normal(size=(8, 64)), np.arange(8.0)[:, None]
    Q = 4 * K[[3, 1, 4, 1, 5, 0, 2, 6]]
    print("found", attention(Q, K, V, visible([8], 8, False)[0]).ravel().round(2))

# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def words(rng, T=5, c=6, n=3, causal=False):
    seen = np.tri(T, dtype=bool) if causal else rng.random((T, T)) < 0.6
    return *rng.normal(0, 1.5, (2, T, c)), rng.normal(size=(T, n)), seen | np.eye(T, dtype=bool)


CHECKS = {
    "softmax": {
        "by hand": lambda rng: (np.array([[0.0, np.log(3)], [1.0, 1.0]]),),
        "large scores": lambda rng: (np.array([[1000.0, 1000.0, 998.0]]),),
        "masked": lambda rng: (np.array([[0.0, -np.inf, 1.0], [-np.inf, -np.inf, 2.0]]),),
        "random": lambda rng: (rng.normal(0, 3, (4, 6)),),
        "square": lambda rng: (rng.normal(0, 3, (3, 3)),),
    },
    "attention": {
        "by hand": lambda rng: (np.zeros((2, 4)), np.ones((2, 4)), np.array([[2.0], [4.0]]), np.tri(2, dtype=bool)),
        "one word": lambda rng: (*rng.normal(size=(3, 1, 2)), np.ones((1, 1), bool)),
        "all seen": lambda rng: (*rng.normal(0, 1.5, (2, 4, 5)), rng.normal(size=(4, 2)), np.ones((4, 4), bool)),
        "a mask": words,
        "causal": lambda rng: words(rng, causal=True),
    },
    "visible": {
        "a sentence": lambda rng: ([2], 3, False),
        "causal": lambda rng: ([2, 4], 4, True),
        "full and short": lambda rng: ([5, 1, 3], 5, False),
        "no sentence": lambda rng: ([], 2, False),
    },
    "split_heads": {
        "by hand": lambda rng: (np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), 2),
        "one head": lambda rng: (rng.normal(size=(3, 4)), 1),
        "heads of one": lambda rng: (rng.normal(size=(2, 4)), 4),
        "random": lambda rng: (rng.normal(size=(5, 12)), 3),
    },
    "positions": {
        "two words": lambda rng: (2, 2),
        "wider": lambda rng: (7, 10),
        "none": lambda rng: (0, 4),
    },
}

HINTS = {
    "softmax": [
        "Each row for itself: axis=1, with keepdims=True so that shapes fit.",
        "e^1000 overflows. Taking the same number from all scores of a row changes no share: take the largest.",
    ],
    "attention": [
        "Scores are Q @ K.T, (T, T): row i holds word i's.",
        "Divide by √c, c the width of a query; then -inf where nothing is seen; then softmax; then times V.",
    ],
    "visible": [
        "np.arange(T) < length says which columns are real.",
        "np.tri(T, dtype=bool) is the lower triangle. Both must hold: &.",
    ],
    "split_heads": [
        "reshape gives d two axes, (T, H, d / H), without moving a number.",
        "Then swap the first two axes; a reshape to (H, T, …) at once would mix words up.",
    ],
    "positions": [
        "angles[t, i] = t / 10000^(2i / d), for i from 0 to d / 2 - 1.",
        "p[:, 0::2] are the even columns, p[:, 1::2] the odd ones.",
    ],
}

MISTAKES = [
    Mistake(
        "softmax",
        "You divide by the sums of columns: each *row* is to add up to 1 (axis=1).",
        "e / e.sum(axis=1, keepdims=True)",
        "e / e.sum(axis=0, keepdims=True)",
    ),
    Mistake(
        "softmax",
        "Large scores overflow. Take each row's largest score away first.",
        "np.exp(S - S.max(axis=1, keepdims=True))",
        "np.exp(S)",
    ),
    Mistake(
        "softmax",
        "You divide by the sum of everything: each row has a sum of its own.",
        "e / e.sum(axis=1, keepdims=True)",
        "e / e.sum()",
    ),
    Mistake(
        "attention",
        "The 1/√c is missing: without it, wide queries look at one word alone.",
        "Q @ K.T / np.sqrt(Q.shape[1])",
        "Q @ K.T",
    ),
    Mistake(
        "attention",
        "You divide by c, not by its root.",
        "np.sqrt(Q.shape[1])",
        "Q.shape[1]",
    ),
    Mistake(
        "attention",
        "The mask comes after softmax: the rows no longer add up to 1. Put -inf into the scores.",
        "    S = np.where(seen, S, -np.inf)\n    e = np.exp(S - S.max(axis=1, keepdims=True))\n"
        "    P = e / e.sum(axis=1, keepdims=True)\n",
        "    e = np.exp(S - S.max(axis=1, keepdims=True))\n    P = e / e.sum(axis=1, keepdims=True) * seen\n",
    ),
    Mistake(
        "attention",
        "What is not seen has the score 0, which still has a share: e^0 = 1. It must be -inf.",
        "np.where(seen, S, -np.inf)",
        "np.where(seen, S, 0)",
    ),
    Mistake(
        "attention",
        "Softmax runs down the columns (axis 0): each word's shares stand in its row.",
        "e = np.exp(S - S.max(axis=1, keepdims=True))\n    P = e / e.sum(axis=1, keepdims=True)",
        "e = np.exp(S - S.max(axis=1, keepdims=True))\n    P = e / e.sum(axis=0, keepdims=True)",
    ),
    Mistake(
        "attention",
        "The mask is not looked at.",
        "    S = np.where(seen, S, -np.inf)\n",
        "",
    ),
    Mistake(
        "visible",
        "You mask the rows of padding, not its columns: it must not be *looked at*.",
        "[:, None, :], T, axis=1)",
        "[:, :, None], T, axis=2)",
    ),
    Mistake(
        "visible",
        "A causal word sees itself, too: the triangle has its diagonal.",
        "np.tri(T, dtype=bool)",
        "np.tri(T, k=-1, dtype=bool)",
    ),
    Mistake(
        "visible",
        "The triangle is the wrong way round: word i sees j where j ≤ i.",
        "np.tri(T, dtype=bool)",
        "np.tri(T, dtype=bool).T",
    ),
    Mistake(
        "split_heads",
        "One reshape mixes words and heads up: first (T, H, d / H), then swap the first two axes.",
        "x.reshape(T, H, d // H).swapaxes(0, 1)",
        "x.reshape(H, T, d // H)",
    ),
    Mistake(
        "split_heads",
        "Head h has neighbouring columns; you give it every H-th one.",
        "x.reshape(T, H, d // H).swapaxes(0, 1)",
        "x.reshape(T, d // H, H).transpose(2, 0, 1)",
    ),
    Mistake(
        "positions",
        "Sines stand in the first half and cosines in the second; they are to take turns.",
        "p[:, 0::2] = np.sin(angles)\n    p[:, 1::2] = np.cos(angles)",
        "p[:, : d // 2] = np.sin(angles)\n    p[:, d // 2 :] = np.cos(angles)",
    ),
    Mistake(
        "positions",
        "The exponent is 2i / d, with i from 0 to d / 2 - 1; yours is i / d.",
        "np.arange(0, d, 2) / d",
        "np.arange(d // 2) / d",
    ),
]

ALTERNATIVES = [
    Alternative(
        "softmax",
        """
def softmax(S):
    rows = []
    for row in S:
        e = np.exp(row - np.max(row))
        rows.append(e / e.sum())
    return np.array(rows)
""",
    ),
    Alternative(
        "attention",
        """
def attention(Q, K, V, seen):
    T, c = Q.shape
    result = np.zeros((T, V.shape[1]))
    for i in range(T):
        some = np.flatnonzero(seen[i])
        scores = K[some] @ Q[i] / c**0.5
        shares = np.exp(scores - scores.max())
        result[i] = shares @ V[some] / shares.sum()
    return result
""",
    ),
    Alternative(
        "visible",
        """
def visible(lengths, T, causal):
    result = np.zeros((len(lengths), T, T), bool)
    for b, n in enumerate(lengths):
        for i in range(T):
            result[b, i, : min(n, i + 1) if causal else n] = True
    return result
""",
    ),
    Alternative(
        "split_heads",
        """
def split_heads(x, H):
    return np.stack(np.split(x, H, axis=1))
""",
    ),
    Alternative(
        "positions",
        """
import math

def positions(T, d):
    f = [math.sin, math.cos]
    rows = [[f[k % 2](t / 10000 ** (k // 2 * 2 / d)) for k in range(d)] for t in range(T)]
    return np.array(rows).reshape(T, d)
""",
    ),
]
