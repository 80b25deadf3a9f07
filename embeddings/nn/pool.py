"""Pooling: the largest number or the mean of every window, of a whole picture, or of the steps of a sequence."""

import numpy as np

from embeddings.nn.layer import Layer
from embeddings.nn.volumes import check_sizes, from_volumes, side_by_side, to_volumes
from kernels.conv import output_size
from kernels.pool import max_pool_backward_cpu, max_pool_cpu, sum_pool_backward_cpu, sum_pool_cpu


class Pool(Layer):
    """What windows of every kind share."""

    n_axes = None

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel = check_sizes("kernel_size", kernel_size, self.n_axes, 1)
        self.stride = self.kernel if stride is None else check_sizes("stride", stride, self.n_axes, 1)
        self.padding = check_sizes("padding", padding, self.n_axes, 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"padding must be at most half of kernel_size, got {padding!r} and {kernel_size!r}")

    def _prepare(self, x):
        """Numbers side by side, which axis that is, and the empty result."""
        volumes, axis = side_by_side(to_volumes(x, self.n_axes, type(self).__name__))
        size = output_size(volumes.shape[1:4], self.kernel, self.stride, self.padding, (1, 1, 1))
        if min(size) < 1:
            raise ValueError(
                f"{type(self).__name__}: a window of {self.kernel[3 - self.n_axes :]} does not fit into an input of "
                f"shape {np.shape(x)}"
            )
        return volumes, axis, np.empty((len(volumes), *size, volumes.shape[4]), volumes.dtype)

    def _gradient(self, grad, axis):
        """The gradient in the order of memory that forward used."""
        grad = to_volumes(grad, self.n_axes, type(self).__name__)
        return np.ascontiguousarray(np.moveaxis(grad, axis, -1))

    def _shown(self, y, axis):
        return from_volumes(np.moveaxis(y, -1, axis), self.n_axes)


class MaxPool(Pool):
    """The largest number of every window; see :class:`MaxPool2d`."""

    def forward(self, x, lengths=None):
        volumes, axis, y = self._prepare(x)
        taps = np.empty(y.shape, np.int32)
        max_pool_cpu(volumes, self.kernel, self.stride, self.padding, y, taps)
        self.push(taps, volumes.shape, axis)
        return self._shown(y, axis)

    def backward(self, grad):
        taps, shape, axis = self.pop()
        dx = np.empty(shape, grad.dtype)
        max_pool_backward_cpu(self._gradient(grad, axis), taps, self.kernel, self.stride, self.padding, dx)
        return self._shown(dx, axis)


class AveragePool(Pool):
    """The mean of every window; see :class:`AveragePool2d`."""

    def forward(self, x, lengths=None):
        volumes, axis, y = self._prepare(x)
        sum_pool_cpu(volumes, self.kernel, self.stride, self.padding, y)
        y *= y.dtype.type(1 / np.prod(self.kernel))
        self.push(volumes.shape, axis)
        return self._shown(y, axis)

    def backward(self, grad):
        shape, axis = self.pop()
        dx = np.empty(shape, grad.dtype)
        sum_pool_backward_cpu(self._gradient(grad, axis), self.kernel, self.stride, self.padding, dx)
        dx *= dx.dtype.type(1 / np.prod(self.kernel))
        return self._shown(dx, axis)


class MaxPool1d(MaxPool):
    """The largest number of every window along the steps of (B, T, C); see :class:`MaxPool2d`."""

    n_axes = 1


class MaxPool2d(MaxPool):
    """The largest number of every window of pictures, (B, C, H, W) to (B, C, H', W').

    Its gradient goes to that number alone; of equal ones, to the first.

    Parameters
    ----------
    kernel_size : int or tuple of two int
    stride : int or tuple, optional
        By default that of `kernel_size`: windows side by side.
    padding : int or tuple, default 0
        Places around every side that never are the largest.

    Examples
    --------
    >>> layer = MaxPool2d(2)
    >>> layer(np.array([[[[1.0, 4.0], [2.0, 3.0]]]]))
    array([[[[4.]]]])
    >>> layer.backward(np.array([[[[5.0]]]]))
    array([[[[0., 5.],
             [0., 0.]]]])
    """

    n_axes = 2


class MaxPool3d(MaxPool):
    """The largest number of every window of clips, (B, C, D, H, W); see :class:`MaxPool2d`."""

    n_axes = 3


class AveragePool1d(AveragePool):
    """The mean of every window along the steps of (B, T, C); see :class:`AveragePool2d`."""

    n_axes = 1


