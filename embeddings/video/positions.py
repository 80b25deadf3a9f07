"""Where a patch lies, told to a network: sinusoids and rotations for places of one, two or three axes.

Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.5 (sinusoids); Su et al., "RoFormer: Enhanced
Transformer with Rotary Position Embedding", 2021, section 3.2 (rotations). Both are of one axis; with more axes, each
axis has its own share of the numbers.
"""

import numpy as np

from embeddings.checks import check_integer, check_number


def grid_positions(grid):
    """The places (t, y, x) of patches, in the order in which :func:`patchify` cuts them.

    Parameters
    ----------
    grid : tuple of int
        Patches along each axis.

    Returns
    -------
    array, shape (P, axes), int64

    Examples
    --------
    >>> grid_positions((2, 2)).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    return np.stack(np.indices(grid), axis=-1).reshape(-1, len(grid))


def sinusoidal_positions(positions, width, base=10_000.0):
    """Vectors of places: sines and cosines of many wavelengths, from 2π to 2π · `base`.

    Parameters
    ----------
    positions : array, shape (..., axes)
        Places, not only whole ones.
    width : int
        Numbers of a vector; even, at least 2 for each axis.
    base : float, default 10000

    Returns
    -------
    array, shape (..., width), float32
        Axis after axis, each with its sines and then its cosines. Of width / 2 frequencies, the first axes have one
        more where they cannot be shared out evenly.

    Raises
    ------
    ValueError, TypeError
        For bad parameters.

    Examples
    --------
    >>> sinusoidal_positions([[0], [1]], 4).round(2).tolist()
    [[0.0, 0.0, 1.0, 1.0], [0.8399999737739563, 0.009999999776482582, 0.5400000214576721, 1.0]]
    """
    parts = []
    for angles in _angles(positions, width, base):
        parts += [np.sin(angles), np.cos(angles)]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def rotary_angles(positions, width, base=10_000.0):
    """The angles by which :func:`rotate` turns the pairs of numbers of queries and keys.

    Parameters are those of :func:`sinusoidal_positions`; `width` is that of a head.

    Returns
    -------
    array, shape (..., width / 2), float64

    Examples
    --------
    >>> rotary_angles([[0, 0], [1, 2]], 4).tolist()
    [[0.0, 0.0], [1.0, 2.0]]
    """
    return np.concatenate(_angles(positions, width, base), axis=-1)


def rotate(x, angles):
    """Turn the pairs (x_i, x_{i + width / 2}) by angles: products of turned vectors know how far apart they are.

    Parameters
    ----------
    x : array, shape (..., width)
    angles : array, shape (..., width / 2)

    Returns
    -------
    array, of the shape of `x` and its type

    Examples
    --------
    >>> rotate(np.array([1.0, 0.0]), np.array([np.pi / 2])).round(6).tolist()
    [0.0, 1.0]
    """
    half = x.shape[-1] // 2
    if x.shape[-1] != 2 * np.shape(angles)[-1]:
        raise ValueError(f"x of width {x.shape[-1]} needs half as many angles, got {np.shape(angles)[-1]}")
    cosine, sine = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cosine - b * sine, a * sine + b * cosine], axis=-1)


def _angles(positions, width, base):
    """For each axis, (..., its frequencies)."""
    positions = np.asarray(positions, np.float64)
    if positions.ndim < 1 or positions.shape[-1] < 1:
        raise ValueError(f"positions must have the shape (..., axes), got {positions.shape}")
    axes = positions.shape[-1]
    width = check_integer("width", width, minimum=2 * axes)
    if width % 2:
        raise ValueError(f"width must be even, got {width}")
    if check_number("base", base) <= 1:
        raise ValueError(f"base must be above 1, got {base!r}")
    shares = [width // 2 // axes + (axis < width // 2 % axes) for axis in range(axes)]
    return [positions[..., [axis]] / base ** (np.arange(n) / n) for axis, n in enumerate(shares)]
