"""Patches: texts, sounds, pictures and clips cut into pieces of one size, and put together again."""

import dataclasses
import functools
import math

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer
from kernels.device import implementation
from kernels.patches import IMPLEMENTATIONS, SCATTER_IMPLEMENTATIONS

gather = implementation(IMPLEMENTATIONS)
scatter = implementation(SCATTER_IMPLEMENTATIONS)

PADDINGS = ("none", "drop", "zeros", "edge", "reflect")
CHANNELS = ("last", "first", None)
# Paddings that NumPy knows by the same name.
_CONTINUED = ("edge", "reflect")
_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("frames", "height", "width")}


def patchify(x, patch_size, stride=None, padding="none", channels="last"):
    """Cut the last axes of `x` into patches.

    Parameters
    ----------
    x : array, shape (..., *sizes, C), (..., C, *sizes) or (..., *sizes)
        As `channels` says; `sizes` are as many as numbers in `patch_size`: (length,) of a text or a sound, (height,
        width) of a picture, (frames, height, width) of a clip. Any numbers.
    patch_size : int or tuple of 1 to 3 ints
        Along each size; an int is a tuple of one.
    stride : int or tuple of ints, optional
        Steps from patch to patch; by default `patch_size`, so that no two overlap. It is at most `patch_size`: between
        patches nothing is lost.
    padding : {"none", "drop", "zeros", "edge", "reflect"}, default "none"
        What happens to a rest that fills no patch. ``"none"``: that is an error. ``"drop"``: it is left out. Otherwise
        the data go on behind their end, with zeros, with their last value, or backwards.
    channels : {"last", "first", None}, default "last"
        Where the axis of the channels is; None: there is none.

    Returns
    -------
    array, shape (..., P, p)
        P patches, the last size running fastest, of p numbers each, in the order of the axes of `x`: (t, y, x, c) with
        channels last, (c, t, y, x) with channels first. The dtype is that of `x`.

    Raises
    ------
    ValueError, TypeError
        For sizes that do not fit, and for bad parameters.

    Examples
    --------
    >>> picture = np.arange(16).reshape(4, 4)
    >>> patchify(picture, (2, 2), channels=None).tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    >>> patchify(np.array([7, 8, 9]), 2, stride=1, channels=None).tolist()
    [[7, 8], [8, 9]]
    >>> patchify(np.array([7, 8, 9]), 2, padding="edge", channels=None).tolist()
    [[7, 8], [9, 9]]
    """
    x = np.asarray(x)
    plan = _Plan.of(x.shape, patch_size, stride, padding, channels)
    data = np.ascontiguousarray(x).reshape(-1, *plan.axes)
    patches = np.empty((len(data), math.prod(plan.grid), math.prod(plan.size[:3]), plan.size[3]), x.dtype)
    gather(data, *plan.tables(padding), patches)
    return patches.reshape(*plan.lead, plan.n_patches, plan.patch_numbers)


def unpatchify(patches, sizes, patch_size, stride=None, padding="none", channels="last"):
    """Put patches together again: the inverse of :func:`patchify`, with the same arguments.

    Parameters
    ----------
    patches : array, shape (..., P, p)
    sizes : int or tuple of ints
        Those of what was cut: (length,), (height, width) or (frames, height, width).
    patch_size, stride, padding, channels
        As in :func:`patchify`.

    Returns
    -------
    array, shape (..., *sizes, C), (..., C, *sizes) or (..., *sizes)
        Where patches overlap, their mean: exactly the number that was cut, if they agree; rounded, of whole numbers.
        What ``padding="drop"`` left out is 0.

    Raises
    ------
    ValueError, TypeError
        If the patches are not as many or as large as they would be, and for bad parameters.

    Examples
    --------
    >>> clip = np.random.default_rng(0).normal(size=(5, 8, 8, 3))
    >>> patches = patchify(clip, (2, 4, 4), stride=(1, 2, 2))
    >>> patches.shape, np.array_equal(unpatchify(patches, (5, 8, 8), (2, 4, 4), stride=(1, 2, 2)), clip)
    ((36, 96), True)
    """
    return _put_back(patches, sizes, patch_size, stride, padding, channels, mean=True)


def sum_patches(patches, sizes, patch_size, stride=None, padding="none", channels="last"):
    """The sum of patches where they overlap: the gradient of :func:`patchify` that pads with zeros, or not at all.

    Parameters and errors are those of :func:`unpatchify`.

    Examples
    --------
    >>> sum_patches(np.ones((2, 2)), 3, 2, stride=1, channels=None).tolist()
    [1.0, 2.0, 1.0]
    """
    check_choice("padding", padding, ("none", "drop", "zeros"))
    return _put_back(patches, sizes, patch_size, stride, padding, channels, mean=False)


