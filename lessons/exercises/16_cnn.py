# %% [markdown]
# # Exercise 16 · CNN: the same little pattern, everywhere
#
# You slide a pattern over a picture, pool, and send gradients back through both. `python -m lessons check 16` tells
# what is right, what is wrong and why.
#
# H and W are the rows and columns of a picture, h and w those of a pattern.

# %%
import numpy as np

# %% [markdown]
# ## 1. How large is the result?


# %%
def output_size(n, k, stride, padding):
    """How many places a pattern of k has in a row of n numbers with `padding` zeros at *both* ends, `stride` apart.

    Parameters
    ----------
    n, k, stride, padding : int
        The pattern fits at least once.

    Returns
    -------
    int

    Examples
    --------
    >>> output_size(5, 3, 1, 0), output_size(5, 3, 2, 1)
    (3, 3)
    """
    # BEGIN SOLUTION: the first place is at the start; count the steps of the stride that still fit
    return (n + 2 * padding - k) // stride + 1
    # END SOLUTION


# %% tags=["check"] function="output_size" points=1
assert output_size(5, 3, 1, 0) == 3 and output_size(5, 3, 2, 1) == 3

# %% [markdown]
# ## 2. The convolution of networks


# %%
def correlate(x, w):
    """What a pattern answers at every place where it fits: the sum of the products. The pattern is not turned over.

    Parameters
    ----------
    x : array, shape (H, W)
    w : array, shape (h, w)
        At most as large as the picture.

    Returns
    -------
    array, shape (H - h + 1, W - w + 1)

    Examples
    --------
    >>> correlate(np.array([[0.0, 0.0, 1.0, 1.0, 0.0]]), np.array([[-1.0, 1.0]])).tolist()
    [[0.0, 1.0, 0.0, -1.0]]
    """
    # BEGIN SOLUTION: for every place, multiply the piece of x below the pattern with it, and add up
    rows, columns = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    y = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            y[i, j] = np.sum(x[i : i + w.shape[0], j : j + w.shape[1]] * w)
    return y
    # END SOLUTION


# %% tags=["check"] function="correlate" points=3
assert correlate(np.array([[0.0, 0, 1, 1, 0]]), np.array([[-1.0, 1]])).tolist() == [[0, 1, 0, -1]]

# %% [markdown]
# ## 3. The gradient of the pattern


# %%
def weight_gradient(x, dy):
    """The gradient of the loss with respect to the pattern, from the one with respect to ``correlate(x, w)``.

    A weight was used at every place; it gets the sum over all of them.

    Parameters
    ----------
    x : array, shape (H, W)
    dy : array, shape (H - h + 1, W - w + 1)

    Returns
    -------
    array, shape (h, w)

    Examples
    --------
    >>> weight_gradient(np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 10.0]])).tolist()
    [[21.0, 32.0]]
    """
    # BEGIN SOLUTION: y[i, j] = Σ w[u, v] x[i + u, j + v], so dw[u, v] = Σ dy[i, j] x[i + u, j + v]
    rows, columns = dy.shape
    dw = np.zeros((x.shape[0] - rows + 1, x.shape[1] - columns + 1))
    for u in range(dw.shape[0]):
        for v in range(dw.shape[1]):
            dw[u, v] = np.sum(dy * x[u : u + rows, v : v + columns])
    return dw
    # END SOLUTION


# %% tags=["check"] function="weight_gradient" points=3
assert weight_gradient(np.array([[1.0, 2, 3]]), np.array([[1.0, 10]])).tolist() == [[21, 32]]

# %% [markdown]
# ## 4. Pooling


# %%
def max_pool(x):
    """The largest number of every 2 × 2 places, side by side; an odd last row or column is left out.

    Parameters
    ----------
    x : array, shape (H, W), at least 2 × 2

    Returns
    -------
    array, shape (H // 2, W // 2)

    Examples
    --------
    >>> max_pool(np.array([[1.0, 5.0, 0.0], [2.0, 3.0, 9.0]])).tolist()
    [[5.0]]
    """
    # BEGIN SOLUTION: cut to even sizes, show the windows as axes of their own, take the largest of each
    rows, columns = x.shape[0] // 2, x.shape[1] // 2
    return x[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).max(axis=(1, 3))
    # END SOLUTION


# %% tags=["check"] function="max_pool" points=2
assert max_pool(np.array([[1.0, 5, 0], [2, 3, 9]])).tolist() == [[5]]

# %% [markdown]
# ## 5. The gradient of pooling


