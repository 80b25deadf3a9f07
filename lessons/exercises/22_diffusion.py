# %% [markdown]
# # Exercise 22 · Diffusion
#
# You add noise, find it again, take a step back from it, and guide. `python -m lessons check 22` tells what is right,
# what is wrong and why.
#
# ᾱ (`share`) is what is left of a clip at a time, between 0 and 1: its variance, and 1 - ᾱ that of the noise.

# %%
import numpy as np

# %% [markdown]
# ## 1. How much is left


# %%
def share(time):
    """ᾱ = cos²(π t / 2): how much of a clip is left at time t.

    Parameters
    ----------
    time : array
        Between 0 and 1.

    Returns
    -------
    array, of the shape of time

    Examples
    --------
    >>> share(np.array([0.0, 0.5, 2 / 3])).round(6).tolist()
    [1.0, 0.5, 0.25]
    """
    # BEGIN SOLUTION: the square of a cosine that falls from 1 to 0 over a quarter of its turn
    return np.cos(np.pi * time / 2) ** 2
    # END SOLUTION


# %% tags=["check"] function="share" points=1
assert np.allclose(share(np.array([0.0, 0.5, 2 / 3])), [1, 0.5, 0.25])

# %% [markdown]
# ## 2. Adding noise


# %%
def add_noise(x, noise, left):
    """√ᾱ x + √(1 - ᾱ) ε, clip by clip.

    Parameters
    ----------
    x, noise : arrays, shape (B, P, d)
        Tokens of clips, and noise ε of variance 1.
    left : array, shape (B,)
        ᾱ of each clip.

    Returns
    -------
    array, shape (B, P, d)

    Examples
    --------
    >>> add_noise(np.ones((1, 1, 2)), np.zeros((1, 1, 2)), np.array([0.25])).tolist()
    [[[0.5, 0.5]]]
    """
    # BEGIN SOLUTION: roots of the shares, one for each clip, spread over its tokens
    left = left[:, None, None]
    return np.sqrt(left) * x + np.sqrt(1 - left) * noise
    # END SOLUTION


# %% tags=["check"] function="add_noise" points=2
assert np.allclose(add_noise(np.ones((1, 1, 2)), np.zeros((1, 1, 2)), np.array([0.25])), 0.5)

# %% [markdown]
# ## 3. A step back


# %%
def step_back(noisy, guess, now, then):
    """From a time with ᾱ = now to an earlier one with ᾱ = then, along a guess of the clip (DDIM, without new noise).

    Parameters
    ----------
    noisy : array
        x_t = √now x + √(1 - now) ε.
    guess : array, of the same shape
        What the network takes x for. With it, the noise is known, too.
    now, then : float
        Shares, now below 1.

    Returns
    -------
    array, of the same shape
        √then x̂ + √(1 - then) ε̂.

    Examples
    --------
    >>> step_back(np.array([1.0]), np.array([0.0]), 0.75, 0.96).round(6).tolist()
    [0.4]
    """
    # BEGIN SOLUTION: first the noise that belongs to the guess, then both mixed anew
    noise = (noisy - np.sqrt(now) * guess) / np.sqrt(1 - now)
    return np.sqrt(then) * guess + np.sqrt(1 - then) * noise
    # END SOLUTION


# %% tags=["check"] function="step_back" points=3
assert np.allclose(step_back(np.array([1.0]), np.array([0.0]), 0.75, 0.96), 0.4)

# %% [markdown]
# ## 4. Guidance


# %%
def guide(told, bare, guidance):
    """Go from the guess without labels towards the one with them, and beyond if guidance is above 1.

    Parameters
    ----------
    told, bare : arrays of one shape
        The guesses with and without labels.
    guidance : float
        0 gives `bare`, 1 gives `told`.

    Returns
    -------
    array, of the same shape
        Clipped to -1 … 1, where brightness lies.

    Examples
    --------
    >>> guide(np.array([0.5, 0.9]), np.array([0.25, 0.5]), 2.0).tolist()
    [0.75, 1.0]
    """
    # BEGIN SOLUTION: bare, and guidance times the way from it to told; then clip
    return np.clip(bare + guidance * (told - bare), -1, 1)
    # END SOLUTION


# %% tags=["check"] function="guide" points=1
assert np.allclose(guide(np.array([0.5, 0.9]), np.array([0.25, 0.5]), 2.0), [0.75, 1])

# %% [markdown]
# ## Now use it
#
# Once all is right: two points are drawn from noise, with the best guess that there can be in place of a network.

# %%
if __name__ == "__main__":
    points = np.array([-0.8, 0.6])
    x = np.random.default_rng(0).normal(size=8)
    times = np.linspace(0.99, 0, 30)
    for now, then in zip(share(times[:-1]), share(times[1:]), strict=True):
        near = np.exp(-((x[:, None] - np.sqrt(now) * points) ** 2) / (2 * (1 - now) + 1e-9))
        x = step_back(x, (near / near.sum(axis=1, keepdims=True)) @ points, now, then)
    print("from noise to", x.round(3))


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

