"""Layer normalisation: every row with mean 0 and variance 1, then scaled and shifted.

    x̂ = (x - μ) / √(σ² + ε)        y = w x̂ + b        over the n numbers of a row (Ba, Kiros & Hinton 2016, eq. 3 and 4)

    dw = Σ dy x̂        db = Σ dy        dx = (w dy - mean(w dy) - x̂ mean(w dy x̂)) / √(σ² + ε)

============ ======== ======== =================================================
symbol       variable shape    what it is
============ ======== ======== =================================================
x            x        (R, n)   rows, float32 or float64
w, b         weight,  (n,)     scale and shift
             bias
y            y        (R, n)   the result, written in place
μ            mean     (R,)     each row's mean, written in place
1 / √(σ²+ε)  spread   (R,)     one over each row's deviation, written in place
============ ======== ======== =================================================

Ba, Kiros & Hinton, "Layer Normalization", 2016.
"""

import functools
import math

import numpy as np

from kernels.compile import compiled

THREADS = 128


def layer_norm_numpy(x, weight, bias, eps, y, mean, spread):
    """Normalise every row.

    Examples
    --------
    >>> y, mean, spread = np.empty((1, 2)), np.empty(1), np.empty(1)
    >>> layer_norm_numpy(np.array([[1.0, 3.0]]), np.array([1.0, 2.0]), np.zeros(2), 0.0, y, mean, spread)
    >>> y.tolist(), mean.tolist(), spread.tolist()
    ([[-1.0, 2.0]], [2.0], [1.0])
    """
    mean[:] = x.mean(axis=1)
    spread[:] = 1 / np.sqrt(x.var(axis=1) + eps)
    y[:] = (x - mean[:, None]) * spread[:, None] * weight + bias


def layer_norm_backward_numpy(dy, x, weight, mean, spread, dx, dw, db):
    """Write the gradient of the rows to `dx`, and add those of scale and shift to `dw` and `db`."""
    normal = (x - mean[:, None]) * spread[:, None]  # (R, n)
    dw += (dy * normal).sum(axis=0)
    db += dy.sum(axis=0)
    d_normal = dy * weight
    along = (d_normal * normal).mean(axis=1, keepdims=True) if x.size else 0
    dx[:] = (d_normal - d_normal.mean(axis=1, keepdims=True) - normal * along) * spread[:, None] if x.size else 0


@compiled
def layer_norm_cpu(x, weight, bias, eps, y, mean, spread):
    """Compiled :func:`layer_norm_numpy`."""
    R, n = x.shape
    eps, one = x.dtype.type(eps), x.dtype.type(1)
    for r in range(R):
        row, made = x[r], y[r]
        total = row[0] - row[0]
        for j in range(n):
            total += row[j]
        m = total / x.dtype.type(n)
        total = m - m
        # From the mean, not as the mean of squares less the square of the mean, which cancel.
        for j in range(n):
            difference = row[j] - m
            total += difference * difference
        s = one / np.sqrt(total / x.dtype.type(n) + eps)
        for j in range(n):
            made[j] = (row[j] - m) * s * weight[j] + bias[j]
        mean[r], spread[r] = m, s


@compiled
def layer_norm_backward_cpu(dy, x, weight, mean, spread, dx, dw, db):
    """Compiled :func:`layer_norm_backward_numpy`."""
    R, n = x.shape
    for r in range(R):
        row, grad, made = x[r], dy[r], dx[r]
        m, s = mean[r], spread[r]
        total = along = s - s
        for j in range(n):
            d_normal = grad[j] * weight[j]
            total += d_normal
            along += d_normal * (row[j] - m)
        total /= x.dtype.type(n)
        along *= s / x.dtype.type(n)
        for j in range(n):
            normal = (row[j] - m) * s
            made[j] = (grad[j] * weight[j] - total - normal * along) * s
            dw[j] += grad[j] * normal
            db[j] += grad[j]


@functools.cache
def _cuda_kernels():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit(device=True)
    def sum_of_threads(value, shared):
        """The sum of every thread's value, in every thread; halves are added to halves."""
        thread = cuda.threadIdx.x
        shared[thread] = value
        cuda.syncthreads()
        width = THREADS // 2
        while width > 0:
            if thread < width:
                shared[thread] += shared[thread + width]
            cuda.syncthreads()
            width //= 2
        total = shared[0]
        cuda.syncthreads()
        return total

    @cuda.jit
    def forward(x, weight, bias, eps, y, mean, spread):
        # A block has a row; neighbouring threads neighbouring numbers of it.
        shared = cuda.shared.array(THREADS, np.float64)
        r, n = cuda.blockIdx.x, x.shape[1]
        total = 0.0
        for j in range(cuda.threadIdx.x, n, THREADS):
            total += x[r, j]
        m = sum_of_threads(total, shared) / n
        total = 0.0
        for j in range(cuda.threadIdx.x, n, THREADS):
            total += (x[r, j] - m) ** 2
        s = 1 / math.sqrt(sum_of_threads(total, shared) / n + eps)
        for j in range(cuda.threadIdx.x, n, THREADS):
            y[r, j] = (x[r, j] - m) * s * weight[j] + bias[j]
        if cuda.threadIdx.x == 0:
            mean[r], spread[r] = m, s

    @cuda.jit
    def backward(dy, x, weight, mean, spread, dx, dw, db):
        shared = cuda.shared.array(THREADS, np.float64)
        r, n = cuda.blockIdx.x, x.shape[1]
        m, s = mean[r], spread[r]
        total = along = 0.0
        for j in range(cuda.threadIdx.x, n, THREADS):
            d_normal = dy[r, j] * weight[j]
            total += d_normal
            along += d_normal * (x[r, j] - m) * s
        total = sum_of_threads(total, shared) / n
        along = sum_of_threads(along, shared) / n
        for j in range(cuda.threadIdx.x, n, THREADS):
            normal = (x[r, j] - m) * s
            dx[r, j] = (dy[r, j] * weight[j] - total - normal * along) * s
            cuda.atomic.add(dw, j, dy[r, j] * normal)
            cuda.atomic.add(db, j, dy[r, j])

    return forward, backward


def layer_norm_cuda(x, weight, bias, eps, y, mean, spread):
    """:func:`layer_norm_numpy` on a GPU, a thread block for each row."""
    if x.size:
        _cuda_kernels()[0][x.shape[0], THREADS](x, weight, bias, eps, y, mean, spread)


def layer_norm_backward_cuda(dy, x, weight, mean, spread, dx, dw, db):
    """:func:`layer_norm_backward_numpy` on a GPU, a thread block for each row."""
    if x.size:
        _cuda_kernels()[1][x.shape[0], THREADS](dy, x, weight, mean, spread, dx, dw, db)


IMPLEMENTATIONS = {"numpy": layer_norm_numpy, "cpu": layer_norm_cpu, "cuda": layer_norm_cuda}
BACKWARD_IMPLEMENTATIONS = {
    "numpy": layer_norm_backward_numpy,
    "cpu": layer_norm_backward_cpu,
    "cuda": layer_norm_backward_cuda,
}
