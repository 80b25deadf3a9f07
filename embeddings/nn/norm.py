"""Layer normalisation."""

import numpy as np

from embeddings.nn.layer import Layer, Parameter
from kernels.device import implementation
from kernels.norm import BACKWARD_IMPLEMENTATIONS, IMPLEMENTATIONS

normalise = implementation(IMPLEMENTATIONS)
normalise_backward = implementation(BACKWARD_IMPLEMENTATIONS)


class LayerNorm(Layer):
    """Every vector with mean 0 and variance 1 along the last axis, then scaled and shifted (Ba, Kiros & Hinton 2016).

    Unlike BatchNorm, it looks at one vector at a time, so that training and evaluation are the same.

    Parameters
    ----------
    n : int
        Size of the last axis.
    eps : float, default 1e-5
        Added to the variance.
    dtype : numpy dtype, default float32

    Attributes
    ----------
    weight, bias : Parameter, shape (n,)

    Examples
    --------
    >>> LayerNorm(2)(np.array([[1, 3], [30, 10]], np.float32)).round(3).tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    """

    def __init__(self, n, *, eps=1e-5, dtype=np.float32):
        super().__init__()
        self.eps = eps
        self.weight, self.bias = Parameter(np.ones(n, dtype)), Parameter(np.zeros(n, dtype))

    def forward(self, x, lengths=None):
        n = len(self.weight.data)
        if x.shape[-1:] != (n,):
            raise ValueError(f"LayerNorm takes vectors of {n} numbers along the last axis, got shape {x.shape}")
        rows = np.ascontiguousarray(x, self.weight.data.dtype).reshape(-1, n)
        y, mean, spread = np.empty_like(rows), np.empty(len(rows), rows.dtype), np.empty(len(rows), rows.dtype)
        normalise(rows, self.weight.data, self.bias.data, self.eps, y, mean, spread)
        self.push(rows, mean, spread)
        return y.reshape(x.shape)

    def backward(self, grad):
        rows, mean, spread = self.pop()
        dx = np.empty_like(rows)
        grads = np.ascontiguousarray(grad, rows.dtype).reshape(rows.shape)
        normalise_backward(grads, rows, self.weight.data, mean, spread, dx, self.weight.grad, self.bias.grad)
        return dx.reshape(grad.shape)
