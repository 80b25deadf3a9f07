# %% [markdown]
# # Exercise 14 · HOG: a picture as directions
#
# You take gradients, let cells vote for directions, and normalise blocks. `python -m lessons check 14` tells what is
# right, what is wrong and why.
#
# H and W are the height and the width of a picture.

# %%
import numpy as np

# %% [markdown]
# ## 1. Gradients


# %%
def gradients(picture):
    """How much each pixel's neighbours differ, downwards and to the right.

    g_y(y, x) = I(y + 1, x) - I(y - 1, x) and g_x(y, x) = I(y, x + 1) - I(y, x - 1). The first and the last row have
    g_y = 0, the first and the last column g_x = 0.

    Parameters
    ----------
    picture : array, shape (H, W), float
        H and W at least 3.

    Returns
    -------
    array, shape (2, H, W)
        g_y, then g_x.

    Examples
    --------
    >>> gradients(np.array([[0.0, 1, 2], [1, 2, 3], [2, 3, 4]]))[1].tolist()
    [[0.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0]]
    """
    # BEGIN SOLUTION: shift the picture by one to both sides and subtract; leave zeros at the edges
    g = np.zeros((2, *picture.shape))
    g[0, 1:-1] = picture[2:] - picture[:-2]
    g[1, :, 1:-1] = picture[:, 2:] - picture[:, :-2]
    return g
    # END SOLUTION


# %% tags=["check"] function="gradients" points=2
assert np.array_equal(gradients(np.array([[0.0, 1, 2], [1, 2, 3], [2, 3, 4]]))[1], [[0, 2, 0]] * 3)

# %% [markdown]
# ## 2. Bins of directions


# %%
def direction_bins(g_y, g_x, n):
    """The bin of each gradient's angle, modulo 180°: bin k begins at 180 k / n, and ends before 180 (k + 1) / n.

    Parameters
    ----------
    g_y, g_x : arrays of one shape
    n : int

    Returns
    -------
    array of int, of that shape
        From 0 to n - 1; 0 where there is no gradient.

    Examples
    --------
    To the right, downwards, and upwards to the right, which is 135° modulo 180°:

    >>> direction_bins(np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.0, 1.0]), 4).tolist()
    [0, 2, 3]
    """
    # BEGIN SOLUTION: the arc tangent of two arguments, in degrees, modulo 180, over the width of a bin
    degrees = np.rad2deg(np.arctan2(g_y, g_x)) % 180
    return np.minimum((degrees / (180 / n)).astype(int), n - 1)
    # END SOLUTION


# %% tags=["check"] function="direction_bins" points=3
assert direction_bins(np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.0, 1.0]), 4).tolist() == [0, 2, 3]

# %% [markdown]
# ## 3. Votes


# %%
def histogram(sizes, bins, n):
    """Each pixel of a cell votes for its bin with the size of its gradient; the votes are means over all pixels.

    Parameters
    ----------
    sizes : array, shape (h, w)
        Of the gradients.
    bins : array of int, shape (h, w)
    n : int

    Returns
    -------
    array, shape (n,)

    Examples
    --------
    >>> histogram(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[0, 1], [0, 0]]), 3).tolist()
    [1.0, 0.5, 0.0]
    """
    # BEGIN SOLUTION: add up the sizes of each bin, and divide by the number of pixels
    votes = np.zeros(n)
    for k in range(n):
        votes[k] = sizes[bins == k].sum()
    return votes / sizes.size
    # END SOLUTION


# %% tags=["check"] function="histogram" points=2
assert np.allclose(histogram(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[0, 1], [0, 0]]), 3), [1, 0.5, 0])

# %% [markdown]
# ## 4. Blocks


# %%
def normalise(block, eps=1e-5, cut=0.2):
    """L2-Hys: divide by the length √(Σ v² + eps²), cut at `cut`, and divide by the length once more.

    Parameters
    ----------
    block : array of any shape
        Left as it is.
    eps, cut : float

    Returns
    -------
    array, of that shape

    Examples
    --------
    >>> normalise(np.array([3.0, 4.0]), cut=0.6).round(3).tolist()
    [0.707, 0.707]
    """
    # BEGIN SOLUTION: the same division before and after np.minimum
    v = block / np.sqrt((block**2).sum() + eps**2)
    v = np.minimum(v, cut)
    return v / np.sqrt((v**2).sum() + eps**2)
    # END SOLUTION


