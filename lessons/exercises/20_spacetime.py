# %% [markdown]
# # Exercise 20 · Spacetime: clips as latents and tokens
#
# You measure how well a clip was drawn again, put clips of any size into batches, and keep attention within each clip.
# `python -m lessons check 20` tells what is right, what is wrong and why.

# %%
import numpy as np

# %% [markdown]
# ## 1. How well it was drawn


# %%
def psnr(a, b):
    """The peak signal-to-noise ratio of two clips, 10 log10(255² / mean squared error).

    Parameters
    ----------
    a, b : arrays of one shape, uint8
        Not the same: at least one number differs.

    Returns
    -------
    float
        In decibel.

    Examples
    --------
    >>> round(psnr(np.array([0, 255], np.uint8), np.array([255, 255], np.uint8)), 4)
    3.0103
    """
    # BEGIN SOLUTION: subtract as floats, for bytes cannot be below 0; square, take the mean, then the logarithm
    error = np.mean((a.astype(float) - b) ** 2)
    return 10 * np.log10(255**2 / error)
    # END SOLUTION


# %% tags=["check"] function="psnr" points=2
assert np.isclose(psnr(np.array([0, 255], np.uint8), np.array([255, 255], np.uint8)), 10 * np.log10(2))

# %% [markdown]
# ## 2. Batches of any size


# %%
def pack(lengths, budget):
    """Put clips into batches of at most so many tokens.

    In the order given, each clip goes into the first batch that still has room for it, or into a new one.

    Parameters
    ----------
    lengths : list of int
        Tokens of each clip, none above `budget`.
    budget : int

    Returns
    -------
    list of int
        The number of each clip's batch, from 0.

    Examples
    --------
    >>> pack([6, 5, 4, 3], 10)
    [0, 1, 0, 1]
    """
    # BEGIN SOLUTION: keep what room each batch has left, and take the first that is large enough
    room, batches = [], []
    for length in lengths:
        fitting = [k for k, left in enumerate(room) if left >= length]
        if not fitting:
            room.append(budget)
        k = fitting[0] if fitting else len(room) - 1
        room[k] -= length
        batches.append(k)
    return batches
    # END SOLUTION


# %% tags=["check"] function="pack" points=3
assert pack([6, 5, 4, 3], 10) == [0, 1, 0, 1]

# %% [markdown]
# ## 3. Attention within each clip


# %%
def mask(lengths):
    """Which tokens of a packed batch may look at each other: those of the same clip.

    Parameters
    ----------
    lengths : list of int
        Tokens of each clip; the clips stand one behind the other.

    Returns
    -------
    array, shape (sum of lengths, sum of lengths), bool

    Examples
    --------
    >>> mask([1, 2]).astype(int).tolist()
    [[1, 0, 0], [0, 1, 1], [0, 1, 1]]
    """
    # BEGIN SOLUTION: give every token the number of its clip, and compare all with all
    clip = np.repeat(np.arange(len(lengths)), lengths)
    return clip[:, None] == clip
    # END SOLUTION


# %% tags=["check"] function="mask" points=2
assert np.array_equal(mask([1, 2]), [[1, 0, 0], [0, 1, 1], [0, 1, 1]])

# %% [markdown]
# ## 4. Places of packed clips


# %%
def packed_places(grids):
    """The place (t, y, x) of every token of a packed batch, counted in its own clip.

    Parameters
    ----------
    grids : list of (int, int, int)
        Tokens of each clip along time, height and width.

    Returns
    -------
    array, shape (tokens of all clips, 3)
        Clip after clip; within each, t runs slowest and x fastest.

    Examples
    --------
    >>> packed_places([(1, 1, 2), (2, 1, 1)]).tolist()
    [[0, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]]
    """
    # BEGIN SOLUTION: every clip begins at (0, 0, 0) again
    return np.array([(t, y, x) for T, H, W in grids for t in range(T) for y in range(H) for x in range(W)])
    # END SOLUTION


# %% tags=["check"] function="packed_places" points=2
assert np.array_equal(packed_places([(1, 1, 2), (2, 1, 1)]), [[0, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]])

# %% [markdown]
# ## Now use it
#
# Once all is right: three clips in one batch, and who looks at whom.

