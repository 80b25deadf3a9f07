# %% [markdown]
# # Exercise 11 · TextCNN: which phrases occur, wherever they stand
#
# You slide a filter over the words of a sentence, keep its largest answer, and send the gradient back to where it
# stood. `python -m lessons check 11` tells what is right, what is wrong and why.
#
# T is the number of words, d the number of numbers of a word, m the width of a filter.

# %%
import numpy as np

# %% [markdown]
# ## 1. Answers


# %%
def answers(x, w):
    """What a filter answers at every place: the sum of the products of its m vectors with the m words below it.

    Parameters
    ----------
    x : array, shape (T, d)
    w : array, shape (m, d), m at most T

    Returns
    -------
    array, shape (T - m + 1,)

    Examples
    --------
    >>> answers(np.array([[1.0], [2.0], [0.0]]), np.array([[1.0], [2.0]])).tolist()
    [5.0, 2.0]
    """
    # BEGIN SOLUTION: for every place, multiply the m words from there on with the filter, and add up everything
    m = len(w)
    return np.array([np.sum(x[p : p + m] * w) for p in range(len(x) - m + 1)])
    # END SOLUTION


# %% tags=["check"] function="answers" points=3
assert answers(np.array([[1.0], [2], [0]]), np.array([[1.0], [2]])).tolist() == [5, 2]

# %% [markdown]
# ## 2. The largest of them


# %%
def feature(s, bias):
    """One number for the whole sentence: the largest answer plus the bias, or 0 if that is negative.

    Parameters
    ----------
    s : array, shape (n,), n at least 1
    bias : float

    Returns
    -------
    float

    Examples
    --------
    >>> feature(np.array([5.0, 2.0]), -1.0), feature(np.array([-3.0]), 1.0)
    (4.0, 0.0)
    """
    # BEGIN SOLUTION: first the largest, then the bias, then the ReLU
    return max(0.0, float(np.max(s)) + bias)
    # END SOLUTION


# %% tags=["check"] function="feature" points=2
assert feature(np.array([5.0, 2.0]), -1.0) == 4 and feature(np.array([-3.0]), 1.0) == 0

# %% [markdown]
# ## 3. A sentence that is too short


# %%
def fill_up(x, m):
    """Word vectors with zeros behind them, so that a filter of width m fits; as they are where it fits already.

    Parameters
    ----------
    x : array, shape (T, d)
    m : int

    Returns
    -------
    array, shape (max(T, m), d)

    Examples
    --------
    >>> fill_up(np.array([[1.0, 2.0]]), 2).tolist()
    [[1.0, 2.0], [0.0, 0.0]]
    """
    # BEGIN SOLUTION: as many rows of zeros as are missing, behind the words
    missing = max(0, m - len(x))
    return np.concatenate([x, np.zeros((missing, x.shape[1]))])
    # END SOLUTION


# %% tags=["check"] function="fill_up" points=1
assert fill_up(np.array([[1.0, 2.0]]), 2).tolist() == [[1, 2], [0, 0]]

# %% [markdown]
# ## 4. The gradient of the filter


# %%
def filter_gradient(x, w, bias, dy):
    """The gradient with respect to w, from dy, the one with respect to ``feature(answers(x, w), bias)``.

    Only the place of the largest answer had a say (of equal ones, the first); none if the feature is 0.

    Parameters
    ----------
    x : array, shape (T, d)
    w : array, shape (m, d), m at most T
    bias, dy : float

    Returns
    -------
    array, shape (m, d)

    Examples
    --------
    >>> filter_gradient(np.array([[1.0], [2.0], [0.0]]), np.array([[1.0], [2.0]]), 0.0, 10.0).tolist()
    [[10.0], [20.0]]
    """
    # BEGIN SOLUTION: find the place, look whether the ReLU let it through, and give the words there, times dy
    m = len(w)
    s = np.array([np.sum(x[p : p + m] * w) for p in range(len(x) - m + 1)])
    p = int(np.argmax(s))
    if s[p] + bias <= 0:
        return np.zeros(w.shape)
    return dy * x[p : p + m]
    # END SOLUTION


# %% tags=["check"] function="filter_gradient" points=3
assert filter_gradient(np.array([[1.0], [2], [0]]), np.array([[1.0], [2]]), 0.0, 10.0).tolist() == [[10], [20]]

# %% [markdown]
# ## Now use it
#
# Once all is right, this learns one filter that answers where *not* is followed by *good*.

# %%
if __name__ == "__main__":
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=6) for word in ("not", "good", "film", "long", "we")}
    w, bias = rng.normal(size=(2, 6)) / 5, 0.1
    for step in range(600):
        words = list(rng.choice(["film", "long", "we"], 5))
        words[1:1] = ["not", "good"] if step % 2 else ["good", "not"]
        x = np.stack([vectors[word] for word in words])
        wrong = feature(answers(x, w), bias) - step % 2
        w -= 0.02 * filter_gradient(x, w, bias, wrong)
    for text in ("we film not good long", "we good not film long"):
        x = np.stack([vectors[word] for word in text.split()])
        print(f"{text:<24}{feature(answers(x, w), bias):.2f}")


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

