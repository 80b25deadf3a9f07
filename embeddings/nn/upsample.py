"""Upsampling: every number repeated."""

import numpy as np

from embeddings.nn.layer import Layer
from embeddings.nn.volumes import check_sizes, from_volumes, side_by_side, to_volumes
from kernels.pool import sum_pool_backward_cpu, sum_pool_cpu


class Upsample(Layer):
    """Every number repeated `scale` times along each axis (nearest neighbour); see :class:`Upsample2d`."""

    n_axes = None

    def __init__(self, scale):
        super().__init__()
        self.scale = check_sizes("scale", scale, self.n_axes, 1)

    def forward(self, x, lengths=None):
        volumes, axis = side_by_side(to_volumes(x, self.n_axes, type(self).__name__))
        size = (n * s for n, s in zip(volumes.shape[1:4], self.scale, strict=True))
        y = np.empty((len(volumes), *size, volumes.shape[4]), volumes.dtype)
        # A sum hands its gradient to every number of its window alike.
        sum_pool_backward_cpu(volumes, self.scale, self.scale, (0, 0, 0), y)
        self.push(axis, volumes.shape)
        return from_volumes(np.moveaxis(y, -1, axis), self.n_axes)

    def backward(self, grad):
        axis, shape = self.pop()
        grad = to_volumes(grad, self.n_axes, type(self).__name__)
        grad = np.ascontiguousarray(np.moveaxis(grad, axis, -1))
        dx = np.empty(shape, grad.dtype)
        sum_pool_cpu(grad, self.scale, self.scale, (0, 0, 0), dx)
        return from_volumes(np.moveaxis(dx, -1, axis), self.n_axes)


class Upsample1d(Upsample):
    """Every step of (B, T, C) repeated; see :class:`Upsample2d`."""

    n_axes = 1


class Upsample2d(Upsample):
    """Every place of pictures repeated: (B, C, H, W) to (B, C, scale H, scale W).

    Parameters
    ----------
    scale : int or tuple of two int

    Examples
    --------
    >>> Upsample2d((1, 2))(np.array([[[[1.0, 2.0]]]]))
    array([[[[1., 1., 2., 2.]]]])
    """

    n_axes = 2


class Upsample3d(Upsample):
    """Every place of clips repeated, (B, C, D, H, W); see :class:`Upsample2d`."""

    n_axes = 3
