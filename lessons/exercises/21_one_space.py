# %% [markdown]
# # Exercise 21 · One space
#
# You write the loss of pairs, count what finds what, and turn a sound into frames and bands.
# `python -m lessons check 21` tells what is right, what is wrong and why.

# %%
import numpy as np

# %% [markdown]
# ## 1. The loss of pairs


# %%
def contrast(a, b, temperature):
    """How badly rows of a find their own rows of b: the mean of -log softmax(a bᵀ / temperature) on the diagonal.

    Parameters
    ----------
    a, b : arrays, shape (N, d)
        Row i of a belongs to row i of b. Of any length but 0; they are compared by their cosines.
    temperature : float

    Returns
    -------
    float
        One direction alone: a is asked, b is found.

    Examples
    --------
    >>> round(contrast(np.eye(2), np.eye(2), 0.5), 4)
    0.1269
    """
    # BEGIN SOLUTION: rows to length 1, all cosines over the temperature, then the logarithm of the softmax of each row
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    scores = a @ b.T / temperature
    logarithm = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return float(-np.diag(logarithm).mean())
    # END SOLUTION


# %% tags=["check"] function="contrast" points=3
assert np.isclose(contrast(np.eye(2), np.eye(2), 0.5), np.log(1 + np.exp(-2)))

# %% [markdown]
# ## 2. Who finds whom


# %%
def recall(a, b):
    """The share of rows of a whose nearest row of b, by the dot product, is their own.

    Parameters
    ----------
    a, b : arrays, shape (N, d)
        Row i of a belongs to row i of b. Of length 1.

    Returns
    -------
    float

    Examples
    --------
    >>> recall(np.eye(2), np.array([[1.0, 0.0], [0.8, 0.6]]))
    1.0
    """
    # BEGIN SOLUTION: the best column of each row, compared with the row's own number
    return float(((a @ b.T).argmax(axis=1) == np.arange(len(a))).mean())
    # END SOLUTION


# %% tags=["check"] function="recall" points=1
assert recall(np.eye(2), np.array([[1.0, 0.0], [0.8, 0.6]])) == 1

# %% [markdown]
# ## 3. Frames of a sound


# %%
def frames(samples, size, hop):
    """Cut a sound into frames that overlap, each times Hann's window ½ - ½ cos(2πk / size).

    Parameters
    ----------
    samples : array, shape (n,), n at least size
    size : int
        Samples of a frame.
    hop : int
        Samples from the beginning of a frame to that of the next.

    Returns
    -------
    array, shape (number of whole frames, size)

    Examples
    --------
    >>> frames(np.ones(6), 4, 2).round(6).tolist()
    [[0.0, 0.5, 1.0, 0.5], [0.0, 0.5, 1.0, 0.5]]
    """
    # BEGIN SOLUTION: a window, and a slice for every beginning that leaves room for a whole frame
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.array([samples[i : i + size] * window for i in range(0, len(samples) - size + 1, hop)])
    # END SOLUTION


# %% tags=["check"] function="frames" points=2
assert np.allclose(frames(np.ones(6), 4, 2), [[0, 0.5, 1, 0.5]] * 2)

# %% [markdown]
# ## 4. Bands in decibel


# %%
def loudness(spectra, filters):
    """How loud each band is: 10 log10 of the weighed sum of power, of at least 1e-10.

    Parameters
    ----------
    spectra : complex array, shape (frames, frequencies)
    filters : array, shape (bands, frequencies)
        How much each frequency counts in each band.

    Returns
    -------
    array, shape (bands, frames)

    Examples
    --------
    >>> loudness(np.array([[3j, 1.0]]), np.array([[1.0, 1.0], [0.0, 0.0]])).tolist()
    [[10.0], [-100.0]]
    """
    # BEGIN SOLUTION: the squared absolute values, through the filters, then the logarithm
    return 10 * np.log10(np.maximum(filters @ (np.abs(spectra) ** 2).T, 1e-10))
    # END SOLUTION


# %% tags=["check"] function="loudness" points=2
assert np.allclose(loudness(np.array([[3j, 1.0]]), np.array([[1.0, 1.0], [0.0, 0.0]])), [[10], [-100]])

# %% [markdown]
# ## Now use it
#
# Once all is right: a tone that rises, as a picture made of letters.

# %%
if __name__ == "__main__":
    time = np.arange(4000) / 4000
    samples = np.sin(2 * np.pi * (200 + 600 * time) * time)
    bands = np.repeat(np.eye(16), 8, axis=1)[:, : 129 - 1]
    picture = loudness(np.fft.rfft(frames(samples, 256, 64), axis=1)[:, :128], bands)
    for row in picture[::-1]:
        print("".join("█" if loud > picture.max() - 12 else "·" for loud in row))


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def unit(rng, *shape):
    x = rng.normal(size=shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


CHECKS = {
    "contrast": {
        "by hand": lambda rng: (np.eye(2), np.eye(2), 0.5),
        "crossed": lambda rng: (np.eye(2), np.eye(2)[::-1], 0.5),
        "one pair": lambda rng: (np.ones((1, 3)), np.ones((1, 3)), 0.1),
        "long vectors": lambda rng: (3 * rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), 0.2),
    },
    "recall": {
        "by hand": lambda rng: (np.eye(2), np.array([[1.0, 0.0], [0.8, 0.6]])),
        "not the same both ways": lambda rng: (unit(rng, 2, 2)[[0, 0]] * [[1], [1]], np.eye(2)),
        "none": lambda rng: (np.eye(3), np.eye(3)[[1, 2, 0]]),
        "many": lambda rng: ((a := unit(rng, 40, 3)), a + 0.3 * rng.normal(size=(40, 3))),
    },
    "frames": {
        "by hand": lambda rng: (np.ones(6), 4, 2),
        "one frame": lambda rng: (np.arange(5.0), 5, 2),
        "a rest": lambda rng: (rng.normal(size=23), 6, 4),
        "gaps between": lambda rng: (rng.normal(size=20), 4, 5),
    },
    "loudness": {
        "by hand": lambda rng: (np.array([[3j, 1.0]]), np.array([[1.0, 1.0], [0.0, 0.0]])),
        "several frames": lambda rng: (
            rng.normal(size=(3, 5)) + 1j * rng.normal(size=(3, 5)),
            rng.uniform(size=(4, 5)),
        ),
        "as many frames as bands": lambda rng: (
            rng.normal(size=(4, 5)) + 1j * rng.normal(size=(4, 5)),
            rng.uniform(size=(4, 5)),
        ),
    },
}

