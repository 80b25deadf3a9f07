"""Pictures that come with scikit-image."""

import numpy as np

# Those that lie in the installed package itself, so that nothing is downloaded.
NAMES = (
    "astronaut",
    "brick",
    "camera",
    "cat",
    "cell",
    "checkerboard",
    "clock",
    "coffee",
    "coins",
    "colorwheel",
    "grass",
    "gravel",
    "horse",
    "hubble_deep_field",
    "immunohistochemistry",
    "logo",
    "microaneurysms",
    "moon",
    "page",
    "retina",
    "rocket",
    "text",
)


def images():
    """The pictures that scikit-image brings along.

    Returns
    -------
    dict of str to array, uint8
        Shapes (height, width) for grey pictures, (height, width, 3) for colour.

    Examples
    --------
    >>> pictures = images()
    >>> pictures["cat"].shape, pictures["cat"].dtype
    ((300, 451, 3), dtype('uint8'))
    """
    from skimage import data

    return {name: _as_bytes(getattr(data, name)()) for name in NAMES}


def _as_bytes(picture):
    """Black and white become 0 and 255; transparency is left out."""
    if picture.dtype == bool:
        return picture.astype(np.uint8) * np.uint8(255)
    return picture[..., :3] if picture.ndim == 3 else picture
