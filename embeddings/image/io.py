"""Pictures from files and folders, right way up, through scikit-image's own readers (imageio and Pillow)."""

import os
import sys
import warnings
from pathlib import Path

import numpy as np

from embeddings.image.checks import check_picture
from embeddings.progress import progress

# Files that are taken for pictures.
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")

# A file of some kilobytes can say that it holds a picture of gigabytes.
MAX_PIXELS = 50_000_000


def read_picture(path, max_pixels=MAX_PIXELS):
    """The picture in a file.

    Grey pictures stay grey, 16-bit ones (PNG, TIFF, PPM) keep their 16 bits, palettes become colours, transparent
    places white, and a picture that a camera marked as rotated (EXIF) is turned upright. Of an animation, the first
    frame is taken.

    Parameters
    ----------
    path : path-like
    max_pixels : int, default 50,000,000
        A file whose header says more is not read.

    Returns
    -------
    array, shape (height, width) or (height, width, 3), uint8 or uint16

    Warns
    -----
    UserWarning
        If the colours have more than 8 bits in a way that is not supported, as grey with transparency; the upper 8 are
        read.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
    ValueError
        If it is no picture, is damaged, or is too large.

    Examples
    --------
    >>> import pathlib, skimage
    >>> read_picture(pathlib.Path(skimage.__file__).parent / "data" / "coins.png").shape
    (303, 384)
    """
    from imageio import v3

    path = Path(path)
    where = repr(os.fspath(path))
    if path.is_dir():
        raise IsADirectoryError(f"{where} is a folder, not a picture")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {where}")
    with warnings.catch_warnings():
        # The size is looked at here; what a damaged file makes the reader warn of is not for the user.
        warnings.simplefilter("ignore")
        try:
            with v3.imopen(path, "r", plugin="pillow") as file:
                size = file.properties(index=0).shape[:2]
                if size[0] * size[1] <= max_pixels:
                    picture, cut = _decode_deep(path)
                    picture = _decode(file) if picture is None else picture
        except Exception as error:
            # Decoders raise whatever their format brings about: OSError, SyntaxError, struct.error, their own bombs.
            raise ValueError(f"{where} is no picture that can be read: {_first_line(error)}") from error
    if size[0] * size[1] > max_pixels:
        raise ValueError(f"{where} is {size[0]} × {size[1]} pixels, more than max_pixels={max_pixels:,}")
    if cut:
        warnings.warn(f"{where} has more than 8 bits for each colour, of which the upper 8 are read", stacklevel=2)
    return check_picture(picture, where)


def _decode_deep(path):
    """The first frame in 16-bit colour, or None if it is not or cannot be had so, and whether its colours lose bits.

    Of two bytes, Pillow keeps the upper one. But which of them comes first in a file is an argument of its decoders,
    and so each can be asked for.
    """
    from PIL import Image, ImageOps

    halves = []
    for half in (0, 1):
        with Image.open(path) as image:
            tiles = [_deep_tiles(tile) for tile in image.tile]
            if not tiles or None in tiles:
                return None, _is_cut(image)
            image.tile = [pair[half] for pair in tiles]
            key = image.info.get("transparency")
            halves.append(np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16))
    picture = halves[0] << 8 | halves[1]
    if picture.shape[2] == 4:
        alpha = picture[..., 3:] / 65535
        picture = np.rint(picture[..., :3] * alpha + 65535 * (1 - alpha)).astype(np.uint16)
    elif key is not None:
        picture[(picture == key).all(axis=2)] = 65535
    return picture, False


def _raw_mode(tile):
    """Pillow's name for how a part of a file is stored, and what else its decoder is told."""
    raw, *others = [tile[3]] if isinstance(tile[3], str) else tile[3]
    return str(raw), others


def _deep_tiles(tile):
    """What Pillow is to decode for the upper and for the lower bytes of 16-bit colours; None where there are none."""
    codec, extents, offset, _ = tile
    raw, others = _raw_mode(tile)
    if codec == "ppm" and raw == "RGB" and others == [65535]:
        codec, raw, others = "raw", "RGB;16B", [0, 1]
    colours, _, order = raw.partition(";16")
    if colours not in ("RGB", "RGBA") or order not in ("B", "L", "N"):
        return None
    big = order == "B" or order == "N" and sys.byteorder == "big"
    modes = [f"{colours};16{first}" for first in ("BL" if big else "LB")]
    make = getattr(type(tile), "_make", tuple)  # plain tuples before Pillow 11
    return [make((codec, extents, offset, (mode, *others) if others else mode)) for mode in modes]


