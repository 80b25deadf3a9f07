# %% [markdown]
# # Exercise 19 · Patches
#
# You cut pictures and clips into patches, put them back, and tell them where they lie. `python -m lessons check 19`
# tells what is right, what is wrong and why.
#
# H, W and C are a picture's height, width and channels; T is the number of frames; h, w and t are those of a patch.

# %%
import numpy as np

# %% [markdown]
# ## 1. Cutting a picture


# %%
def cut(picture, h, w):
    """Cut a picture into patches.

    Parameters
    ----------
    picture : array, shape (H, W, C)
        h divides H, w divides W.
    h, w : int
        Height and width of a patch.

    Returns
    -------
    array, shape (H/h · W/w, h · w · C)
        Patches from left to right, then from top to bottom; within each, the same order, the channels of a pixel
        together.

    Examples
    --------
    >>> cut(np.arange(8).reshape(2, 4, 1), 2, 2).tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    # BEGIN SOLUTION: split both axes in two, bring the numbers of a patch together, and flatten
    H, W, C = picture.shape
    split = picture.reshape(H // h, h, W // w, w, C)
    return split.transpose(0, 2, 1, 3, 4).reshape(-1, h * w * C)
    # END SOLUTION


# %% tags=["check"] function="cut" points=3
assert np.array_equal(cut(np.arange(8).reshape(2, 4, 1), 2, 2), [[0, 1, 4, 5], [2, 3, 6, 7]])

# %% [markdown]
# ## 2. Putting it together


# %%
def put_together(patches, H, W, h, w):
    """The inverse of `cut`.

    Parameters
    ----------
    patches : array, shape (H/h · W/w, h · w · C)
    H, W : int
        Height and width of the picture.
    h, w : int
        Height and width of a patch.

    Returns
    -------
    array, shape (H, W, C)

    Examples
    --------
    >>> put_together(np.array([[0, 1, 4, 5], [2, 3, 6, 7]]), 2, 4, 2, 2)[:, :, 0].tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    # BEGIN SOLUTION: the steps of cut, backwards
    split = patches.reshape(H // h, W // w, h, w, -1)
    return split.transpose(0, 2, 1, 3, 4).reshape(H, W, -1)
    # END SOLUTION


# %% tags=["check"] function="put_together" points=2
assert np.array_equal(
    put_together(np.array([[0, 1, 4, 5], [2, 3, 6, 7]]), 2, 4, 2, 2)[:, :, 0], [[0, 1, 2, 3], [4, 5, 6, 7]]
)

# %% [markdown]
# ## 3. Cutting a clip


# %%
def tubelets(clip, t, h, w):
    """Cut a clip into patches of time, height and width.

    Parameters
    ----------
    clip : array, shape (T, H, W, C)
        t divides T, h divides H, w divides W.
    t, h, w : int

    Returns
    -------
    array, shape (T/t · H/h · W/w, t · h · w · C)
        Time runs slowest, then the rows, then the columns; within each patch, the same order.

    Examples
    --------
    >>> tubelets(np.arange(8).reshape(4, 1, 2, 1), 2, 1, 1).tolist()
    [[0, 2], [1, 3], [4, 6], [5, 7]]
    """
    # BEGIN SOLUTION: as cut, with one axis more
    T, H, W, C = clip.shape
    split = clip.reshape(T // t, t, H // h, h, W // w, w, C)
    return split.transpose(0, 2, 4, 1, 3, 5, 6).reshape(-1, t * h * w * C)
    # END SOLUTION


# %% tags=["check"] function="tubelets" points=3
assert np.array_equal(tubelets(np.arange(8).reshape(4, 1, 2, 1), 2, 1, 1), [[0, 2], [1, 3], [4, 6], [5, 7]])

# %% [markdown]
# ## 4. How many


# %%
def count(size, patch, stride):
    """How many whole patches there are along an axis.

    Parameters
    ----------
    size : int
        Of the axis.
    patch : int
        Of a patch along it; may be larger than the axis: then there is none.
    stride : int
        From the beginning of a patch to that of the next.

    Returns
    -------
    int

    Examples
    --------
    >>> count(10, 4, 2), count(3, 4, 2)
    (4, 0)
    """
    # BEGIN SOLUTION: one, and one more for each step that still leaves room for a whole patch
    return max(0, (size - patch) // stride + 1)
    # END SOLUTION


# %% tags=["check"] function="count" points=1
assert count(10, 4, 2) == 4 and count(3, 4, 2) == 0

# %% [markdown]
# ## 5. Where they lie


# %%
def places(T, H, W):
    """The place (t, y, x) of each patch of a grid, in the order of `tubelets`.

    Parameters
    ----------
    T, H, W : int
        Patches along time, height and width.

    Returns
    -------
    array, shape (T · H · W, 3)

    Examples
    --------
    >>> places(2, 1, 2).tolist()
    [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 0, 1]]
    """
    # BEGIN SOLUTION: x changes with every patch, y with every row, t with every frame
    return np.array([(t, y, x) for t in range(T) for y in range(H) for x in range(W)])
    # END SOLUTION


# %% tags=["check"] function="places" points=1
assert np.array_equal(places(2, 1, 2), [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 0, 1]])

# %% [markdown]
# ## Now use it
#
# Once all is right, a cat is shuffled as 36 patches, and put in order again by their places.

# %%
if __name__ == "__main__":
    from embeddings.datasets import images

    cat = images()["cat"][:288, 80:368]
    patches = cut(cat, 48, 48)
    order = np.random.default_rng(0).permutation(36)
    where = places(1, 6, 6)[order]
    back = np.empty_like(patches)
    back[where[:, 1] * 6 + where[:, 2]] = patches[order]
    print("the cat is back:", np.array_equal(put_together(back, 288, 288, 48, 48), cat))


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

CHECKS = {
    "cut": {
        "by hand": lambda rng: (np.arange(8).reshape(2, 4, 1), 2, 2),
        "three channels": lambda rng: (np.arange(72).reshape(4, 6, 3), 2, 3),
        "one patch": lambda rng: (rng.integers(0, 255, (2, 3, 2)), 2, 3),
        "single pixels": lambda rng: (rng.integers(0, 255, (2, 2, 3)), 1, 1),
        "a large one": lambda rng: (rng.integers(0, 255, (12, 8, 3)), 3, 4),
    },
    "put_together": {
        "by hand": lambda rng: (np.array([[0, 1, 4, 5], [2, 3, 6, 7]]), 2, 4, 2, 2),
        "three channels": lambda rng: (np.arange(72).reshape(4, 18), 4, 6, 2, 3),
        "more rows than columns": lambda rng: (rng.integers(0, 255, (8, 36)), 12, 8, 3, 4),
    },
    "tubelets": {
        "by hand": lambda rng: (np.arange(8).reshape(4, 1, 2, 1), 2, 1, 1),
        "three channels": lambda rng: (np.arange(288).reshape(4, 4, 6, 3), 2, 2, 3),
        "whole frames": lambda rng: (rng.integers(0, 255, (3, 2, 4, 1)), 1, 2, 4),
        "a large one": lambda rng: (rng.integers(0, 255, (6, 4, 8, 3)), 3, 2, 2),
    },
    "count": {
        "overlapping": lambda rng: (10, 4, 2),
        "side by side": lambda rng: (12, 4, 4),
        "a rest": lambda rng: (11, 4, 3),
        "too large": lambda rng: (3, 4, 2),
        "much too large": lambda rng: (3, 9, 2),
        "just one": lambda rng: (4, 4, 1),
    },
    "places": {
        "by hand": lambda rng: (2, 1, 2),
        "three sizes": lambda rng: (2, 3, 4),
        "one": lambda rng: (1, 1, 1),
    },
}

HINTS = {
    "cut": [
        "picture.reshape(H // h, h, W // w, w, C) splits rows into (which patch, which row of it), and columns too.",
        "The first two axes are to be (patch row, patch column): transpose(0, 2, 1, 3, 4).",
        "The last reshape flattens a patch: reshape(-1, h * w * C).",
    ],
    "put_together": [
        "First patches.reshape(H // h, W // w, h, w, -1): the last axis is the channels.",
        "The rows of a patch belong behind its patch row: transpose(0, 2, 1, 3, 4), the same as on the way there.",
    ],
    "tubelets": [
        "Split all three axes: (T // t, t, H // h, h, W // w, w, C).",
        "First the three that tell which patch, 0, 2, 4, then those that tell where in it, 1, 3, 5, then 6.",
    ],
    "count": [
        "The first patch needs `patch` places; each further one `stride` more.",
        "(size - patch) // stride + 1, but never below 0.",
    ],
    "places": ["Three loops, one in the other: t outside, x inside."],
}

MISTAKES = [
    Mistake(
        "cut",
        "You flatten without bringing a patch together first: transpose before the last reshape.",
        "split.transpose(0, 2, 1, 3, 4).reshape",
        "split.reshape",
    ),
    Mistake(
        "cut",
        "The patches run from top to bottom first. They are read as a page is, row by row.",
        "split.transpose(0, 2, 1, 3, 4)",
        "split.transpose(2, 0, 1, 3, 4)",
    ),
    Mistake(
        "cut",
        "The pixels within a patch are turned: rows of the patch come before its columns.",
        "split.transpose(0, 2, 1, 3, 4)",
        "split.transpose(0, 2, 3, 1, 4)",
    ),
    Mistake(
        "cut",
        "The channels come first in your patches. Those of a pixel stay together, at the end.",
        "split.transpose(0, 2, 1, 3, 4)",
        "split.transpose(0, 2, 4, 1, 3)",
    ),
    Mistake(
        "put_together",
        "Put back in another order than it was cut: exchange the two middle axes before the last reshape.",
        "split.transpose(0, 2, 1, 3, 4).reshape",
        "split.reshape",
    ),
    Mistake(
        "put_together",
        "You take the patches for running from top to bottom. They run from left to right first.",
        "patches.reshape(H // h, W // w, h, w, -1)\n    return split.transpose(0, 2, 1, 3, 4)",
        "patches.reshape(W // w, H // h, h, w, -1)\n    return split.transpose(1, 2, 0, 3, 4)",
    ),
    Mistake(
        "tubelets",
        "Frames stay whole: the axis of time is not split, or its halves are not brought apart.",
        "split.transpose(0, 2, 4, 1, 3, 5, 6)",
        "split.transpose(0, 1, 2, 4, 3, 5, 6)",
    ),
    Mistake(
        "tubelets",
        "The axes of time and of channels are swapped within your patches: time comes first, channels last.",
        "split.transpose(0, 2, 4, 1, 3, 5, 6)",
        "split.transpose(0, 2, 4, 6, 3, 5, 1)",
    ),
    Mistake(
        "tubelets",
        "Time runs fastest among your patches. It runs slowest.",
        "split.transpose(0, 2, 4, 1, 3, 5, 6)",
        "split.transpose(2, 4, 0, 1, 3, 5, 6)",
    ),
    Mistake(
        "count",
        "One is missing: the first patch needs no step.",
        "(size - patch) // stride + 1",
        "(size - patch) // stride",
    ),
    Mistake(
        "count",
        "You count every place where a patch begins, also those where it reaches beyond the end.",
        "max(0, (size - patch) // stride + 1)",
        "-(-size // stride)",
    ),
    Mistake(
        "count",
        "The number of patches cannot be below 0.",
        "max(0, (size - patch) // stride + 1)",
        "(size - patch) // stride + 1",
    ),
    Mistake(
        "places",
        "The order is (x, y, t); asked for is (t, y, x).",
        "(t, y, x) for",
        "(x, y, t) for",
    ),
    Mistake(
        "places",
        "Time runs fastest. It runs slowest: its loop is the outer one.",
        "for t in range(T) for y in range(H) for x in range(W)",
        "for y in range(H) for x in range(W) for t in range(T)",
    ),
    Mistake(
        "places",
        "Positions are used again in every frame: t stays 0.",
        "(t, y, x) for",
        "(0, y, x) for",
    ),
]

ALTERNATIVES = [
    Alternative(
        "cut",
        """
def cut(picture, h, w):
    H, W, _ = picture.shape
    return np.array([picture[y : y + h, x : x + w].ravel() for y in range(0, H, h) for x in range(0, W, w)])
""",
    ),
    Alternative(
        "put_together",
        """
def put_together(patches, H, W, h, w):
    picture = np.zeros((H, W, patches.shape[1] // (h * w)), patches.dtype)
    for i, patch in enumerate(patches):
        y, x = i // (W // w) * h, i % (W // w) * w
        picture[y : y + h, x : x + w] = patch.reshape(h, w, -1)
    return picture
""",
    ),
    Alternative(
        "tubelets",
        """
def tubelets(clip, t, h, w):
    T, H, W, _ = clip.shape
    starts = [(a, b, c) for a in range(0, T, t) for b in range(0, H, h) for c in range(0, W, w)]
    return np.array([clip[a : a + t, b : b + h, c : c + w].ravel() for a, b, c in starts])
""",
    ),
    Alternative(
        "count",
        """
def count(size, patch, stride):
    return sum(1 for start in range(0, size, stride) if start + patch <= size)
""",
    ),
    Alternative(
        "places",
        """
def places(T, H, W):
    return np.stack(np.unravel_index(np.arange(T * H * W), (T, H, W)), axis=1)
""",
    ),
]
