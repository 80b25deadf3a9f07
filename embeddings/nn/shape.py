"""Layers that only change shapes."""

import numpy as np

from embeddings.nn.layer import Layer


class Flatten(Layer):
    """Each example as one row: (B, …) to (B, n).

    Examples
    --------
    >>> Flatten()(np.zeros((2, 3, 4, 5))).shape
    (2, 60)
    """

    def forward(self, x, lengths=None):
        self.push(x.shape)
        return x.reshape(len(x), int(np.prod(x.shape[1:])))

    def backward(self, grad):
        return grad.reshape(self.pop())


class Reshape(Layer):
    """Each example in another shape: (B, …) to (B, *shape).

    Parameters
    ----------
    *shape : int

    Examples
    --------
    >>> Reshape(3, 4)(np.zeros((2, 12))).shape
    (2, 3, 4)
    """

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x, lengths=None):
        if np.prod(x.shape[1:]) != np.prod(self.shape):
            raise ValueError(f"Reshape to {self.shape} does not fit examples of shape {x.shape[1:]}")
        self.push(x.shape)
        return x.reshape(len(x), *self.shape)

    def backward(self, grad):
        return grad.reshape(self.pop())
