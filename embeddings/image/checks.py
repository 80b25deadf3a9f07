"""What a picture is: an array of grey levels or colours, checked once before a kernel reads it.

A picture has the shape (height, width) or, in colour, (height, width, 3), and holds bytes (0 to 255), 16-bit numbers
(0 to 65535), or floats from 0 (black) to 1 (white); bool is black and white.
"""

import numpy as np

# What a whole number must be divided by to lie in [0, 1].
WHITE = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}

# How much red, green and blue add to what the eye takes for brightness (ITU-R BT.709, as scikit-image has them).
LUMINANCE = np.array([0.2125, 0.7154, 0.0721], np.float32)


def check_picture(picture, name="picture", smallest=1):
    """`picture` as an array of uint8, uint16, float32 or float64, of shape (height, width) or (height, width, 3).

    Parameters
    ----------
    picture : array
        Bool becomes 0 and 255; a last axis of length 1 is left out. Nothing else is converted.
    name : str, default "picture"
        What errors call it.
    smallest : int, default 1
        Height and width that it must at least have.

    Raises
    ------
    TypeError
        If it holds other things than numbers.
    ValueError
        If it is empty or too small, has another shape (channels first, transparency, a batch), another kind of number,
        a NaN or an infinity, or floats outside [0, 1]. Each says what to do.

    Examples
    --------
    >>> check_picture([[0.0, 0.5], [0.25, 1.0]]).shape
    (2, 2)
    >>> check_picture(np.zeros((3, 32, 32)))
    Traceback (most recent call last):
        ...
    ValueError: picture has shape (3, 32, 32), channels first; pass picture.transpose(1, 2, 0)
    """
    try:
        picture = np.asarray(picture)
    except ValueError as error:
        raise ValueError(f"{name} must be one array of numbers, got rows of different lengths") from error
    check_kind(picture, name)
    shape = picture.shape
    if picture.size == 0:
        raise ValueError(f"{name} is empty: its shape is {shape}")
    if len(shape) == 3 and shape[2] == 1:
        picture = picture[:, :, 0]
    elif len(shape) == 3 and shape[2] in (2, 4):
        raise ValueError(f"{name} has shape {shape}, with transparency; pass {name}[..., :{shape[2] - 1}]")
    elif len(shape) == 3 and shape[0] in (1, 3, 4) and shape[2] != 3:
        raise ValueError(f"{name} has shape {shape}, channels first; pass {name}.transpose(1, 2, 0)")
    elif len(shape) not in (2, 3) or len(shape) == 3 and shape[2] != 3:
        raise ValueError(f"{name} must have shape (height, width) or (height, width, 3), got {shape}")
    if min(picture.shape[:2]) < smallest:
        raise ValueError(f"{name} must be at least {smallest} × {smallest}, got {shape[0]} × {shape[1]}")
    return check_range(picture, name)


def check_kind(picture, name):
    """Raise TypeError or ValueError for an array of anything but bool, bytes, 16-bit numbers and floats."""
    kinds = "uint8, uint16, float32, float64 or bool"
    if picture.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold numbers ({kinds}), got {picture.dtype}")
    if picture.dtype.kind != "b" and picture.dtype not in (*WHITE, np.float32, np.float64):
        raise ValueError(f"{name} must be {kinds}, got {picture.dtype}; say what white is: {name}.astype(np.uint8)")


def check_range(picture, name):
    """`picture`, bool as bytes, if its floats lie in [0, 1]; else ValueError."""
    if picture.dtype.kind == "b":
        return picture.astype(np.uint8) * np.uint8(255)
    if picture.dtype.kind == "f":
        low, high = picture.min(), picture.max()
        if not np.isfinite(low + high):
            raise ValueError(f"{name} holds NaN or infinity")
        if low < 0 or high > 1:
            raise ValueError(f"{name} holds floats from {low:g} to {high:g}, not from 0 to 1; divide by what white is")
    return picture


def unit_range(picture):
    """A checked picture as float32 from 0 to 1.

    Examples
    --------
    >>> unit_range(np.array([[0, 51, 255]], np.uint8)).tolist()
    [[0.0, 0.20000001788139343, 1.0]]
    """
    white = WHITE.get(picture.dtype)
    return picture.astype(np.float32) if white is None else picture * np.float32(1 / white)


def grey(picture):
    """A checked picture as grey levels: its brightness as float32 from 0 to 1, shape (height, width).

    Examples
    --------
    >>> grey(np.array([[[255, 0, 0], [255, 255, 255]]], np.uint8)).round(4).tolist()
    [[0.21250000596046448, 1.0]]
    """
    picture = unit_range(picture)
    return picture if picture.ndim == 2 else np.minimum(picture @ LUMINANCE, np.float32(1))


def check_pictures(X, name="X", smallest=1):
    """Many pictures, of any sizes, as a list of checked ones.

    Parameters
    ----------
    X : array or iterable of arrays
        Shape (n, height, width) or (n, height, width, 3), or any iterable of pictures.

    Returns
    -------
    list of array

    Raises
    ------
    TypeError, ValueError
        If it is a single picture, or one of them is no picture; see :func:`check_picture`.

    Examples
    --------
    >>> len(check_pictures(np.zeros((5, 8, 8))))
    5
    """
    if isinstance(X, np.ndarray):
        if X.ndim == 2 or X.ndim == 3 and X.shape[2] == 3 and X.shape[0] != 0:
            raise ValueError(f"{name} has shape {X.shape}, one picture; pass [{name}] for a batch of one")
        if X.ndim not in (3, 4):
            raise ValueError(f"{name} must have shape (n, height, width) or (n, height, width, 3), got {X.shape}")
    elif isinstance(X, str | bytes) or not hasattr(X, "__iter__"):
        raise TypeError(f"{name} must be an array or an iterable of pictures, got a {type(X).__name__}")
    return [check_picture(picture, f"{name}[{i}]", smallest) for i, picture in enumerate(X)]


def stack_pictures(X, name="X", smallest=1):
    """Many pictures of one size as one array, float32 from 0 to 1.

    Returns
    -------
    array, shape (n, height, width) or (n, height, width, 3)

    Raises
    ------
    TypeError, ValueError
        As :func:`check_pictures`, and if there is none or if shapes differ.

    Examples
    --------
    >>> stack_pictures([np.zeros((4, 5)), np.ones((4, 5))]).shape
    (2, 4, 5)
    """
    pictures = check_pictures(X, name, smallest)
    if not pictures:
        raise ValueError(f"{name} is empty: there is no picture")
    for i, picture in enumerate(pictures):
        if picture.shape != pictures[0].shape:
            raise ValueError(
                f"{name} must hold pictures of one shape, got {pictures[0].shape} and, as {name}[{i}], {picture.shape}"
            )
    return np.stack([unit_range(picture) for picture in pictures])
