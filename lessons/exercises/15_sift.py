# %% [markdown]
# # Exercise 15 · SIFT and SURF: places that are found again
#
# You find extrema of a scale space, turn a keypoint, sum over boxes, and match. `python -m lessons check 15` tells what
# is right, what is wrong and why.
#
# S, H and W are the numbers of differences, rows and columns.

# %%
import numpy as np

# %% [markdown]
# ## 1. Extrema


# %%
def extrema(D, threshold):
    """Places where a difference is above all of its 26 neighbours, or below all of them, and beyond the threshold.

    Only places with all 26 neighbours count: those at any edge of D do not.

    Parameters
    ----------
    D : array, shape (S, H, W)
        Differences of blurred pictures.
    threshold : float
        abs(D) must be larger.

    Returns
    -------
    array of int, shape (n, 3)
        Scale, row and column, in the order of the array.

    Examples
    --------
    >>> D = np.zeros((3, 3, 3))
    >>> D[1, 1, 1] = -2.0
    >>> extrema(D, 1.0).tolist()
    [[1, 1, 1]]
    """
    # BEGIN SOLUTION: look at the cube around each inner place; the middle must be its only largest or smallest
    found = []
    for s in range(1, D.shape[0] - 1):
        for y in range(1, D.shape[1] - 1):
            for x in range(1, D.shape[2] - 1):
                value = D[s, y, x]
                others = np.delete(D[s - 1 : s + 2, y - 1 : y + 2, x - 1 : x + 2].ravel(), 13)
                if abs(value) > threshold and (value > others.max() or value < others.min()):
                    found.append((s, y, x))
    return np.array(found, int).reshape(-1, 3)
    # END SOLUTION


# %% tags=["check"] function="extrema" points=3
D = np.zeros((3, 3, 3))
D[1, 1, 1] = -2.0
assert extrema(D, 1.0).tolist() == [[1, 1, 1]]

# %% [markdown]
# ## 2. The angle between directions


# %%
def turned(angle, keypoint_angle):
    """The direction of a gradient as a keypoint sees it: its angle less the keypoint's, from 0 up to, not with, 2π.

    Parameters
    ----------
    angle : array
        Radians, any.
    keypoint_angle : float

    Returns
    -------
    array, of the shape of angle

    Examples
    --------
    >>> turned(np.array([0.5, 3.0]), 1.0).round(4).tolist()
    [5.7832, 2.0]
    """
    # BEGIN SOLUTION: subtract, and take the rest modulo a full circle
    return (angle - keypoint_angle) % (2 * np.pi)
    # END SOLUTION


# %% tags=["check"] function="turned" points=1
assert np.allclose(turned(np.array([0.5, 3.0]), 1.0), [2 * np.pi - 0.5, 2])

# %% [markdown]
# ## 3. Sums over boxes


# %%
def box_sum(integral, y0, x0, y1, x1):
    """The sum of a picture's rows y0 up to, not with, y1, and columns x0 up to, not with, x1.

    Parameters
    ----------
    integral : array, shape (H + 1, W + 1)
        integral[y, x] is the sum of all rows above y and all columns left of x; its first row and column are 0.
    y0, x0, y1, x1 : int

    Returns
    -------
    float

    Examples
    --------
    >>> integral = np.array([[0.0, 0, 0], [0, 1, 3], [0, 4, 10]])  # of [[1, 2], [3, 4]]
    >>> float(box_sum(integral, 1, 0, 2, 2))
    7.0
    """
    # BEGIN SOLUTION: the large corner, less two, and what was taken away twice back again
    return integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]
    # END SOLUTION


# %% tags=["check"] function="box_sum" points=2
assert box_sum(np.array([[0.0, 0, 0], [0, 1, 3], [0, 4, 10]]), 1, 0, 2, 2) == 7

# %% [markdown]
# ## 4. Matches