# %%
if __name__ == "__main__":
    grids = [(2, 2, 2), (1, 2, 3), (3, 1, 1)]
    lengths = [t * y * x for t, y, x in grids]
    print("batches", pack(lengths, 12))
    for row, place in zip(mask(lengths), packed_places(grids), strict=True):
        print("".join("█" if sees else "·" for sees in row), place)


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def bytes_of(rng, *shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


CHECKS = {
    "psnr": {
        "by hand": lambda rng: (np.array([0, 255], np.uint8), np.array([255, 255], np.uint8)),
        "one step apart": lambda rng: (np.array([7, 7, 7], np.uint8), np.array([8, 7, 6], np.uint8)),
        "clips": lambda rng: (bytes_of(rng, 2, 4, 4, 3), bytes_of(rng, 2, 4, 4, 3)),
    },
    "pack": {
        "by hand": lambda rng: ([6, 5, 4, 3], 10),
        "none": lambda rng: ([], 4),
        "each fills one": lambda rng: ([4, 4, 4], 4),
        "the first has room again": lambda rng: ([7, 9, 8, 1, 2, 1, 2], 10),
        "many": lambda rng: (rng.integers(1, 10, 30).tolist(), 12),
    },
    "mask": {
        "by hand": lambda rng: ([1, 2],),
        "one clip": lambda rng: ([3],),
        "clips alike": lambda rng: ([2, 2, 2],),
        "several": lambda rng: ([3, 1, 4],),
    },
    "packed_places": {
        "by hand": lambda rng: ([(1, 1, 2), (2, 1, 1)],),
        "one clip": lambda rng: ([(2, 3, 4)],),
        "two alike": lambda rng: ([(2, 2, 3), (2, 2, 3)],),
    },
}

HINTS = {
    "psnr": ["a.astype(float) - b does not wrap around below 0.", "np.mean of the squares, over all numbers at once."],
    "pack": [
        "A list of what room each batch has left is all that you need to remember.",
        "Look at the batches from the first on, and stop at the first with room >= length; a new one has `budget`.",
    ],
    "mask": [
        "np.repeat(np.arange(len(lengths)), lengths) is the number of each token's clip.",
        "clip[:, None] == clip compares every token with every other.",
    ],
    "packed_places": ["Four loops, one in the other: clips outside, then t, y and x."],
}

MISTAKES = [
    Mistake(
        "psnr",
        "You subtract bytes: 3 - 5 is 254 then. Make floats of them first.",
        "a.astype(float) - b",
        "a - b",
    ),
    Mistake(
        "psnr",
        "The square is missing: it is the mean squared error.",
        "np.mean((a.astype(float) - b) ** 2)",
        "np.mean(abs(a.astype(float) - b))",
    ),
    Mistake(
        "psnr",
        "The ratio is upside down: the error stands below.",
        "255**2 / error",
        "error / 255**2",
    ),
    Mistake(
        "psnr",
        "255 is to be squared, as the error is.",
        "255**2 / error",
        "255 / error",
    ),
    Mistake(
        "psnr",
        "The natural logarithm; decibels need log10.",
        "np.log10",
        "np.log",
    ),
    Mistake(
        "pack",
        "You look at the last batch alone. An earlier one may have room.",
        "[k for k, left in enumerate(room) if left >= length]",
        "[k for k, left in enumerate(room) if left >= length and k == len(room) - 1]",
    ),
    Mistake(
        "pack",
        "A clip that fills the room exactly fits, too: >=, not >.",
        "left >= length",
        "left > length",
    ),
    Mistake(
        "pack",
        "You take the last batch with room. Asked for is the first.",
        "fitting[0] if",
        "fitting[-1] if",
    ),
    Mistake(
        "mask",
        "Every token sees every other: attention leaks from clip to clip.",
        "clip[:, None] == clip",
        "clip[:, None] >= 0 * clip",
    ),
    Mistake(
        "mask",
        "Tokens see only what stands before them in their clip. Here all tokens of a clip see each other.",
        "return clip[:, None] == clip",
        "return (clip[:, None] == clip) & np.tri(len(clip), dtype=bool)",
    ),
    Mistake(
        "mask",
        "Turned round: True is for tokens of the same clip.",
        "clip[:, None] == clip",
        "clip[:, None] != clip",
    ),
    Mistake(
        "packed_places",
        "Time goes on from clip to clip. Each clip begins at (0, 0, 0).",
        "(t, y, x) for T, H, W in grids for t in range(T)",
        "(t + sum(g[0] for g in grids[:i]), y, x) for i, (T, H, W) in enumerate(grids) for t in range(T)",
    ),
    Mistake(
        "packed_places",
        "The axes are swapped: (t, y, x), not (t, x, y).",
        "(t, y, x) for",
        "(t, x, y) for",
    ),
    Mistake(
        "packed_places",
        "Positions are used again in every frame: t stays 0.",
        "(t, y, x) for",
        "(0, y, x) for",
    ),
]

ALTERNATIVES = [
    Alternative(
        "psnr",
        """
def psnr(a, b):
    total = sum((int(x) - int(y)) ** 2 for x, y in zip(a.ravel(), b.ravel()))
    return 20 * np.log10(255) - 10 * np.log10(total / a.size)
""",
    ),
    Alternative(
        "pack",
        """
def pack(lengths, budget):
    used, batches = {}, []
    for length in lengths:
        k = 0
        while used.get(k, 0) + length > budget:
            k += 1
        used[k] = used.get(k, 0) + length
        batches.append(k)
    return batches
""",
    ),
    Alternative(
        "mask",
        """
def mask(lengths):
    found, start = np.zeros((sum(lengths), sum(lengths)), bool), 0
    for length in lengths:
        found[start : start + length, start : start + length] = True
        start += length
    return found
""",
    ),
    Alternative(
        "packed_places",
        """
def packed_places(grids):
    return np.concatenate([np.stack(np.indices(grid), axis=-1).reshape(-1, 3) for grid in grids])
""",
    ),
]