def _is_cut(image):
    """Whether Pillow keeps the upper 8 bits alone of what this file holds."""
    if image.mode.startswith("I") or image.mode in ("1", "L", "F", "P"):
        return False
    bits = getattr(image, "tag_v2", {}).get(258, ())  # TIFF's number for bits per colour
    if max(bits, default=8) > 8 and image.tile[0][0] == "raw" and _raw_mode(image.tile[0])[0] == "R":
        raise ValueError("its 16-bit colours lie one after the other; save it with those of a pixel side by side")
    known = [_raw_mode(tile) for tile in image.tile]
    deep_ppm = image.format == "PPM" and any(others and others[0] > 255 for _, others in known)
    return deep_ppm or any(";16" in raw for raw, _ in known)


def _decode(file):
    """The first frame as grey or colour, transparency laid on white."""
    mode = file.metadata(index=0, exclude_applied=False)["mode"]
    transparent = "transparency" in file.metadata(index=0, exclude_applied=False)
    if mode.startswith("I") or mode in ("1", "L", "F") and not transparent:
        picture = file.read(index=0, rotate=True)
    else:
        with_alpha = transparent or mode in ("RGBA", "LA", "PA", "La", "RGBa")
        picture = file.read(index=0, mode="RGBA" if with_alpha else "RGB", rotate=True)
    if picture.ndim == 3 and picture.shape[2] == 4:
        alpha = picture[..., 3:].astype(np.float32) / 255
        over_white = np.rint(picture[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
        # Grey with transparency comes as colour.
        picture = over_white[..., 0] if mode in ("LA", "La", "L", "1") else over_white
    if picture.dtype.kind in "if" and picture.size:
        # 32-bit greys say nowhere what white is: 16 bits, 1, or else their own brightest.
        low, high = float(picture.min()), float(picture.max())
        if picture.dtype.kind == "i" and 0 <= low and high <= 65535:
            picture = picture.astype(np.uint16)
        elif picture.dtype.kind == "i" or low < 0 or high > 1:
            picture = (picture - low) / (high - low if high > low else 1)
    elif picture.dtype == ">u2":
        picture = picture.astype(np.uint16)
    return picture


def _first_line(error):
    return str(error).partition("\n")[0] or type(error).__name__


def picture_files(folder):
    """Paths of the files beneath `folder` whose names end as pictures' do, in alphabetical order.

    Hidden files and folders are left out.

    Raises
    ------
    NotADirectoryError
        If `folder` is not a folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"{os.fspath(folder)!r} is not a folder")
    paths = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(root) / name for name in files if not name.startswith(".")]
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES)


def read_pictures(folder, longest=None, max_pixels=MAX_PIXELS):
    """The pictures beneath a folder, and the files that are none.

    Parameters
    ----------
    folder : path-like
    longest : int, optional
        Larger pictures are shrunk until their longer side has this many pixels; so a large folder fits in memory.
    max_pixels : int, default 50,000,000
        As in :func:`read_picture`.

    Returns
    -------
    pictures : dict of str to array
        Path, relative to `folder`, to picture; in alphabetical order.
    skipped : dict of str to str
        Path to the reason why that file could not be read.

    Raises
    ------
    NotADirectoryError
        If `folder` is not a folder.
    ValueError
        If there is no picture in it that can be read.
    """
    pictures, skipped = {}, {}
    for path in progress(picture_files(folder), desc="reading", unit="picture"):
        name = path.relative_to(folder).as_posix()
        try:
            pictures[name] = shrink(read_picture(path, max_pixels), longest)
        except (OSError, ValueError) as error:
            skipped[name] = str(error)
    if not pictures:
        reasons = "".join(f"; {reason}" for reason in list(skipped.values())[:3])
        endings = ", ".join(SUFFIXES)
        raise ValueError(f"{os.fspath(folder)!r} holds no picture ({endings}) that can be read{reasons}")
    return pictures, skipped


def shrink(picture, longest):
    """`picture`, or, if a side is longer than `longest`, one shrunk by means of pixels; None leaves all as they are.

    Examples
    --------
    >>> shrink(np.zeros((40, 20), np.uint8), 10).shape
    (10, 5)
    """
    height, width = picture.shape[:2]
    if longest is None or max(height, width) <= longest:
        return picture
    from skimage.transform import resize_local_mean

    ratio = longest / max(height, width)
    size = max(1, round(height * ratio)), max(1, round(width * ratio))
    small = resize_local_mean(picture, size, channel_axis=2 if picture.ndim == 3 else None, preserve_range=True)
    return small.astype(picture.dtype) if picture.dtype.kind == "f" else np.rint(small).astype(picture.dtype)