# %%
def matches(first, second, ratio):
    """Lowe's test: the nearest descriptor must be nearer than `ratio` times the distance to the second nearest.

    Parameters
    ----------
    first : array, shape (n, d)
    second : array, shape (m, d)
        m is at least 2.
    ratio : float

    Returns
    -------
    array of int, shape (matches, 2)
        Rows of first, rising, and the nearest row of second, by Euclidean distance.

    Examples
    --------
    The second descriptor has two that are equally near:

    >>> matches(np.array([[0.0], [5.0]]), np.array([[1.0], [9.0]]), 0.8).tolist()
    [[0, 0]]
    """
    # BEGIN SOLUTION: distances of every pair; the two smallest of each row, and their quotient
    distances = np.sqrt(((first[:, None] - second) ** 2).sum(axis=2))
    order = np.argsort(distances, axis=1, kind="stable")
    rows = np.arange(len(first))
    good = distances[rows, order[:, 0]] < ratio * distances[rows, order[:, 1]]
    return np.stack([rows[good], order[good, 0]], axis=1)
    # END SOLUTION


# %% tags=["check"] function="matches" points=3
assert matches(np.array([[0.0], [5.0]]), np.array([[1.0], [9.0]]), 0.8).tolist() == [[0, 0]]

# %% [markdown]
# ## Now use it
#
# Once all is right, this finds two discs and tells which is the larger one.

# %%
if __name__ == "__main__":
    from scipy.ndimage import gaussian_filter

    y, x = np.mgrid[:48, :64]
    picture = ((y - 20) ** 2 + (x - 16) ** 2 <= 9) + 1.0 * ((y - 26) ** 2 + (x - 44) ** 2 <= 64)
    sigmas = 1.2 * 1.3 ** np.arange(8)
    D = np.diff([gaussian_filter(picture, sigma) for sigma in sigmas], axis=0)
    for s, row, column in extrema(D, 0.15):
        print(f"row {row}, column {column}, size {sigmas[s]:.1f}")


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def peak(value, at=(1, 1, 1), shape=(3, 3, 3)):
    D = np.zeros(shape)
    D[at] = value
    return D


def ridge():
    """Two equal neighbours, neither above the other, and a place that is above its own scale alone."""
    D = peak(3.0, (1, 1, 1), (4, 4, 8))
    D[1, 1, 2] = 3.0
    D[1, 2, 5], D[2, 2, 5] = 2.0, 4.0
    return D


CHECKS = {
    "extrema": {
        "one below": lambda rng: (peak(-2.0), 1.0),
        "at the threshold": lambda rng: (peak(1.0), 1.0),
        "at the edge": lambda rng: (peak(5.0, (0, 2, 2), (4, 5, 5)), 0.5),
        "equals, and two scales": lambda rng: (ridge(), 0.5),
        "noise": lambda rng: (rng.normal(size=(5, 8, 9)), 0.3),
    },
    "turned": {
        "two": lambda rng: (np.array([0.5, 3.0]), 1.0),
        "any": lambda rng: (rng.uniform(-3.1, 3.1, 12), 5.0),
    },
    "box_sum": {
        "by hand": lambda rng: (np.array([[0.0, 0, 0], [0, 1, 3], [0, 4, 10]]), 1, 0, 2, 2),
        "nothing": lambda rng: (rng.random((4, 4)).cumsum(0).cumsum(1), 2, 1, 2, 3),
        "a box": lambda rng: (rng.random((8, 9)).cumsum(0).cumsum(1), 2, 3, 6, 5),
    },
    "matches": {
        "two equally near": lambda rng: (np.array([[0.0], [5.0]]), np.array([[1.0], [9.0]]), 0.8),
        "no match": lambda rng: (np.array([[5.0]]), np.array([[1.0], [9.0]]), 0.9),
        "the square would pass": lambda rng: (np.array([[0.0]]), np.array([[0.85], [1.0], [4.0]]), 0.8),
        "noise": lambda rng: (rng.normal(size=(12, 3)), rng.normal(size=(15, 3)), 0.7),
    },
}

HINTS = {
    "extrema": [
        "Three loops, each from 1 to its length less 1, visit the inner places.",
        "D[s - 1 : s + 2, y - 1 : y + 2, x - 1 : x + 2] is the cube; its middle is number 13 of 27.",
        "np.delete(cube.ravel(), 13) are the neighbours.",
    ],
    "turned": ["A difference of angles may be negative; % (2 * np.pi) brings it into the circle."],
    "box_sum": [
        "integral[y1, x1] holds all from the upper left corner.",
        "Take away what lies above y0 and what lies left of x0; the corner above and left is then taken away twice.",
    ],
    "matches": [
        "first[:, None] - second has the shape (n, m, d).",
        "np.argsort(distances, axis=1) puts the nearest first.",
        "Compare the nearest distance with ratio times the second one.",
    ],
}