# %% tags=["check"] function="normalise" points=3
assert np.allclose(normalise(np.array([3.0, 4.0]), cut=0.6), [0.5**0.5] * 2, atol=1e-3)

# %% [markdown]
# ## Now use it
#
# Once all is right, this tells which way the stripes of a picture run.

# %%
if __name__ == "__main__":
    y, x = np.mgrid[:32, :32]
    for degrees in (0, 30, 90, 120):
        turn = np.deg2rad(degrees)
        stripes = np.sin(x * np.cos(turn) + y * np.sin(turn))
        g_y, g_x = gradients(stripes)
        votes = normalise(histogram(np.hypot(g_y, g_x), direction_bins(g_y, g_x, 18), 18))
        print(f"stripes that change along {degrees:3}°: most votes for {10 * int(votes.argmax())}° to", end=" ")
        print(f"{10 * int(votes.argmax()) + 10}°")


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

CHECKS = {
    "gradients": {
        "a slope": lambda rng: (np.array([[0.0, 1, 2], [1, 2, 3], [2, 3, 4]]),),
        "a constant": lambda rng: (np.ones((3, 4)),),
        "noise": lambda rng: (rng.normal(size=(5, 7)),),
    },
    "direction_bins": {
        "right, down, up": lambda rng: (np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.0, 1.0]), 4),
        "to the left": lambda rng: (np.array([0.0, 1.0, 0.0]), np.array([-1.0, -3.0, 0.0]), 9),
        "noise": lambda rng: (rng.normal(size=(6, 6)), rng.normal(size=(6, 6)), 9),
    },
    "histogram": {
        "four pixels": lambda rng: (np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[0, 1], [0, 0]]), 3),
        "nothing": lambda rng: (np.zeros((2, 3)), np.zeros((2, 3), int), 2),
        "noise": lambda rng: (rng.random((8, 8)), rng.integers(0, 9, (8, 8)), 9),
    },
    "normalise": {
        "two numbers": lambda rng: (np.array([3.0, 4.0]), 1e-5, 0.6),
        "zeros": lambda rng: (np.zeros((2, 2)),),
        "one large": lambda rng: (np.array([100.0, 1.0, 1.0, 2.0, 0.5, 0.1]),),
        "a block": lambda rng: (rng.random((3, 3, 9)),),
        "hardly anything": lambda rng: (1e-5 * rng.random((2, 2, 4)),),
    },
}

HINTS = {
    "gradients": [
        "np.zeros((2, H, W)) has the edges right already.",
        "picture[2:] is the row below, picture[:-2] the row above, both for the rows 1:-1.",
    ],
    "direction_bins": [
        "np.arctan2(g_y, g_x) knows all four quarters; np.arctan(g_y / g_x) does not.",
        "% 180 in NumPy gives numbers from 0 to 180 for negative ones, too.",
        "Divide by 180 / n and cut off what stands behind the point.",
    ],
    "histogram": ["sizes[bins == k] are the sizes that vote for k.", "Divide by sizes.size, not by how many voted."],
    "normalise": [
        "The length is np.sqrt((v**2).sum() + eps**2) over all numbers of the block.",
        "np.minimum(v, cut) cuts.",
        "After the cut the length is no longer 1: divide again.",
    ],
}

