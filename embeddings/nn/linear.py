"""Fully connected layers."""

import math

import numpy as np

from embeddings.nn.layer import Layer, Parameter
from embeddings.nn.threads import together
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
        dx, of_rows = _product(grad, W.T, times=times, plus=around)
        together(_gradient(x, grad, self.weight.grad, None if self.bias is None else self.bias.grad), of_rows)
        return dx


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
    y, job = _product(x, W, bias, kind, slope, times, plus)
    together(job)
    return y


def add_gradient(x, grad, dW, db=None):
    """Add ``xᵀ grad`` to dW, and the sum of grad to db: what :func:`product` gives W and bias.

    Parameters
    ----------
    x : array, shape (…, K)
    grad : array, shape (…, N)
    dW : array, shape (K, N)
    db : array, shape (N,), optional
    """
    together(_gradient(x, grad, dW, db))


def _product(x, W, bias=None, kind=IDENTITY, slope=NONE, times=None, plus=None):
    """What :func:`product` returns, still without numbers, and the job of :func:`together` that makes them."""
    shape, dtype = (*x.shape[:-1], W.shape[1]), np.result_type(x, W)
    bias = np.zeros(W.shape[1], dtype) if bias is None else bias
    times, plus = (NONE if part is None else _rows(part, dtype) for part in (times, plus))
    rows, slope = _rows(x, dtype), _rows(slope, dtype)
    y = np.empty((len(rows), W.shape[1]), dtype)  # (R, N)
    if dtype == np.float32:
        run, panels, step = dense, panels_of(W), STEP
    else:
        # NumPy's product depends on how many rows it is given: all at once.
        run, panels, step = dense_in_numpy, W[None], max(len(rows), 1)

    def of_part(begin, end):
        some = slice(begin, end)
        run(rows[some], panels, bias, kind, slope[some], times[some], plus[some], y[some])

    return y.reshape(shape), (len(rows), of_part, step)


def _gradient(x, grad, dW, db):
    """The job of :func:`together` that :func:`add_gradient` is."""
    rows, grads = _rows(x, x.dtype), _rows(grad, grad.dtype)
    (K, N), db = dW.shape, np.zeros(dW.shape[1], dW.dtype) if db is None else db
    if not rows.dtype == grads.dtype == dW.dtype == np.float32:
        return 1, lambda *_: dense_gradient_in_numpy(rows, grads, 0, K, 0, N, dW, db), 1
    if K > N:
        return K, lambda begin, end: dense_gradient(rows, grads, begin, end, 0, N, dW, db), STEP
    return N, lambda first, last: dense_gradient(rows, grads, 0, K, first, last, dW, db), STEP


def _rows(x, dtype):
    """(…, n) as rows that follow each other."""
    return np.ascontiguousarray(x, dtype).reshape(math.prod(x.shape[:-1]), x.shape[-1])
