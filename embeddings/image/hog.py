"""HOG: a picture as the directions in which its cells get brighter."""

import math

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer
from embeddings.image.checks import check_picture, check_pictures, unit_range
from embeddings.image.preprocess import resize
from embeddings.progress import progress
from kernels import gradients
from kernels.device import implementation


class HOG(Embedder):
    """Histograms of oriented gradients, as scikit-image defines them.

    Every cell of pixels votes, with the size of its gradients, for their directions; cells are taken together in blocks
    that overlap, and each block is normalised, so that neither shadow nor contrast matters much.

    Parameters
    ----------
    orientations : int, default 9
        Directions from 0° to 180°.
    pixels_per_cell : tuple of int, default (8, 8)
        Height and width of a cell.
    cells_per_block : tuple of int, default (3, 3)
    block_norm : {"L1", "L1-sqrt", "L2", "L2-Hys"}, default "L2-Hys"
        What a block is divided by; see :mod:`kernels.gradients`.
    transform_sqrt : bool, default False
        Take square roots of all values first, which makes dark places lighter.
    channel_axis : int, default -1
        Which axis of a three-dimensional picture holds the colours. Each pixel takes the colour that changes most.
    feature_vector : bool, default True
        Give flat vectors; ``False`` keeps rows and columns of blocks, their cells, and directions apart.
    size : tuple of int, optional
        Height and width to which every picture is brought first. By default, all must have the same.
    device : {"cpu", "numpy", "cuda"}, default "cpu"
        ``"numpy"`` is the reference.

    Attributes
    ----------
    shape_ : tuple of int
        Height and width of the pictures.

    Examples
    --------
    A slope that rises to the right: all of its gradients lie in the first of two directions.

    >>> slope = np.tile(np.arange(4, dtype=np.uint8), (4, 1))
    >>> hog = HOG(orientations=2, pixels_per_cell=(4, 4), cells_per_block=(1, 1), block_norm="L2")
    >>> hog.cells(slope).tolist()
    [[[1.0, 0.0]]]
    >>> hog.fit_transform([slope]).tolist()
    [[1.0, 0.0]]

    References
    ----------
    .. [1] Dalal & Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.
    """

    def __init__(
        self,
        orientations=9,
        pixels_per_cell=(8, 8),
        cells_per_block=(3, 3),
        block_norm="L2-Hys",
        transform_sqrt=False,
        channel_axis=-1,
        feature_vector=True,
        size=None,
        device="cpu",
    ):
        self.orientations = orientations
        self.pixels_per_cell = pixels_per_cell
        self.cells_per_block = cells_per_block
        self.block_norm = block_norm
        self.transform_sqrt = transform_sqrt
        self.channel_axis = channel_axis
        self.feature_vector = feature_vector
        self.size = size
        self.device = device

    def fit(self, X, y=None):
        """Learn how large the pictures are; there is nothing else to learn.

        Parameters
        ----------
        X : array or iterable of arrays
            Pictures, as :func:`~embeddings.image.checks.check_picture` takes them.

        Raises
        ------
        ValueError
            If a parameter is out of range, pictures differ in size, or they are too small for a block.
        """
        self._check_parameters()
        pictures = self._check_pictures(X)
        if not pictures:
            raise ValueError("X is empty: there is no picture to learn the size from")
        shape = tuple(self.size or pictures[0].shape[:2])
        self._check_shape(shape, "X[0]")
        self._check_same(pictures, shape)
        self.shape_ = shape
        return self

    def transform(self, X):
        """Vectors of pictures.

        Returns
        -------
        array, shape (n_pictures, n_features), float32
            Without `feature_vector`, shape (n_pictures, block rows, block columns, cell rows, cell columns,
            orientations).
        """
        self._check_is_fitted()
        self._check_parameters()
        pictures = self._check_pictures(X)
        self._check_same(pictures, self.shape_)
        blocks = np.empty((len(pictures), *self._block_shape(self.shape_)), np.float32)
        for picture, place in zip(progress(pictures, desc="HOG", unit="picture"), blocks, strict=True):
            self._describe(self._resized(picture), place)
        flat = len(pictures), math.prod(blocks.shape[1:])
        return blocks.reshape(flat) if self.feature_vector else blocks

    def describe(self, picture):
        """The blocks of one picture of any size, without fitting; flat with `feature_vector`.

        Raises
        ------
        ValueError
            If the picture is too small for a block.
        """
        self._check_parameters()
        picture = self._resized(self._checked(picture, "picture"))
        self._check_shape(picture.shape[:2], "picture")
        blocks = np.empty(self._block_shape(picture.shape[:2]), np.float32)
        self._describe(picture, blocks)
        return blocks.ravel() if self.feature_vector else blocks

    def cells(self, picture):
        """Histograms of the cells of one picture, before blocks: what :func:`~embeddings.visualise.hog_glyphs` draws.

        Returns
        -------
        array, shape (rows, columns, orientations), float64
        """
        self._check_parameters()
        picture = self._resized(self._checked(picture, "picture"))
        self._check_shape(picture.shape[:2], "picture", cells_per_block=(1, 1))
        return self._on_host(self._histograms(picture))

    # The steps --------------------------------------------------------------------------------------------------------

    def _histograms(self, picture):
        planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
        # Differences of bytes and of 16-bit numbers are exact in float32.
        wide = self.transform_sqrt and picture.dtype != np.float32
        planes = np.ascontiguousarray(planes, np.float64 if wide or picture.dtype == np.float64 else np.float32)
        if self.transform_sqrt:
            planes = np.sqrt(planes)
        rows, columns, *_ = self._cell_grid(picture.shape[:2])
        arrays = planes, gradients.boundaries(self.orientations), np.empty((rows, columns, self.orientations))
        planes, boundaries, histograms = map(self._to_device, arrays)
        vote = implementation(gradients.HISTOGRAMS_IMPLEMENTATIONS, self.device)
        vote(planes, boundaries, *map(int, self.pixels_per_cell), histograms)
        return histograms

    def _describe(self, picture, blocks):
        normalise = implementation(gradients.BLOCKS_IMPLEMENTATIONS, self.device)
        target = self._to_device(blocks)
        normalise(self._histograms(picture), gradients.NORMS[self.block_norm], target)
        if target is not blocks:
            target.copy_to_host(blocks)

    def _to_device(self, array):
        if self.device != "cuda":
            return array
        from numba import cuda

        return cuda.to_device(array)

    def _on_host(self, array):
        return array.copy_to_host() if self.device == "cuda" else array

    def _cell_grid(self, shape):
        return shape[0] // self.pixels_per_cell[0], shape[1] // self.pixels_per_cell[1]

    def _block_shape(self, shape):
        grid = [n - b + 1 for n, b in zip(self._cell_grid(shape), self.cells_per_block, strict=True)]
        return (*grid, *self.cells_per_block, self.orientations)

    def _resized(self, picture):
        if self.size is None or picture.shape[:2] == tuple(self.size):
            return picture
        return np.clip(resize(unit_range(picture), *self.size), 0, 1)

    # Checks -----------------------------------------------------------------------------------------------------------

    def _check_parameters(self):
        check_integer("orientations", self.orientations, minimum=1)
        check_choice("block_norm", self.block_norm, tuple(gradients.NORMS))
        check_choice("channel_axis", self.channel_axis, (-1, 0, 1, 2, -2, -3))
        for name in ("pixels_per_cell", "cells_per_block", "size"):
            value = getattr(self, name)
            if name == "size" and value is None:
                continue
            if not isinstance(value, tuple | list) or len(value) != 2:
                raise TypeError(f"{name} must be two integers, got {value!r}")
            for part in value:
                check_integer(name, part, minimum=1)
        # Also says what is missing where there is no GPU.
        implementation(gradients.BLOCKS_IMPLEMENTATIONS, self.device)

    def _checked(self, picture, name):
        if self.channel_axis != -1 and np.ndim(picture) == 3:
            picture = np.moveaxis(np.asarray(picture), self.channel_axis, -1)
        return check_picture(picture, name)

    def _check_pictures(self, X):
        if self.channel_axis == -1:
            return check_pictures(X)
        if isinstance(X, np.ndarray) and X.ndim < 3:
            raise ValueError(f"X has shape {X.shape}, one picture; pass [X] for a batch of one")
        return [self._checked(picture, f"X[{i}]") for i, picture in enumerate(X)]

    def _check_same(self, pictures, shape):
        for i, picture in enumerate(pictures):
            if self.size is None and picture.shape[:2] != shape:
                raise ValueError(
                    f"X[{i}] is {picture.shape[0]} × {picture.shape[1]}, but the pictures that the model knows are "
                    f"{shape[0]} × {shape[1]}; give size=(height, width) to bring all to one size"
                )

    def _check_shape(self, shape, name, cells_per_block=None):
        block = cells_per_block or self.cells_per_block
        least = [b * p for b, p in zip(block, self.pixels_per_cell, strict=True)]
        if shape[0] < least[0] or shape[1] < least[1]:
            raise ValueError(
                f"{name} is {shape[0]} × {shape[1]}, too small for {block[0]} × {block[1]} cells of "
                f"{self.pixels_per_cell[0]} × {self.pixels_per_cell[1]} pixels: at least {least[0]} × {least[1]}"
            )

    def _set_state(self, state):
        super()._set_state(state)
        if not isinstance(self.shape_, tuple) or len(self.shape_) != 2:
            raise ValueError("shape_ must be two numbers")
        self._check_parameters()
        self._check_shape(self.shape_, "shape_")
