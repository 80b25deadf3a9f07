"""Fully connected layers."""

import math

import numpy as np

from embeddings.nn.layer import Layer, Parameter
from embeddings.nn.threads import in_parts
from kernels.dense import GRADIENT_IMPLEMENTATIONS, IDENTITY, IMPLEMENTATIONS, NONE, STEP
from kernels.dense_tiles import panels_of
from kernels.device import implementation

dense, dense_in_numpy = implementation(IMPLEMENTATIONS), implementation(IMPLEMENTATIONS, "numpy")
dense_gradient = implementation(GRADIENT_IMPLEMENTATIONS)
dense_gradient_in_numpy = implementation(GRADIENT_IMPLEMENTATIONS, "numpy")


class Linear(Layer):
    """``y = x W + b`` along the last axis.

    What happens to y right after can be handed over, and then needs no look at memory of its own:
    ``forward(x, times=m, around=r)`` gives ``y ∘ m + r``, ``bend(x, kind)`` an activation of y, and
    ``backward(grad, times=m, around=r)`` does to the gradient what ``forward`` does to y.

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

    def forward(self, x, lengths=None, *, times=None, around=None):
        self.push(x)
        bias = None if self.bias is None else self.bias.data
        return product(x, self.weight.data, bias, times=times, plus=around)

    def bend(self, x, kind):
        """``f(x W + b)``, and what ``backward`` is to be given as its gradient: that with respect to x W + b.

        Parameters
        ----------
        x : array
        kind : int
            ``KINDS["relu"]`` or ``KINDS["gelu"]`` of :mod:`kernels.activation`.

        Returns
        -------
        y : array
        slope : array
            ``f'(x W + b)``: to be multiplied with the gradient with respect to y. In evaluation, without numbers.
        """
        self.push(x)
        dtype = np.result_type(x, self.weight.data)
        slope = np.empty((*x.shape[:-1], self.weight.data.shape[1]) if self.training else (0, 0), dtype)
        bias = None if self.bias is None else self.bias.data
        return product(x, self.weight.data, bias, kind, slope), slope

    def backward(self, grad, *, times=None, around=None):
        x, W = self.pop(), self.weight.data
        # y = x W + b  =>  dW = xᵀ dy,  db = Σ dy,  dx = dy Wᵀ
        add_gradient(x, grad, self.weight.grad, None if self.bias is None else self.bias.grad)
        return product(grad, W.T, times=times, plus=around)


def product(x, W, bias=None, kind=IDENTITY, slope=NONE, times=None, plus=None):
    """``f(x W + b) ∘ times + plus`` along the last axis, as :mod:`kernels.dense` has it; all rows in one product.

    Parameters
    ----------
    x : array, shape (…, K)
    W : array, shape (K, N)
    bias : array, shape (N,), optional
    kind : int
        Which f.
    slope : array, shape (…, N)
        f' is written to it, unless it is empty.
    times, plus : array, shape (…, N), optional

    Returns
    -------
    array, shape (…, N)
    """
    shape, dtype = (*x.shape[:-1], W.shape[1]), np.result_type(x, W)
    bias = np.zeros(W.shape[1], dtype) if bias is None else bias
    times, plus = (NONE if part is None else _rows(part, dtype) for part in (times, plus))
    rows, slope = _rows(x, dtype), _rows(slope, dtype)
    y = np.empty((len(rows), W.shape[1]), dtype)  # (R, N)
    if dtype != np.float32:
        dense_in_numpy(rows, W[None], bias, kind, slope, times, plus, y)
        return y.reshape(shape)
    panels = panels_of(W)

    def of_part(begin, end):
        some = slice(begin, end)
        dense(rows[some], panels, bias, kind, slope[some], times[some], plus[some], y[some])

    in_parts(len(rows), of_part, STEP)
    return y.reshape(shape)


def add_gradient(x, grad, dW, db=None):
    """Add ``xᵀ grad`` to dW, and the sum of grad to db: what :func:`product` gives W and bias.

    Parameters
    ----------
    x : array, shape (…, K)
    grad : array, shape (…, N)
    dW : array, shape (K, N)
    db : array, shape (N,), optional
    """
    rows, grads = _rows(x, x.dtype), _rows(grad, grad.dtype)
    db = np.zeros(dW.shape[1], dW.dtype) if db is None else db
    of_part = dense_gradient if rows.dtype == grads.dtype == dW.dtype == np.float32 else dense_gradient_in_numpy
    K, N = dW.shape
    if K > N:
        in_parts(K, lambda begin, end: of_part(rows, grads, begin, end, 0, N, dW, db), STEP)
    else:
        in_parts(N, lambda first, last: of_part(rows, grads, 0, K, first, last, dW, db), STEP)


def _rows(x, dtype):
    """(…, n) as rows that follow each other."""
    return np.ascontiguousarray(x, dtype).reshape(math.prod(x.shape[:-1]), x.shape[-1])
