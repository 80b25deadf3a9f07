"""Vectors looked up by number."""

import numpy as np

from embeddings.nn.layer import Layer, Parameter
from kernels.device import implementation
from kernels.lookup import IMPLEMENTATIONS

add_to_rows = implementation(IMPLEMENTATIONS)


class Embedding(Layer):
    """A row of a table for each number: ``y[b, t] = W[x[b, t]]``.

    Parameters
    ----------
    n_words : int
        Rows of the table.
    d : int
        Size of a row.
    padding : int, optional
        This number's row is zeros, and stays so.
    scale : float, default 1
        Standard deviation of the numbers drawn.
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32

    Attributes
    ----------
    weight : Parameter, shape (n_words, d)

    Examples
    --------
    >>> layer = Embedding(3, 2, rng=np.random.default_rng(0))
    >>> layer.weight.data[:] = [[0, 0], [1, 2], [3, 4]]
    >>> layer(np.array([[1, 1, 2]])).tolist()
    [[[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]]]
    >>> layer.backward(np.ones((1, 3, 2), np.float32))
    >>> layer.weight.grad.tolist()
    [[0.0, 0.0], [2.0, 2.0], [1.0, 1.0]]
    """

    def __init__(self, n_words, d, *, padding=None, scale=1.0, rng, dtype=np.float32):
        super().__init__()
        self.padding = padding
        self.weight = Parameter((rng.standard_normal((n_words, d), np.float32) * np.float32(scale)).astype(dtype))
        if padding is not None:
            self.weight.data[padding] = 0

    def forward(self, x, lengths=None):
        x = np.asarray(x)
        n_words = len(self.weight.data)
        if x.dtype.kind not in "iu":
            raise TypeError(f"Embedding takes whole numbers, got an array of {x.dtype}")
        if x.size and (x.min() < 0 or x.max() >= n_words):
            raise ValueError(f"Embedding has {n_words} rows, got numbers from {x.min()} to {x.max()}")
        self.push(x)
        return self.weight.data[x]

    def backward(self, grad):
        """Add to the rows that were looked up. Numbers have no gradient: returns None."""
        x = self.pop()
        d = self.weight.data.shape[1]
        padding = -1 if self.padding is None else self.padding
        add_to_rows(self.weight.grad, x.ravel(), np.ascontiguousarray(grad).reshape(-1, d), padding)
