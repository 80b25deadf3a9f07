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


class Crop(Layer):
    """The upper left part of pictures: (B, C, H, W) to (B, C, height, width).

    Parameters
    ----------
    height, width : int

    Examples
    --------
    >>> Crop(1, 2)(np.arange(9.0).reshape(1, 1, 3, 3))
    array([[[[0., 1.]]]])
    """

    def __init__(self, height, width):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x, lengths=None):
        if np.ndim(x) != 4 or x.shape[2] < self.height or x.shape[3] < self.width:
            raise ValueError(f"Crop to {self.height} × {self.width} does not fit an array of shape {np.shape(x)}")
        self.push(x.shape)
        return x[:, :, : self.height, : self.width]

    def backward(self, grad):
        dx = np.zeros(self.pop(), grad.dtype)
        dx[:, :, : self.height, : self.width] = grad
        return dx
