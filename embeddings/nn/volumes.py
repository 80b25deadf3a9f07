"""How layers that look at places (convolution, pooling, upsampling) see sequences, pictures and clips: as volumes.

A sequence (B, T, C), a picture (B, C, H, W) and a clip (B, C, D, H, W) all become (B, C, D, H, W), as views. In memory
the channels, or the examples of a batch, lie side by side; NumPy's elementwise functions keep that order.
"""

import numpy as np

from embeddings.checks import check_integer

AXES = {
    1: "(batch, steps, channels)",
    2: "(batch, channels, rows, columns)",
    3: "(batch, channels, depth, rows, columns)",
}


def to_volumes(x, n, layer, channels=None):
    """`x` as (B, C, D, H, W), with `n` of the last three axes its own.

    Raises
    ------
    ValueError
        If `x` has another number of axes, or of `channels`.
    """
    if np.ndim(x) != n + 2:
        raise ValueError(f"{layer} takes {AXES[n]}, got an array of shape {np.shape(x)}")
    x = np.asarray(x)
    volumes = np.moveaxis(x, -1, 1)[:, :, None, None] if n == 1 else x if n == 3 else x[:, :, None]
    if channels is not None and volumes.shape[1] != channels:
        raise ValueError(f"{layer} takes {AXES[n]} with {channels} channels, got an array of shape {x.shape}")
    return volumes


def from_volumes(x, n):
    """The inverse of :func:`to_volumes`."""
    return np.moveaxis(x[:, :, 0, 0], 1, -1) if n == 1 else x if n == 3 else x[:, :, 0]


def side_by_side(x):
    """A contiguous (N, D, H, W, L) of volumes (B, C, D, H, W), and the axis, 0 or 1, that became the last one.

    As they lie in memory where that gives loops enough to do; else copied, with the longer of the two axes last.
    """
    for axis in sorted((0, 1), key=lambda a: -x.shape[a]):
        moved = np.moveaxis(x, axis, -1)
        if moved.flags.c_contiguous and x.shape[axis] >= min(8, max(x.shape[:2])):
            return moved, axis
    axis = int(x.shape[1] >= x.shape[0])
    return np.ascontiguousarray(np.moveaxis(x, axis, -1)), axis


def check_sizes(name, value, n, minimum):
    """One whole number for each of the last three axes: `value` is one for all `n` of them, or `n`.

    Examples
    --------
    >>> check_sizes("stride", 2, 2, 1), check_sizes("stride", (3, 2), 2, 1)
    ((1, 2, 2), (1, 3, 2))
    """
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * n
    if len(values) != n:
        raise ValueError(f"{name} must be one whole number or {n} of them, got {value!r}")
    idle = 0 if minimum == 0 else 1
    return (idle,) * (3 - n) + tuple(check_integer(name, v, minimum) for v in values)