MISTAKES = [
    Mistake(
        "extrema",
        "Only the largest are found. The smallest count as well: dark things on bright ground.",
        "(value > others.max() or value < others.min())",
        "value > others.max()",
    ),
    Mistake(
        "extrema",
        "You compare with the 8 neighbours of the same scale. All 26 in place and scale count.",
        "np.delete(D[s - 1 : s + 2, y - 1 : y + 2, x - 1 : x + 2].ravel(), 13)",
        "np.delete(D[s, y - 1 : y + 2, x - 1 : x + 2].ravel(), 4)",
    ),
    Mistake(
        "extrema",
        "The threshold is left out.",
        "abs(value) > threshold and ",
        "",
    ),
    Mistake(
        "extrema",
        "A place that equals a neighbour is taken. It must be above, or below, all of them.",
        "(value > others.max() or value < others.min())",
        "(value >= others.max() or value <= others.min())",
    ),
    Mistake(
        "turned",
        "The angle is not wrapped: it must lie from 0 to 2π.",
        "(angle - keypoint_angle) % (2 * np.pi)",
        "angle - keypoint_angle",
    ),
    Mistake(
        "turned",
        "You wrap at π, as HOG does. A keypoint tells light on dark from dark on light: wrap at 2π.",
        "% (2 * np.pi)",
        "% np.pi",
    ),
    Mistake(
        "turned",
        "You add the keypoint's angle. What a turned keypoint sees is turned back: subtract.",
        "(angle - keypoint_angle)",
        "(angle + keypoint_angle)",
    ),
    Mistake(
        "box_sum",
        "What lies above and left is taken away twice: add its corner back.",
        " + integral[y0, x0]",
        "",
    ),
    Mistake(
        "box_sum",
        "Rows and columns have changed places: the first index is the row.",
        "integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]",
        "integral.T[y1, x1] - integral.T[y0, x1] - integral.T[y1, x0] + integral.T[y0, x0]",
    ),
    Mistake(
        "matches",
        "Every nearest one is taken. The ratio test is missing.",
        "distances[rows, order[:, 0]] < ratio * distances[rows, order[:, 1]]",
        "np.ones(len(first), bool)",
    ),
    Mistake(
        "matches",
        "You compare squared distances: take the root first, or square the ratio.",
        "np.sqrt(((first[:, None] - second) ** 2).sum(axis=2))",
        "((first[:, None] - second) ** 2).sum(axis=2)",
    ),
]

ALTERNATIVES = [
    Alternative(
        "extrema",
        """
def extrema(D, threshold):
    inner = D[1:-1, 1:-1, 1:-1]
    high, low = np.ones(inner.shape, bool), np.ones(inner.shape, bool)
    S, H, W = inner.shape
    for a in range(3):
        for b in range(3):
            for c in range(3):
                if (a, b, c) != (1, 1, 1):
                    near = D[a : a + S, b : b + H, c : c + W]
                    high &= inner > near
                    low &= inner < near
    return np.argwhere((high | low) & (np.abs(inner) > threshold)) + 1
""",
    ),
    Alternative(
        "turned",
        """
def turned(angle, keypoint_angle):
    rest = np.asarray(angle) - keypoint_angle
    return rest - 2 * np.pi * np.floor(rest / (2 * np.pi))
""",
    ),
    Alternative(
        "box_sum",
        """
def box_sum(integral, y0, x0, y1, x1):
    columns = integral[y1] - integral[y0]
    return columns[x1] - columns[x0]
""",
    ),
    Alternative(
        "matches",
        """
def matches(first, second, ratio):
    found = []
    for i, x in enumerate(first):
        distances = np.linalg.norm(second - x, axis=1)
        nearest = int(np.argmin(distances))
        if distances[nearest] < ratio * np.delete(distances, nearest).min():
            found.append((i, nearest))
    return np.array(found, int).reshape(-1, 2)
""",
    ),
]
