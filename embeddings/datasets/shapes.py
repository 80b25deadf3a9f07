"""Small grey pictures of shapes, drawn on the spot: something to recognise that needs no download."""

import numpy as np

from embeddings.checks import check_integer, check_number

SHAPES = ("circle", "cross", "ring", "square", "triangle")


def shapes(n, seed=0, size=28, noise=0.1):
    """Pictures of a shape each, anywhere, of any size, turned, bright or dim, on noise.

    Parameters
    ----------
    n : int
        The five shapes take turns.
    seed : int, default 0
    size : int, default 28
        Rows and columns of a picture.
    noise : float, default 0.1
        Standard deviation of the noise; white is 1.

    Returns
    -------
    pictures : array, shape (n, size, size), uint8
    labels : array of str, shape (n,)

    Examples
    --------
    >>> pictures, labels = shapes(5)
    >>> pictures.shape, labels.tolist()
    ((5, 28, 28), ['circle', 'cross', 'ring', 'square', 'triangle'])
    """
    n, size = check_integer("n", n, 1), check_integer("size", size, 8)
    rng, noise = np.random.default_rng(check_integer("seed", seed, 0)), check_number("noise", noise, 0)
    labels = np.array(SHAPES)[np.arange(n) % len(SHAPES)]
    radius = rng.uniform(0.2, 0.36, (n, 1, 1)) * size
    middle = rng.uniform(0.36, 0.64, (2, n, 1, 1)) * size
    angle, bright = rng.uniform(0, 2 * np.pi, (n, 1, 1)), rng.uniform(0.5, 1, (n, 1, 1))
    rows, columns = np.mgrid[:size, :size][:, None] + 0.5 - middle  # (n, size, size) each
    x = (columns * np.cos(angle) + rows * np.sin(angle)) / radius
    y = (rows * np.cos(angle) - columns * np.sin(angle)) / radius
    # How far outside of the shape a place lies, in radii; below 0 inside.
    far = np.hypot(x, y)
    outside = {
        "circle": far - 1,
        "ring": np.abs(far - 0.75) - 0.25,
        "square": np.maximum(np.abs(x), np.abs(y)) - 0.8,
        "cross": np.minimum(np.maximum(np.abs(x) - 1, np.abs(y) - 0.28), np.maximum(np.abs(y) - 1, np.abs(x) - 0.28)),
        "triangle": np.maximum.reduce([x * np.cos(a) + y * np.sin(a) for a in np.pi * np.array([0, 2 / 3, 4 / 3])])
        - 0.5,
    }
    distance = np.stack([outside[name] for name in SHAPES])[np.arange(n) % len(SHAPES), np.arange(n)]
    # Half a pixel of grey at the edge.
    drawn = np.clip(0.5 - distance * radius, 0, 1) * bright + rng.normal(0, noise, (n, size, size))
    return np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8), labels