CHECKS = {
    "share": {
        "by hand": lambda rng: (np.array([0.0, 0.5, 2 / 3]),),
        "the end": lambda rng: (np.array([1.0]),),
        "random": lambda rng: (rng.uniform(size=9),),
    },
    "add_noise": {
        "by hand": lambda rng: (np.ones((1, 1, 2)), np.zeros((1, 1, 2)), np.array([0.25])),
        "only noise": lambda rng: (rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 3, 2)), np.zeros(2)),
        "each clip its own": lambda rng: (rng.normal(size=(3, 3, 3)), rng.normal(size=(3, 3, 3)), rng.uniform(size=3)),
    },
    "step_back": {
        "by hand": lambda rng: (np.array([1.0]), np.array([0.0]), 0.75, 0.96),
        "to the end": lambda rng: (rng.normal(size=4), rng.normal(size=4), 0.3, 1.0),
        "a small step": lambda rng: (rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), 0.4, 0.5),
    },
    "guide": {
        "by hand": lambda rng: (np.array([0.5, 0.9]), np.array([0.25, 0.5]), 2.0),
        "not told": lambda rng: (rng.uniform(-1, 1, 5), rng.uniform(-1, 1, 5), 0.0),
        "told": lambda rng: (rng.uniform(-1, 1, 5), rng.uniform(-1, 1, 5), 1.0),
        "far beyond": lambda rng: (rng.uniform(-1, 1, 9), rng.uniform(-1, 1, 9), 3.0),
    },
}

HINTS = {
    "share": ["np.cos(np.pi * time / 2) falls from 1 to 0.", "Its square is the share."],
    "add_noise": ["left[:, None, None] is spread over a clip's tokens.", "Roots, so that the variances add up to 1."],
    "step_back": [
        "Solve x_t = √now x̂ + √(1 - now) ε̂ for ε̂.",
        "Mix guess and noise anew, with `then` in place of `now`.",
    ],
    "guide": ["told - bare is the direction.", "np.clip(…, -1, 1) at the end."],
}

MISTAKES = [
    Mistake(
        "share",
        "The square is missing.",
        "np.cos(np.pi * time / 2) ** 2",
        "np.cos(np.pi * time / 2)",
    ),
    Mistake(
        "share",
        "That is the share of the noise: a sine where a cosine belongs.",
        "np.cos(",
        "np.sin(",
    ),
    Mistake(
        "share",
        "The cosine turns too far: π t / 2, not π t.",
        "np.pi * time / 2",
        "np.pi * time",
    ),
    Mistake(
        "add_noise",
        "The roots are missing: then the variances do not add up to 1.",
        "np.sqrt(left) * x + np.sqrt(1 - left) * noise",
        "left * x + (1 - left) * noise",
    ),
    Mistake(
        "add_noise",
        "Turned round: ᾱ is the clip's share, 1 - ᾱ the noise's.",
        "np.sqrt(left) * x + np.sqrt(1 - left) * noise",
        "np.sqrt(1 - left) * x + np.sqrt(left) * noise",
    ),
    Mistake(
        "add_noise",
        "Each clip has a share of its own, along the first axis. You spread them along the last.",
        "left = left[:, None, None]",
        "left = np.resize(left, x.shape[2])[None, None, :]",
    ),
    Mistake(
        "step_back",
        "You go back to the same time: mix with `then`.",
        "np.sqrt(then) * guess + np.sqrt(1 - then) * noise",
        "np.sqrt(now) * guess + np.sqrt(1 - now) * noise",
    ),
    Mistake(
        "step_back",
        "The noise is not divided by its root, √(1 - now).",
        "(noisy - np.sqrt(now) * guess) / np.sqrt(1 - now)",
        "noisy - np.sqrt(now) * guess",
    ),
    Mistake(
        "step_back",
        "You jump to the guess at once. At the first steps it is only a mean; keep the rest of the noise.",
        "return np.sqrt(then) * guess + np.sqrt(1 - then) * noise",
        "return guess + 0 * noise",
    ),
    Mistake(
        "step_back",
        "The guess is taken off whole: of it, √now is in x_t.",
        "noisy - np.sqrt(now) * guess",
        "noisy - guess",
    ),
    Mistake(
        "guide",
        "Turned round: from bare to told.",
        "bare + guidance * (told - bare)",
        "told + guidance * (bare - told)",
    ),
    Mistake(
        "guide",
        "You begin at told: with guidance 1 that goes beyond it already.",
        "bare + guidance * (told - bare)",
        "told + guidance * (told - bare)",
    ),
    Mistake(
        "guide",
        "Clip at the end: brightness lies between -1 and 1.",
        "np.clip(bare + guidance * (told - bare), -1, 1)",
        "bare + guidance * (told - bare)",
    ),
    Mistake(
        "guide",
        "Brightness lies between -1 and 1 here, not between 0 and 1.",
        ", -1, 1)",
        ", 0, 1)",
    ),
]

ALTERNATIVES = [
    Alternative(
        "share",
        """
def share(time):
    return (1 + np.cos(np.pi * time)) / 2
""",
    ),
    Alternative(
        "add_noise",
        """
def add_noise(x, noise, left):
    return np.stack([np.sqrt(s) * a + np.sqrt(1 - s) * e for a, e, s in zip(x, noise, left)])
""",
    ),
    Alternative(
        "step_back",
        """
def step_back(noisy, guess, now, then):
    ratio = np.sqrt((1 - then) / (1 - now))
    return ratio * noisy + (np.sqrt(then) - ratio * np.sqrt(now)) * guess
""",
    ),
    Alternative(
        "guide",
        """
def guide(told, bare, guidance):
    return np.maximum(np.minimum(guidance * told + (1 - guidance) * bare, 1), -1)
""",
    ),
]