# %%
def max_pool_backward(x, dy):
    """The gradient with respect to x, from the one with respect to ``max_pool(x)``.

    Only the largest number of a window had a say; of equal ones, the first, row by row.

    Parameters
    ----------
    x : array, shape (H, W), at least 2 × 2
    dy : array, shape (H // 2, W // 2)

    Returns
    -------
    array, shape (H, W)

    Examples
    --------
    >>> max_pool_backward(np.array([[1.0, 5.0], [2.0, 3.0]]), np.array([[10.0]])).tolist()
    [[0.0, 10.0], [0.0, 0.0]]
    """
    # BEGIN SOLUTION: zeros, and in each window the gradient at the place of its largest number
    dx = np.zeros(x.shape)
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            u, v = divmod(int(np.argmax(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2])), 2)
            dx[2 * i + u, 2 * j + v] = dy[i, j]
    return dx
    # END SOLUTION


# %% tags=["check"] function="max_pool_backward" points=3
assert max_pool_backward(np.array([[1.0, 5], [2, 3]]), np.array([[10.0]])).tolist() == [[0, 10], [0, 0]]

# %% [markdown]
# ## Now use it
#
# Once all is right, this learns a pattern that answers for crosses and not for squares, from forty tiny pictures.

# %%
if __name__ == "__main__":
    rng = np.random.default_rng(0)
    cross, square = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    w = rng.normal(size=(3, 3)) / 3
    for step in range(400):
        x, is_cross = rng.normal(0, 0.1, (8, 8)), step % 2
        i, j = rng.integers(0, 6, 2)
        x[i : i + 3, j : j + 3] += cross if is_cross else square
        y = correlate(x, w)
        wrong = y.max() - (1 if is_cross else 0)
        dy = np.where(y == y.max(), wrong, 0)
        w -= 0.05 * weight_gradient(x, dy)
    print(w.round(1))


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def picture_and_gradient(rng, H, W, h, w):
    return rng.normal(size=(H, W)), rng.normal(size=(H - h + 1, W - w + 1))


CHECKS = {
    "output_size": {
        "no padding": lambda rng: (5, 3, 1, 0),
        "padding at both ends": lambda rng: (5, 3, 1, 1),
        "a stride that does not come out even": lambda rng: (6, 3, 2, 0),
        "as large as the row": lambda rng: (4, 4, 3, 0),
        "all of it": lambda rng: (11, 5, 3, 2),
    },
    "correlate": {
        "an edge": lambda rng: (np.array([[0.0, 0, 1, 1, 0]]), np.array([[-1.0, 1]])),
        "one place": lambda rng: (rng.normal(size=(2, 3)), rng.normal(size=(2, 3))),
        "one weight": lambda rng: (rng.normal(size=(3, 4)), np.array([[2.0]])),
        "random numbers": lambda rng: (rng.normal(size=(6, 7)), rng.normal(size=(3, 2))),
    },
    "weight_gradient": {
        "one row": lambda rng: (np.array([[1.0, 2, 3]]), np.array([[1.0, 10]])),
        "one place": lambda rng: (rng.normal(size=(2, 3)), np.array([[2.0]])),
        "random numbers": lambda rng: picture_and_gradient(rng, 6, 7, 3, 2),
    },
    "max_pool": {
        "an odd column": lambda rng: (np.array([[1.0, 5, 0], [2, 3, 9]]),),
        "all below 0": lambda rng: (-1 - rng.random((4, 4)),),
        "random numbers": lambda rng: (rng.normal(size=(5, 6)),),
    },
    "max_pool_backward": {
        "one window": lambda rng: (np.array([[1.0, 5], [2, 3]]), np.array([[10.0]])),
        "equal numbers": lambda rng: (np.ones((2, 4)), np.array([[1.0, 2]])),
        "all below 0": lambda rng: (-1 - rng.random((2, 4)), np.array([[3.0, 4]])),
        "odd sizes": lambda rng: (rng.normal(size=(5, 7)), rng.normal(size=(2, 3))),
    },
}

HINTS = {
    "output_size": [
        "The padded row has n + 2 · padding numbers. Where does the last pattern begin?",
        "It may begin at 0, stride, 2 · stride … up to n + 2 · padding - k.",
    ],
    "correlate": [
        "How many rows can the pattern begin at? H - h + 1.",
        "At (i, j) it lies on x[i : i + h, j : j + w].",
    ],
    "weight_gradient": [
        "Write down y[i, j] as a sum over u, v, and ask which terms hold w[u, v].",
        "It is a correlation again: of x, with dy as the pattern.",
    ],
    "max_pool": [
        "Leave out what is odd first: x[: 2 * (H // 2), : 2 * (W // 2)].",
        "reshape(rows, 2, columns, 2) makes the windows axes 1 and 3.",
    ],
    "max_pool_backward": [
        "Begin with zeros of the shape of x.",
        "np.argmax of a 2 × 2 window counts row by row: divmod(…, 2) gives its row and column.",
    ],
}