MISTAKES = [
    Mistake(
        "gradients",
        "g_y and g_x have changed places: rows lie along the first axis, so g_y subtracts rows.",
        "g[0, 1:-1] = picture[2:] - picture[:-2]\n    g[1, :, 1:-1] = picture[:, 2:] - picture[:, :-2]",
        "g[1, 1:-1] = picture[2:] - picture[:-2]\n    g[0, :, 1:-1] = picture[:, 2:] - picture[:, :-2]",
    ),
    Mistake(
        "gradients",
        "Your gradients point the wrong way: what lies below minus what lies above, right minus left.",
        "g[0, 1:-1] = picture[2:] - picture[:-2]\n    g[1, :, 1:-1] = picture[:, 2:] - picture[:, :-2]",
        "g[0, 1:-1] = picture[:-2] - picture[2:]\n    g[1, :, 1:-1] = picture[:, :-2] - picture[:, 2:]",
    ),
    Mistake(
        "gradients",
        "You divide by 2, as np.gradient does. Here the difference itself is asked for.",
        "return g",
        "return g / 2",
    ),
    Mistake(
        "direction_bins",
        "The arguments of arctan2 have changed places: it is arctan2(y, x).",
        "np.arctan2(g_y, g_x)",
        "np.arctan2(g_x, g_y)",
    ),
    Mistake(
        "direction_bins",
        "Angles are wrapped at 360°. Modulo 180°, light on dark counts as dark on light.",
        "np.rad2deg(np.arctan2(g_y, g_x)) % 180\n    return np.minimum((degrees / (180 / n)).astype(int), n - 1)",
        "np.rad2deg(np.arctan2(g_y, g_x)) % 360\n    return np.minimum((degrees / (360 / n)).astype(int), n - 1)",
    ),
    Mistake(
        "direction_bins",
        "You take the angle's absolute value: -45° is 135° modulo 180°, not 45°.",
        "np.rad2deg(np.arctan2(g_y, g_x)) % 180",
        "np.abs(np.rad2deg(np.arctan2(g_y, g_x))) % 180",
    ),
    Mistake(
        "direction_bins",
        "You round to the nearest boundary. Bin k begins at its boundary: cut off what stands behind the point.",
        "(degrees / (180 / n)).astype(int)",
        "np.rint(degrees / (180 / n)).astype(int)",
    ),
    Mistake(
        "histogram",
        "Every pixel votes with 1. Its vote is the size of its gradient.",
        "sizes[bins == k].sum()",
        "(bins == k).sum()",
    ),
    Mistake(
        "histogram",
        "The votes are not divided by the number of pixels.",
        "return votes / sizes.size",
        "return votes",
    ),
    Mistake(
        "normalise",
        "After the cut, the length is no longer 1: divide again.",
        "return v / np.sqrt((v**2).sum() + eps**2)",
        "return v",
    ),
    Mistake(
        "normalise",
        "Nothing is cut: after the first division, no number may be above the cut.",
        "v = np.minimum(v, cut)",
        "pass",
    ),
    Mistake(
        "normalise",
        "You divide by the sum, which is L1. The length is the root of the sum of squares.",
        "v = block / np.sqrt((block**2).sum() + eps**2)",
        "v = block / (np.abs(block).sum() + eps)",
    ),
]

ALTERNATIVES = [
    Alternative(
        "gradients",
        """
def gradients(picture):
    H, W = picture.shape
    g = np.zeros((2, H, W))
    for y in range(H):
        for x in range(W):
            if 0 < y < H - 1:
                g[0, y, x] = picture[y + 1, x] - picture[y - 1, x]
            if 0 < x < W - 1:
                g[1, y, x] = picture[y, x + 1] - picture[y, x - 1]
    return g
""",
    ),
    Alternative(
        "direction_bins",
        """
def direction_bins(g_y, g_x, n):
    angle = np.arctan2(g_y, g_x)
    angle = np.where(angle < 0, angle + np.pi, angle)
    angle = np.where(angle >= np.pi, 0, angle)
    return np.floor(angle * n / np.pi).astype(int)
""",
    ),
    Alternative(
        "normalise",
        """
def normalise(block, eps=1e-5, cut=0.2):
    v = np.array(block, float)
    for step in range(2):
        v = v / np.sqrt(np.square(v).sum() + eps * eps)
        if step == 0:
            v[v > cut] = cut
    return v
""",
    ),
    Alternative(
        "histogram",
        """
def histogram(sizes, bins, n):
    return np.bincount(bins.ravel(), sizes.ravel(), minlength=n) / sizes.size
""",
    ),
]
