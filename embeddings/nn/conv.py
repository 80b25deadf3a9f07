"""Convolutions over sequences, pictures and clips."""

import numpy as np

from embeddings.checks import check_integer
from embeddings.nn.layer import Layer, Parameter
from embeddings.nn.volumes import check_sizes, from_volumes, to_volumes
from kernels.conv import conv_backward_cpu, conv_cpu, output_size
from kernels.conv_lanes import conv_lanes, conv_lanes_backward, suits


class Conv(Layer):
    """What the three convolutions share; see :class:`Conv2d`."""

    n_axes = None

    def __init__(
        self,
        n_in,
        n_out,
        kernel_size,
        *,
        stride=1,
        padding=0,
        dilation=1,
        bias=True,
        relu=False,
        input_gradient=True,
        rng,
        dtype=np.float32,
    ):
        super().__init__()
        n_in, n_out = check_integer("n_in", n_in, 1), check_integer("n_out", n_out, 1)
        kernel = check_sizes("kernel_size", kernel_size, self.n_axes, 1)
        self.stride = check_sizes("stride", stride, self.n_axes, 1)
        self.dilation = check_sizes("dilation", dilation, self.n_axes, 1)
        self.padding = self._check_padding(padding, kernel)
        self.relu, self.input_gradient = relu, input_gradient
        bound = 1 / np.sqrt(n_in * np.prod(kernel))
        self.weight = Parameter(rng.uniform(-bound, bound, (*kernel[3 - self.n_axes :], n_in, n_out)).astype(dtype))
        self.bias = Parameter(rng.uniform(-bound, bound, n_out).astype(dtype)) if bias else None

    def _check_padding(self, padding, kernel):
        if padding != "same":
            return check_sizes("padding", padding, self.n_axes, 0)
        spans = [d * (k - 1) for d, k in zip(self.dilation, kernel, strict=True)]
        if any(s != 1 for s in self.stride) or any(span % 2 for span in spans):
            raise ValueError('padding="same" needs stride 1 and a kernel_size (or a dilation) that has a middle')
        return tuple(span // 2 for span in spans)

    def _weights(self):
        """The weights as (kd, kh, kw, C, O), and the bias."""
        w = self.weight.data
        w = w.reshape((1,) * (3 - self.n_axes) + w.shape)
        return w, np.zeros(w.shape[4], w.dtype) if self.bias is None else self.bias.data

    def forward(self, x, lengths=None):
        w, bias = self._weights()
        volumes = to_volumes(x, self.n_axes, type(self).__name__, w.shape[3]).astype(w.dtype, copy=False)
        size = output_size(volumes.shape[2:], w.shape[:3], self.stride, self.padding, self.dilation)
        if min(size) < 1:
            raise ValueError(
                f"{type(self).__name__}: a kernel of {self.weight.data.shape[:-2]} does not fit into an input of shape "
                f"{np.shape(x)} with padding {self.padding[3 - self.n_axes :]}"
            )
        few = suits(volumes, w, self.stride, self.padding, self.dilation)
        forward = conv_lanes if few else conv_cpu
        y = forward(volumes, w, bias, self.stride, self.padding, self.dilation, self.relu)
        self.push(volumes, y if self.relu else None, few)
        return from_volumes(y, self.n_axes)

    def backward(self, grad):
        x, y, few = self.pop()
        w, _ = self._weights()
        grad = to_volumes(grad, self.n_axes, type(self).__name__, w.shape[4]).astype(w.dtype, copy=False)
        if y is not None:
            grad = grad * (y > 0)
        dw = self.weight.grad.reshape(w.shape)  # a view: what is added to it arrives
        db = np.zeros(w.shape[4], w.dtype) if self.bias is None else self.bias.grad
        geometry = self.stride, self.padding, self.dilation
        backward = conv_lanes_backward if few else conv_backward_cpu
        dx = backward(x, w, grad, *geometry, dw, db, self.input_gradient)
        return None if dx is None else from_volumes(dx, self.n_axes)

    def __repr__(self):
        return f"{type(self).__name__}{self.weight.data.shape}"


class Conv1d(Conv):
    """Convolution along the steps of sequences, (B, T, n_in) to (B, T', n_out).

    Everything is as in :class:`Conv2d`, with one number where that has two; the channels come last, as in all layers
    for sequences.

    Examples
    --------
    >>> layer = Conv1d(1, 1, 2, rng=np.random.default_rng(0))
    >>> layer.weight.data[:, 0, 0], layer.bias.data[:] = [1, 10], 0
    >>> layer(np.array([[[1], [2], [3], [4]]], np.float32)).ravel().tolist()
    [21.0, 32.0, 43.0]
    """

    n_axes = 1


class Conv2d(Conv):
    """Convolution over pictures, (B, n_in, H, W) to (B, n_out, H', W').

    ``y_b,o,i,j = bias_o + Σ weight_u,v,c,o · x_b,c,(s i + δ u - p),(s j + δ v - p)``, x being 0 outside its borders.

    Parameters
    ----------
    n_in, n_out : int
        Channels before and after.
    kernel_size : int or tuple of two int
        Rows and columns.
    stride : int or tuple, default 1
    padding : int, tuple or "same", default 0
        Zeros around every side; ``"same"`` keeps the size (stride 1, odd kernels).
    dilation : int or tuple, default 1
        How far the taps of the kernel lie apart.
    bias : bool, default True
    relu : bool, default False
        Whether negative results become 0 at once: a :class:`ReLU` behind it, at no cost.
    input_gradient : bool, default True
        False for the first layer of a network: ``backward`` then returns None and saves the work.
    rng : numpy.random.Generator
        Draws weights and bias, uniform within ±1/√(n_in · taps), as PyTorch does.
    dtype : numpy dtype, default float32

    Attributes
    ----------
    weight : Parameter, shape (rows, columns, n_in, n_out)
        PyTorch's is ``weight.transpose(3, 2, 0, 1)`` of this one.
    bias : Parameter, shape (n_out,), or None

    Examples
    --------
    >>> layer = Conv2d(1, 1, 2, rng=np.random.default_rng(0))
    >>> layer.weight.data[:, :, 0, 0], layer.bias.data[:] = [[1, 0], [0, -1]], 0
    >>> layer(np.array([[[[5, 1, 0], [2, 3, 1]]]], np.float32))
    array([[[[2., 0.]]]], dtype=float32)
    """

    n_axes = 2


class Conv3d(Conv):
    """Convolution over clips, (B, n_in, D, H, W) to (B, n_out, D', H', W'); all else is as in :class:`Conv2d`.

    Examples
    --------
    >>> layer = Conv3d(3, 8, (1, 3, 3), padding="same", rng=np.random.default_rng(0))
    >>> layer(np.zeros((2, 3, 4, 5, 6), np.float32)).shape
    (2, 8, 4, 5, 6)
    """

    n_axes = 3