CHECKS = {
    "answers": {
        "one number a word": lambda rng: (np.array([[1.0], [2], [0]]), np.array([[1.0], [2]])),
        "one place": lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=(3, 2))),
        "one word": lambda rng: (rng.normal(size=(4, 3)), rng.normal(size=(1, 3))),
        "random numbers": lambda rng: (rng.normal(size=(7, 4)), rng.normal(size=(3, 4))),
    },
    "feature": {
        "above 0": lambda rng: (np.array([5.0, 2.0]), -1.0),
        "below 0": lambda rng: (np.array([-3.0, -9.0]), 1.0),
        "saved by the bias": lambda rng: (np.array([-1.0, -2.0]), 3.0),
        "random numbers": lambda rng: (rng.normal(size=6), float(rng.normal())),
    },
    "fill_up": {
        "one word": lambda rng: (np.array([[1.0, 2.0]]), 2),
        "no word": lambda rng: (np.zeros((0, 3)), 2),
        "long enough": lambda rng: (rng.normal(size=(4, 2)), 3),
        "two words": lambda rng: (rng.normal(size=(2, 3)), 5),
    },
    "filter_gradient": {
        "one number a word": lambda rng: (np.array([[1.0], [2], [0]]), np.array([[1.0], [2]]), 0.0, 10.0),
        "nothing comes through": lambda rng: (np.ones((3, 2)), -np.ones((2, 2)), 0.5, 3.0),
        "equal answers": lambda rng: (np.array([[1.0, 2], [2, 1], [1, 2]]), np.ones((1, 2)), 0.0, 1.0),
        "the last place": lambda rng: (np.array([[0.0], [1], [2], [5]]), np.array([[1.0], [1]]), 0.0, 2.0),
        "random numbers": lambda rng: (rng.normal(size=(8, 3)), rng.normal(size=(3, 3)), 2.0, 1.5),
    },
}

HINTS = {
    "answers": ["A filter of width m fits at T - m + 1 places.", "At place p it meets x[p : p + m]."],
    "feature": ["np.max first.", "The ReLU comes last: max(0, …)."],
    "fill_up": ["How many rows are missing? m - T, if that is above 0.", "np.concatenate, zeros behind."],
    "filter_gradient": [
        "Where was the answer largest? np.argmax.",
        "That answer is Σ w · x[p : p + m]: its gradient by w is x[p : p + m].",
        "If the ReLU gave 0, nothing moves.",
    ],
}

MISTAKES = [
    Mistake("answers", "The last place is missing: there are T - m + 1.", "len(x) - m + 1)", "len(x) - m)"),
    Mistake("answers", "You turned the filter over: its first vector meets the first word.", "* w)", "* w[::-1])"),
    Mistake("answers", "You take the mean of the products. It is their sum.", "np.sum(", "np.mean("),
    Mistake("feature", "That is the mean over time. Keep the largest answer.", "np.max(s)", "np.mean(s)"),
    Mistake(
        "feature",
        "The ReLU is missing: below 0 the feature is 0.",
        "max(0.0, float(np.max(s)) + bias)",
        "float(np.max(s)) + bias",
    ),
    Mistake(
        "feature",
        "The bias comes before the ReLU.",
        "max(0.0, float(np.max(s)) + bias)",
        "max(0.0, float(np.max(s))) + bias",
    ),
    Mistake("feature", "The largest answer is not the one farthest from 0.", "np.max(s)", "np.max(np.abs(s))"),
    Mistake(
        "fill_up",
        "The zeros come behind the words.",
        "[x, np.zeros((missing, x.shape[1]))]",
        "[np.zeros((missing, x.shape[1])), x]",
    ),
    Mistake("fill_up", "You always add m rows. Only those that are missing.", "max(0, m - len(x))", "m"),
    Mistake(
        "filter_gradient",
        "Every place gets a gradient. Only that of the largest answer had a say.",
        "return dy * x[p : p + m]",
        "return dy * sum(x[q : q + m] for q in range(len(s)))",
    ),
    Mistake("filter_gradient", "Where the ReLU gave 0, the gradient is 0.", "s[p] + bias <= 0", "False"),
    Mistake("filter_gradient", "You forgot the gradient that comes from above, dy.", "return dy * x", "return x"),
    Mistake("filter_gradient", "The smallest answer is not the one that was kept.", "np.argmax(s)", "np.argmin(s)"),
    Mistake(
        "filter_gradient",
        "The gradient by w is made of the words, not of w.",
        "return dy * x[p : p + m]",
        "return dy * w",
    ),
]

ALTERNATIVES = [
    Alternative(
        "answers",
        """
def answers(x, w):
    windows = np.lib.stride_tricks.sliding_window_view(x, len(w), axis=0)
    return np.einsum("pdm,md->p", windows, w)
""",
    ),
    Alternative(
        "feature",
        """
def feature(s, bias):
    best = s[0]
    for value in s:
        if value > best:
            best = value
    return best + bias if best + bias > 0 else 0
""",
    ),
    Alternative(
        "fill_up",
        """
def fill_up(x, m):
    filled = np.zeros((max(len(x), m), x.shape[1]))
    filled[: len(x)] = x
    return filled
""",
    ),
    Alternative(
        "filter_gradient",
        """
def filter_gradient(x, w, bias, dy):
    best, place = None, 0
    for p in range(len(x) - len(w) + 1):
        s = float((x[p : p + len(w)] * w).sum())
        if best is None or s > best:
            best, place = s, p
    return dy * x[place : place + len(w)] * (best + bias > 0)
""",
    ),
]
