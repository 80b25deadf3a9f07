"""Convolutions over the words of sentences with their largest answers, and over the words that came before."""

import numpy as np

from embeddings.checks import check_integer
from embeddings.nn.conv import Conv1d
from embeddings.nn.layer import Layer, Parameter
from kernels.conv_max import conv_max_backward_cpu, conv_max_cpu


class ConvMax(Layer):
    """Filters of several widths over a sentence, ReLU, and the largest answer of each: (B, T, n_in) to (B, n).

    What a :class:`Concat` of ``Conv1d(n_in, n_filters, width, relu=True)`` and :class:`MaxOverTime` would give, in one
    kernel, whose ``backward`` looks only at the places of the largest answers. Steps behind a sentence's length are
    zeros; a filter wider than the sentence sees them.

    Parameters
    ----------
    n_in : int
    n_filters : int
        Of each width.
    widths : sequence of int
    rng : numpy.random.Generator
        Draws weights and bias, uniform within ±1/√(n_in · width).
    dtype : numpy dtype, default float32

    Attributes
    ----------
    weight : Parameter, shape (n_filters · Σ widths, n_in)
        For each width, for each of its taps, all filters.
    bias : Parameter, shape (len(widths) · n_filters,)

    Examples
    --------
    >>> layer = ConvMax(1, 1, (2,), rng=np.random.default_rng(0))
    >>> layer.weight.data[:], layer.bias.data[:] = [[1], [2]], 0
    >>> layer(np.array([[[1], [2], [1]]], np.float32))
    array([[5.]], dtype=float32)
    """

    def __init__(self, n_in, n_filters, widths, *, rng, dtype=np.float32):
        super().__init__()
        self.widths = np.array([check_integer("widths", width, 1) for width in widths], np.int64)
        bounds = [1 / np.sqrt(n_in * width) for width in self.widths]
        weights = [rng.uniform(-b, b, (n_filters * w, n_in)) for b, w in zip(bounds, self.widths, strict=True)]
        self.weight = Parameter(np.concatenate(weights).astype(dtype))
        self.bias = Parameter(np.concatenate([rng.uniform(-b, b, n_filters) for b in bounds]).astype(dtype))

    def forward(self, x, lengths=None):
        w, bias = self.weight.data, self.bias.data
        if np.ndim(x) != 3 or x.shape[2] != w.shape[1]:
            raise ValueError(f"ConvMax takes (batch, steps, {w.shape[1]}), got an array of shape {np.shape(x)}")
        x = np.ascontiguousarray(x, w.dtype)
        lengths = np.full(len(x), x.shape[1]) if lengths is None else np.asarray(lengths)
        lengths = np.clip(lengths, 0, x.shape[1]).astype(np.int64)
        y, places = np.empty((len(x), len(bias)), w.dtype), np.empty((len(x), len(bias)), np.int32)
        conv_max_cpu(x, lengths, w, bias, self.widths, y, places)
        self.push(x, lengths, places)
        return y

    def backward(self, grad):
        x, lengths, places = self.pop()
        dx = np.zeros_like(x)
        grad = np.ascontiguousarray(grad, x.dtype)
        gradients = self.weight.grad, self.bias.grad, dx
        conv_max_backward_cpu(x, lengths, self.weight.data, self.widths, places, grad, *gradients)
        return dx


class CausalConv1d(Layer):
    """A :class:`Conv1d` with ReLU in which every step sees itself and those before it: (B, T, n_in) to (B, T, n_out).

    Parameters
    ----------
    n_in, n_out, kernel_size : int
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32

    Examples
    --------
    >>> layer = CausalConv1d(1, 1, 2, rng=np.random.default_rng(0))
    >>> layer.conv.weight.data[:, 0, 0], layer.conv.bias.data[:] = [10, 1], 0
    >>> layer(np.array([[[1], [2], [3]]], np.float32)).ravel().tolist()
    [1.0, 12.0, 23.0]
    """

    def __init__(self, n_in, n_out, kernel_size, *, rng, dtype=np.float32):
        super().__init__()
        self.conv = Conv1d(n_in, n_out, kernel_size, padding=kernel_size - 1, relu=True, rng=rng, dtype=dtype)

    def forward(self, x, lengths=None):
        y = self.conv.forward(x)
        self.push(y.shape)
        return y[:, : x.shape[1]]

    def backward(self, grad):
        whole = np.zeros(self.pop(), grad.dtype)
        whole[:, : grad.shape[1]] = grad
        return self.conv.backward(whole)
