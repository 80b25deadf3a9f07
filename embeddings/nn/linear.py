"""Fully connected layers."""

import numpy as np

from embeddings.nn.layer import Layer, Parameter


class Linear(Layer):
    """``y = x W + b`` along the last axis.

    Parameters
    ----------
    n_in, n_out : int
        Sizes of the last axis, before and after.
    bias : bool, default True
    rng : numpy.random.Generator
        Draws the weights, uniform within ±1/√n_in (as PyTorch does); the bias, too.
    dtype : numpy dtype, default float32

    Attributes
    ----------
    weight : Parameter, shape (n_in, n_out)
    bias : Parameter, shape (n_out,), or None

    Examples
    --------
    >>> layer = Linear(2, 3, rng=np.random.default_rng(0))
    >>> layer.weight.data[:] = [[1, 0, 1], [0, 1, 1]]
    >>> layer.bias.data[:] = [0, 0, 5]
    >>> layer(np.array([[1, 2]], np.float32))
    array([[1., 2., 8.]], dtype=float32)
    """

    def __init__(self, n_in, n_out, *, bias=True, rng, dtype=np.float32):
        super().__init__()
        bound = 1 / np.sqrt(n_in)
        self.weight = Parameter(rng.uniform(-bound, bound, (n_in, n_out)).astype(dtype))
        self.bias = Parameter(rng.uniform(-bound, bound, n_out).astype(dtype)) if bias else None

    def forward(self, x, lengths=None):
        self.push(x)
        # All rows in one product; NumPy would take a batch of sequences one by one.
        y = x.reshape(-1, x.shape[-1]) @ self.weight.data
        y = y.reshape(*x.shape[:-1], y.shape[1])  # (…, n_out)
        if self.bias is not None:
            y += self.bias.data
        return y

    def backward(self, grad):
        x = self.pop()
        rows, grads = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
        # y = x W + b  =>  dW = xᵀ dy,  db = Σ dy,  dx = dy Wᵀ
        self.weight.grad += rows.T @ grads
        if self.bias is not None:
            self.bias.grad += grads.sum(0)
        return (grads @ self.weight.data.T).reshape(x.shape)
