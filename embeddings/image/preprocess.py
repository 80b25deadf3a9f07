"""Pictures made ready for networks: scaled, cut out, and normalised."""

import functools

import numpy as np

from embeddings.image.checks import check_picture, unit_range

# Mean and standard deviation of ImageNet's channels, from 0 to 1.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


@functools.lru_cache(maxsize=64)
def _weights(n, m):
    """How much each of `n` places gives to each of `m`: (m, n), rows add up to 1.

    A triangle as wide as one place of the smaller of the two scales, so that shrinking does not skip anything.
    """
    scale = n / m
    width = max(scale, 1.0)
    middles = (np.arange(m) + 0.5) * scale - 0.5
    weights = np.maximum(0, 1 - np.abs(np.arange(n) - middles[:, None]) / width)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def resize(picture, height, width):
    """A picture scaled to another size, bilinear and, where it shrinks, without aliasing, as Pillow does it.

    Parameters
    ----------
    picture : array, shape (H, W) or (H, W, C), float32
    height, width : int

    Returns
    -------
    array, shape (height, width) or (height, width, C), float32

    Examples
    --------
    >>> resize(np.array([[0.0, 1.0], [2.0, 3.0]], np.float32), 1, 1)
    array([[1.5]], dtype=float32)
    """
    rows, columns = _weights(picture.shape[0], height), _weights(picture.shape[1], width)
    scaled = np.tensordot(rows, picture, (1, 0))  # (height, W, C)
    return np.ascontiguousarray(np.moveaxis(np.tensordot(columns, scaled, (1, 1)), 0, 1))


def imagenet_pixels(picture, size=224, crop=0.875):
    """A picture as networks trained on ImageNet want it.

    The shorter side is scaled to size / crop, a square of `size` is cut out of the middle, and each channel has
    ImageNet's mean taken away and is divided by its deviation.

    Parameters
    ----------
    picture : array
        Grey (height, width) or RGB (height, width, 3), as :func:`embeddings.image.checks.check_picture` takes it.
    size : int, default 224
    crop : float, default 0.875
        The share of the shorter side that is kept.

    Returns
    -------
    array, shape (3, size, size), float32

    Examples
    --------
    >>> imagenet_pixels(np.full((300, 400), 255, np.uint8))[:, 0, 0].round(2)
    array([2.25, 2.43, 2.64], dtype=float32)
    """
    picture = unit_range(check_picture(picture))
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    height, width = picture.shape[:2]
    shorter = round(size / crop)
    scale = shorter / min(height, width)
    picture = resize(picture, max(size, round(height * scale)), max(size, round(width * scale)))
    top, left = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
    pixels = (picture[top : top + size, left : left + size] - MEAN) / DEVIATION
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