def patch_grid(sizes, patch_size, stride=None, padding="none"):
    """How many patches there are along each size.

    Parameters and errors are those of :func:`patchify`.

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> patch_grid((16, 64, 64), (2, 8, 8))
    (8, 8, 8)
    """
    sizes, patch_size = _numbers("sizes", sizes), _numbers("patch_size", patch_size)
    check_choice("padding", padding, PADDINGS)
    return _grid(sizes, patch_size, _strides(stride, patch_size), padding)


class Patchifier(Embedder):
    """Patches as a model: :func:`patchify` for many pictures, clips or sounds of one size.

    Parameters
    ----------
    patch_size : int or tuple of ints, default (8, 8)
    stride, padding, channels
        As in :func:`patchify`.

    Attributes
    ----------
    sizes_ : tuple of int
        (length,), (height, width) or (frames, height, width) of what ``fit`` saw.
    grid_ : tuple of int
        Patches along each.
    n_channels_ : int
        1 where there is no axis of channels.

    Examples
    --------
    >>> pictures = np.arange(32).reshape(2, 4, 4)
    >>> patchifier = Patchifier((2, 2), channels=None).fit(pictures)
    >>> patches = patchifier.transform(pictures)
    >>> patches.shape, np.array_equal(patchifier.inverse_transform(patches), pictures)
    ((2, 4, 4), True)
    """

    def __init__(self, patch_size=(8, 8), stride=None, padding="none", channels="last"):
        self.patch_size = patch_size
        self.stride = stride
        self.padding = padding
        self.channels = channels

    def fit(self, X, y=None):
        """Learn the sizes.

        Parameters
        ----------
        X : array, shape (n, *sizes, C), (n, C, *sizes) or (n, *sizes)

        Raises
        ------
        ValueError, TypeError
            For sizes that do not fit, and for bad parameters.
        """
        plan = self._plan(np.asarray(X))
        self.sizes_, self.grid_, self.n_channels_ = plan.sizes, plan.counts, plan.n_channels
        return self

    def transform(self, X):
        """Cut each of `X` into patches.

        Returns
        -------
        array, shape (n, P, p)

        Raises
        ------
        ValueError
            If the sizes are not those of ``fit``.
        """
        self._check_is_fitted()
        X = np.asarray(X)
        plan = self._plan(X)
        if (plan.sizes, plan.n_channels) != (self.sizes_, self.n_channels_):
            raise ValueError(
                f"X has the sizes {plan.sizes} and {plan.n_channels} channels; "
                f"fit saw {self.sizes_} and {self.n_channels_}"
            )
        return patchify(X, self.patch_size, self.stride, self.padding, self.channels)

    def inverse_transform(self, patches):
        """Put patches together: the inverse of :meth:`transform`.

        Parameters
        ----------
        patches : array, shape (n, P, p)
        """
        self._check_is_fitted()
        return unpatchify(patches, self.sizes_, self.patch_size, self.stride, self.padding, self.channels)

    def _plan(self, X):
        rank = len(_numbers("patch_size", self.patch_size))
        expected = 1 + rank + (self.channels is not None)
        if X.ndim != expected:
            raise ValueError(f"X must have {expected} axes, the first for the items; got the shape {X.shape}")
        return _Plan.of(X.shape, self.patch_size, self.stride, self.padding, self.channels)