class AveragePool2d(AveragePool):
    """The mean of every window of pictures, (B, C, H, W) to (B, C, H', W').

    Parameters
    ----------
    kernel_size : int or tuple of two int
    stride : int or tuple, optional
        By default that of `kernel_size`.
    padding : int or tuple, default 0
        Zeros around every side; they count.

    Examples
    --------
    >>> AveragePool2d(2)(np.array([[[[1.0, 4.0], [2.0, 3.0]]]]))
    array([[[[2.5]]]])
    """

    n_axes = 2


class AveragePool3d(AveragePool):
    """The mean of every window of clips, (B, C, D, H, W); see :class:`AveragePool2d`."""

    n_axes = 3


class GlobalAveragePool(Layer):
    """The mean over all places of pictures or clips: (B, C, …) to (B, C).

    Examples
    --------
    >>> GlobalAveragePool()(np.array([[[[1.0, 4.0], [2.0, 3.0]]]]))
    array([[2.5]])
    """

    def forward(self, x, lengths=None):
        x = _with_places(x, self)
        self.push(x)
        return x.mean(axis=tuple(range(2, x.ndim)))

    def backward(self, grad):
        x = self.pop()
        dx = np.empty_like(x, dtype=grad.dtype)  # in the same order of memory
        dx[...] = grad.reshape(*grad.shape, *(1,) * (x.ndim - 2)) / np.prod(x.shape[2:])
        return dx


class GlobalMaxPool(Layer):
    """The largest number over all places of pictures or clips: (B, C, …) to (B, C).

    Examples
    --------
    >>> GlobalMaxPool()(np.array([[[[1.0, 4.0], [2.0, 3.0]]]]))
    array([[4.]])
    """

    def forward(self, x, lengths=None):
        rows = _with_places(x, self).reshape(*x.shape[:2], -1)
        best = rows.argmax(axis=2)[..., None]
        self.push(best, x.shape)
        return np.take_along_axis(rows, best, axis=2)[..., 0]

    def backward(self, grad):
        best, shape = self.pop()
        dx = np.zeros((*shape[:2], int(np.prod(shape[2:]))), grad.dtype)
        np.put_along_axis(dx, best, grad[..., None], axis=2)
        return dx.reshape(shape)


class MaxOverTime(Layer):
    """The largest number of every channel over the real steps of sequences: (B, T, C) to (B, C).

    `lengths` tells how many steps are real; without them all are. A sequence of no steps gives zeros.

    Examples
    --------
    >>> layer = MaxOverTime()
    >>> layer(np.array([[[1.0], [2.0], [9.0]]]), lengths=np.array([2]))
    array([[2.]])
    """

    def forward(self, x, lengths=None):
        real = _real_steps(x, lengths, self)
        seen = np.where(real[..., None], x, -np.inf).astype(x.dtype, copy=False)
        best = seen.argmax(axis=1)[:, None]  # (B, 1, C)
        some = real.any(axis=1)[:, None]
        self.push(best, some, x.shape)
        return np.where(some, np.take_along_axis(x, best, axis=1)[:, 0], 0).astype(x.dtype, copy=False)

    def backward(self, grad):
        best, some, shape = self.pop()
        dx = np.zeros(shape, grad.dtype)
        np.put_along_axis(dx, best, (grad * some)[:, None], axis=1)
        return dx


class MeanOverTime(Layer):
    """The mean of every channel over the real steps of sequences: (B, T, C) to (B, C); see :class:`MaxOverTime`.

    Examples
    --------
    >>> MeanOverTime()(np.array([[[1.0], [2.0], [9.0]]]), lengths=np.array([2]))
    array([[1.5]])
    """

    def forward(self, x, lengths=None):
        real = _real_steps(x, lengths, self)
        share = (real / np.maximum(real.sum(axis=1, keepdims=True), 1)).astype(x.dtype)  # (B, T)
        self.push(share)
        return np.einsum("bt,btc->bc", share, np.where(real[..., None], x, 0))

    def backward(self, grad):
        share = self.pop()
        return share[..., None] * grad[:, None]


def _with_places(x, layer):
    if np.ndim(x) < 3 or 0 in np.shape(x)[2:]:
        raise ValueError(f"{type(layer).__name__} takes (batch, channels, places …), got an array of {np.shape(x)}")
    return x


def _real_steps(x, lengths, layer):
    """Which steps are real, (B, T)."""
    if np.ndim(x) != 3 or x.shape[1] == 0:
        raise ValueError(f"{type(layer).__name__} takes (batch, steps, channels), got an array of {np.shape(x)}")
    if lengths is None:
        return np.ones(x.shape[:2], bool)
    return np.arange(x.shape[1]) < np.asarray(lengths)[:, None]