MISTAKES = [
    Mistake("output_size", "You are off by one: the first place counts, too.", "// stride + 1", "// stride"),
    Mistake("output_size", "Zeros stand at both ends: the padding counts twice.", "2 * padding", "padding"),
    Mistake(
        "output_size",
        "You divide the padded row by the stride and forget that the pattern itself takes k.",
        "padding - k)",
        "padding - 1)",
    ),
    Mistake(
        "correlate",
        "You turned the pattern over. Mathematicians call that convolution; networks do not do it.",
        "j : j + w.shape[1]] * w)",
        "j : j + w.shape[1]] * w[::-1, ::-1])",
    ),
    Mistake(
        "correlate",
        "You leave out the last row and column of places. There are H - h + 1 and W - w + 1.",
        "rows, columns = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1",
        "rows, columns = x.shape[0] - w.shape[0], x.shape[1] - w.shape[1]",
    ),
    Mistake("correlate", "You take the mean. It is the sum.", "np.sum(x[i", "np.mean(x[i"),
    Mistake(
        "weight_gradient",
        "A weight was used at *every* place: add up over all of them, do not take the mean.",
        "np.sum(dy *",
        "np.mean(dy *",
    ),
    Mistake(
        "weight_gradient",
        "dy is not turned over here: w[u, v] met x[i + u, j + v] and made y[i, j].",
        "np.sum(dy * x",
        "np.sum(dy[::-1, ::-1] * x",
    ),
    Mistake(
        "weight_gradient",
        "Only the first place is counted. The weight was used at every place.",
        "dw[u, v] = np.sum(dy * x[u : u + rows, v : v + columns])",
        "dw[u, v] = dy[0, 0] * x[u, v]",
    ),
    Mistake("max_pool", "That is the mean of each window.", ".max(axis", ".mean(axis"),
    Mistake(
        "max_pool",
        "Below 0 the largest number is still the largest: no ReLU here.",
        "2).max(axis=(1, 3))",
        "2).max(axis=(1, 3), initial=0)",
    ),
    Mistake("max_pool", "You take the smallest number of each window.", ".max(axis", ".min(axis"),
    Mistake(
        "max_pool_backward",
        "The gradient goes to every place of the window. Only the largest number had a say.",
        "dx[2 * i + u, 2 * j + v] = dy[i, j]",
        "dx[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = dy[i, j]",
    ),
    Mistake(
        "max_pool_backward",
        "The gradient is shared out in equal parts, as for a mean.",
        "dx[2 * i + u, 2 * j + v] = dy[i, j]",
        "dx[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = dy[i, j] / 4",
    ),
    Mistake(
        "max_pool_backward",
        "The number with the largest absolute value is not the largest.",
        "np.argmax(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2])",
        "np.argmax(np.abs(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]))",
    ),
]

ALTERNATIVES = [
    Alternative(
        "output_size",
        """
def output_size(n, k, stride, padding):
    return len(range(0, n + 2 * padding - k + 1, stride))
""",
    ),
    Alternative(
        "correlate",
        """
def correlate(x, w):
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return np.einsum("ijuv,uv->ij", windows, w)
""",
    ),
    Alternative(
        "weight_gradient",
        """
def weight_gradient(x, dy):
    windows = np.lib.stride_tricks.sliding_window_view(x, dy.shape)
    return np.einsum("uvij,ij->uv", windows, dy)
""",
    ),
    Alternative(
        "max_pool",
        """
def max_pool(x):
    H, W = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    return np.maximum(np.maximum(x[0:H:2, 0:W:2], x[1:H:2, 0:W:2]), np.maximum(x[0:H:2, 1:W:2], x[1:H:2, 1:W:2]))
""",
    ),
    Alternative(
        "max_pool_backward",
        """
def max_pool_backward(x, dy):
    dx = np.zeros_like(x)
    for i, j in np.ndindex(*dy.shape):
        places = [(2 * i, 2 * j), (2 * i, 2 * j + 1), (2 * i + 1, 2 * j), (2 * i + 1, 2 * j + 1)]
        dx[max(places, key=lambda place: x[place])] += dy[i, j]
    return dx
""",
    ),
]