# How data of any rank become the four axes of the kernel --------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Plan:
    lead: tuple  # the axes before
    sizes: tuple
    counts: tuple  # patches along each size
    n_channels: int
    axes: tuple  # the four of the kernel, and along them:
    size: tuple
    stride: tuple
    grid: tuple
    channels: str

    @classmethod
    def of(cls, shape, patch_size, stride, padding, channels):
        patch_size = _numbers("patch_size", patch_size)
        stride = _strides(stride, patch_size)
        check_choice("padding", padding, PADDINGS)
        check_choice("channels", channels, CHANNELS)
        rank = len(patch_size)
        needed = rank + (channels is not None)
        if len(shape) < needed:
            raise ValueError(f"x needs at least {needed} axes for patches of {rank} sizes, got the shape {shape}")
        own, lead = shape[len(shape) - needed :], shape[: len(shape) - needed]
        C = 1 if channels is None else own[-1] if channels == "last" else own[0]
        if C == 0:
            raise ValueError(f"x has no channel: its shape is {shape}, channels={channels!r}")
        sizes = own[1:] if channels == "first" else own[:rank]
        counts = _grid(sizes, patch_size, stride, padding)
        rows = [list(sizes), list(patch_size), list(stride), list(counts)]
        if channels == "first":
            rows = [[value, *row] for value, row in zip((C, C, C, 1), rows, strict=True)]
        else:
            for row in rows[:3]:
                row[-1] *= C
        axes, size, steps, grid = (tuple([1] * (4 - len(row)) + row) for row in rows)
        return cls(tuple(lead), tuple(sizes), counts, C, axes, size, steps, grid, channels)

    @property
    def n_patches(self):
        return math.prod(self.grid)

    @property
    def patch_numbers(self):
        return math.prod(self.size)

    def tables(self, padding):
        """Of each axis, the places that each number of each patch is read from; -1 for a zero."""
        together = [1, 1, 1, self.n_channels if self.channels == "last" else 1]
        rows = zip(self.axes, self.size, self.stride, self.grid, together, strict=True)
        return [_table(A // C, p // C, s // C, n, C, padding) for A, p, s, n, C in rows]


@functools.lru_cache(maxsize=64)
def _table(A, p, s, n, C, padding):
    """The places of n patches along an axis of A, each of p, as many numbers C staying together: (n, p C)."""
    extra = (n - 1) * s + p - A
    places = np.arange(A, dtype=np.int64)
    if extra > 0:
        places = np.pad(places, (0, extra), **({"mode": padding} if padding in _CONTINUED else {"constant_values": -1}))
    table = places[np.arange(n)[:, None] * s + np.arange(p)]
    return np.where(table[..., None] < 0, -1, table[..., None] * C + np.arange(C)).reshape(n, p * C)


def _grid(sizes, patch_size, stride, padding):
    if len(sizes) != len(patch_size):
        raise ValueError(f"sizes must be as many as numbers in patch_size, {len(patch_size)}; got {tuple(sizes)}")
    grid = []
    for name, A, p, s in zip(_NAMES[len(sizes)], sizes, patch_size, stride, strict=True):
        if A < 1:
            raise ValueError(f"there is nothing to cut: the {name} is 0 (sizes {tuple(sizes)})")
        if padding in ("none", "drop") and p > A:
            raise ValueError(
                f"patch_size {p} is larger than the {name}, {A}: take smaller patches, "
                "or padding='zeros', 'edge' or 'reflect'"
            )
        if padding == "none" and (A - p) % s:
            fits = A - (A - p) % s
            raise ValueError(
                f"patches of {p} in steps of {s} do not fill the {name}, {A}: the nearest that fit are {fits} and "
                f"{fits + s}; or choose a padding of {', '.join(map(repr, PADDINGS[1:]))}"
            )
        grid.append((A - p) // s + 1 if padding in ("none", "drop") else max(0, -((p - A) // s)) + 1)
    return tuple(grid)


def _numbers(name, value):
    """One to three positive ints as a tuple."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    if not 1 <= len(values) <= 3:
        raise ValueError(f"{name} must be 1, 2 or 3 numbers, got {value!r}")
    return tuple(check_integer(name, v, minimum=0 if name == "sizes" else 1) for v in values)


def _strides(stride, patch_size):
    if stride is None:
        return patch_size
    stride = _numbers("stride", stride)
    if len(stride) != len(patch_size) or any(s > p for s, p in zip(stride, patch_size, strict=True)):
        raise ValueError(f"stride must be as many numbers as patch_size {patch_size}, each at most as large: {stride}")
    return stride


def _put_back(patches, sizes, patch_size, stride, padding, channels, mean):
    patches = np.asarray(patches)
    if patches.ndim < 2:
        raise ValueError(f"patches must have the shape (..., P, p), got {patches.shape}")
    *lead, P, numbers = patches.shape
    sizes, one = _numbers("sizes", sizes), math.prod(_numbers("patch_size", patch_size))
    C = max(1, numbers // one) if channels is not None else 1
    shape = (*lead, *sizes) if channels is None else (*lead, *sizes, C) if channels == "last" else (*lead, C, *sizes)
    plan = _Plan.of(shape, patch_size, stride, padding, channels)
    if (P, numbers) != (plan.n_patches, one * C):
        raise ValueError(
            f"sizes {sizes} have {plan.n_patches} patches of a multiple of {one} numbers; got {P} of {numbers}"
        )
    overlap = any(s < p and n > 1 for s, p, n in zip(plan.stride, plan.size, plan.grid, strict=True))
    whole = overlap and patches.dtype.kind in "iub"
    rows = np.ascontiguousarray(patches, np.float64 if whole else None)
    rows = rows.reshape(-1, P, math.prod(plan.size[:3]), plan.size[3])
    x = np.empty((len(rows), *plan.axes), rows.dtype)
    # Where no patch follows, the step does not matter: nothing overlaps.
    steps = tuple(s if n > 1 else p for s, p, n in zip(plan.stride, plan.size, plan.grid, strict=True))
    scatter(rows, plan.grid, plan.size, steps, mean, x)
    return (np.rint(x).astype(patches.dtype) if whole else x).reshape(shape)