HINTS = {
    "contrast": [
        "a / np.linalg.norm(a, axis=1, keepdims=True) has rows of length 1.",
        "scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)) is the logarithm of the softmax of each row.",
        "The right answers stand on the diagonal; the loss is minus their mean.",
    ],
    "recall": ["a @ b.T holds all products; argmax(axis=1) is the best column of each row.", "Compare with np.arange."],
    "frames": [
        "range(0, len(samples) - size + 1, hop) are the beginnings.",
        "The cosine is divided by size, not size - 1.",
    ],
    "loudness": ["np.abs(spectra) ** 2 is the power.", "filters @ power.T sums over frequencies; np.maximum clips."],
}

MISTAKES = [
    Mistake(
        "contrast",
        "The rows are compared as they are, long ones louder. Bring them to length 1 first.",
        "a = a / np.linalg.norm(a, axis=1, keepdims=True)\n    b = b / np.linalg.norm(b, axis=1, keepdims=True)\n    ",
        "",
    ),
    Mistake(
        "contrast",
        "The softmax runs along the wrong axis: b is asked, and a is found.",
        ".sum(axis=1, keepdims=True))\n    return",
        ".sum(axis=0, keepdims=True))\n    return",
    ),
    Mistake(
        "contrast",
        "You multiply by the temperature. It divides.",
        "a @ b.T / temperature",
        "a @ b.T * temperature",
    ),
    Mistake(
        "contrast",
        "The sign: a loss is small where the right one is likely, so it is minus the mean.",
        "float(-np.diag(logarithm).mean())",
        "float(np.diag(logarithm).mean())",
    ),
    Mistake(
        "contrast",
        "You sum over the rows. The loss is their mean.",
        "np.diag(logarithm).mean()",
        "np.diag(logarithm).sum()",
    ),
    Mistake(
        "recall",
        "You look for the best row of each column: b asks there. Here a asks.",
        ".argmax(axis=1)",
        ".argmax(axis=0)",
    ),
    Mistake(
        "recall",
        "You count how many; asked for is the share.",
        ".mean())",
        ".sum())",
    ),
    Mistake(
        "recall",
        "The farthest instead of the nearest.",
        "argmax",
        "argmin",
    ),
    Mistake(
        "frames",
        "The window is missing.",
        "samples[i : i + size] * window",
        "samples[i : i + size] + 0 * window",
    ),
    Mistake(
        "frames",
        "This window is symmetric (divided by size - 1). For spectra it is periodic, divided by size.",
        "np.arange(size) / size)",
        "np.arange(size) / max(size - 1, 1))",
    ),
    Mistake(
        "frames",
        "The last whole frame is missing: there are + 1 beginnings.",
        "len(samples) - size + 1, hop",
        "len(samples) - size, hop",
    ),
    Mistake(
        "frames",
        "The frames do not overlap: steps are of hop samples.",
        "len(samples) - size + 1, hop)",
        "len(samples) - size + 1, size)",
    ),
    Mistake(
        "loudness",
        "The square is missing: power is the squared absolute value.",
        "np.abs(spectra) ** 2",
        "np.abs(spectra)",
    ),
    Mistake(
        "loudness",
        "Amplitudes are summed before they are squared. Powers are summed.",
        "filters @ (np.abs(spectra) ** 2).T",
        "(filters @ np.abs(spectra).T) ** 2",
    ),
    Mistake(
        "loudness",
        "20 instead of 10: that is for amplitudes, here it is power.",
        "10 * np.log10",
        "20 * np.log10",
    ),
    Mistake(
        "loudness",
        "The result is turned: bands are rows, frames are columns.",
        "10 * np.log10(np.maximum(filters @ (np.abs(spectra) ** 2).T, 1e-10))",
        "10 * np.log10(np.maximum(filters @ (np.abs(spectra) ** 2).T, 1e-10)).T",
    ),
]

ALTERNATIVES = [
    Alternative(
        "contrast",
        """
def contrast(a, b, temperature):
    total = 0.0
    for i, row in enumerate(a):
        scores = [row @ other / np.sqrt(row @ row) / np.sqrt(other @ other) / temperature for other in b]
        total += np.log(sum(np.exp(s - scores[i]) for s in scores))
    return total / len(a)
""",
    ),
    Alternative(
        "recall",
        """
def recall(a, b):
    right = 0
    for i, row in enumerate(a):
        right += int(np.argmax([row @ other for other in b])) == i
    return right / len(a)
""",
    ),
    Alternative(
        "frames",
        """
def frames(samples, size, hop):
    views = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    return views * np.sin(np.pi * np.arange(size) / size) ** 2
""",
    ),
    Alternative(
        "loudness",
        """
def loudness(spectra, filters):
    power = spectra.real**2 + spectra.imag**2
    return 10 * np.log10(np.clip(np.einsum("bk,ik->bi", filters, power), 1e-10, None))
""",
    ),
]
