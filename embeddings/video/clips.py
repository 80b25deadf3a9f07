"""What the models take for clips, pictures and sounds, and what they say to everything else."""

import numpy as np

CHANNELS = (1, 3)
_AXES = {2: "(n, height, width, channels)", 3: "(n, frames, height, width, channels)"}


def check_clips(X, rank, name="X"):
    """`X` as an array of pictures (`rank` 2) or clips (3), channels last.

    Returns
    -------
    array, shape (n, [frames,] height, width, channels)
        uint8, or floats in [0, 1].

    Raises
    ------
    TypeError
        If it holds neither bytes nor floats.
    ValueError
        If the clips differ in size, lack frames, have their channels at another place, or hold what is no brightness.

    Examples
    --------
    >>> check_clips(np.zeros((2, 3, 8, 16, 16), np.uint8), 3)
    Traceback (most recent call last):
        ...
    ValueError: X must be (n, frames, height, width, channels) with 1 or 3 channels, got the shape (2, 3, 8, 16, 16):
    its channels seem to be axis 1; np.moveaxis(X, 1, -1) puts them last
    """
    if isinstance(X, list | tuple) and len({np.shape(x) for x in X}) > 1:
        shapes = sorted({np.shape(x) for x in X})
        raise ValueError(f"{name} holds items of different sizes, such as {shapes[0]} and {shapes[1]}: cut or pad them")
    X = np.asarray(X)
    wanted = f"{name} must be {_AXES[rank]} with 1 or 3 channels, got the shape {X.shape}"
    if X.ndim != rank + 2:
        raise ValueError(wanted)
    if X.shape[-1] not in CHANNELS:
        axis = next((a for a in range(1, rank + 1) if X.shape[a] in CHANNELS), None)
        hint = (
            ""
            if axis is None
            else f": its channels seem to be axis {axis}; np.moveaxis({name}, {axis}, -1) puts them last"
        )
        raise ValueError(wanted + hint)
    if X.dtype != np.uint8 and X.dtype.kind != "f":
        raise TypeError(f"{name} must hold uint8, or floats in [0, 1]; got {X.dtype}")
    if not X.size:
        raise ValueError(f"{name} is empty: its shape is {X.shape}")
    if X.dtype.kind == "f":
        low, high = float(X.min()), float(X.max())
        if not (low >= 0 and high <= 1):  # NaN is neither
            raise ValueError(f"{name} must lie in [0, 1] where it holds floats, got {low:g} to {high:g}")
    return X


def centred(X):
    """Bytes, or floats in [0, 1], as float32 in [-1, 1], with the channels behind the first axis.

    Examples
    --------
    >>> centred(np.array([[[[0, 255, 255]]]], np.uint8)).tolist()
    [[[[-1.0]], [[1.0]], [[1.0]]]]
    """
    scale = np.float32(2 / 255 if X.dtype == np.uint8 else 2)
    y = np.empty((len(X), X.shape[-1], *X.shape[1:-1]), np.float32)
    np.multiply(np.moveaxis(X, -1, 1), scale, out=y)
    y -= 1
    return y


def uncentred(y):
    """The inverse of :func:`centred`, in bytes.

    Examples
    --------
    >>> uncentred(centred(np.array([[[[7, 255, 51]]]], np.uint8))).tolist()
    [[[[7, 255, 51]]]]
    """
    return np.rint(np.clip(np.moveaxis(y, 1, -1) * 127.5 + 127.5, 0, 255)).astype(np.uint8)


def check_labels(y, n, name="y"):
    """Labels as (their names in order, the number of each item's label (n,))."""
    y = np.asarray(y)
    if y.shape != (n,):
        raise ValueError(f"{name} must be {n} labels, one for each item; got the shape {y.shape}")
    if y.dtype.kind not in "iuUb":
        raise TypeError(f"{name} must be whole numbers or strings, got {y.dtype}")
    names, numbers = np.unique(y, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"{name} must have at least two different labels, got {names.tolist()}")
    return names.tolist(), numbers
