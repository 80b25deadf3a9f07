"""Pooling in one, two or three dimensions: the largest number of each window, or the sum, forward and backward.

    y_q = max_k x_(s q + k - p)       ∂x_r = Σ_q ∂y_q  over the windows q whose largest number stood at r
    y_q = Σ_k  x_(s q + k - p)        ∂x_r = Σ_q ∂y_q  over the windows q that hold r

Places outside the borders never are the largest, and add nothing. Of equal numbers the first one is taken. A mean is a
sum divided by the size of the window; repeating every number (nearest upsampling) is the backward of the sum.

======= ========== ====================== ==================================================================
symbol  variable   shape                  what it is
======= ========== ====================== ==================================================================
x       x          (N, D, H, W, L)        volumes; L numbers at each place side by side in memory: channels,
                                          or the examples of a batch
k       kernel     three int              depth, rows and columns of a window
s, p    stride …   three int
y       y          (N, D', H', W', L)     the result, written in place
k       taps       (N, D', H', W', L)     which tap was the largest, int32, written in place
======= ========== ====================== ==================================================================
"""

import functools

import numpy as np

from kernels.compile import compiled

THREADS = 128


def _views(padded, kernel, stride, size):
    """What each tap of the windows sees: views of shape (N, D', H', W', L), in the order of the taps."""
    for tap in np.ndindex(*kernel):
        steps = zip(tap, stride, size, strict=True)
        yield padded[:, *(slice(k, k + (n - 1) * s + 1, s) for k, s, n in steps)]


def _padded(x, padding, value):
    return np.pad(x, ((0, 0), *((p, p) for p in padding), (0, 0)), constant_values=value)


def max_pool_numpy(x, kernel, stride, padding, y, taps):
    """The largest number of each window, and where it stood.

    Examples
    --------
    >>> x = np.array([1.0, 3.0, 2.0, 2.0]).reshape(1, 1, 1, 4, 1)
    >>> y, taps = np.empty((1, 1, 1, 2, 1)), np.empty((1, 1, 1, 2, 1), np.int32)
    >>> max_pool_numpy(x, (1, 1, 2), (1, 1, 2), (0, 0, 0), y, taps)
    >>> y.ravel().tolist(), taps.ravel().tolist()
    ([3.0, 2.0], [1, 0])
    """
    views = np.stack(list(_views(_padded(x, padding, -np.inf), kernel, stride, y.shape[1:4])))  # (taps, N, …)
    taps[...] = views.argmax(axis=0)
    y[...] = np.take_along_axis(views, taps[None], axis=0)[0]


def max_pool_backward_numpy(dy, taps, kernel, stride, padding, dx):
    """Write dx: each window hands its gradient to its largest number alone.

    Examples
    --------
    >>> dx = np.empty((1, 1, 1, 4, 1))
    >>> dy, taps = np.array([5.0, 7.0]).reshape(1, 1, 1, 2, 1), np.array([1, 0], np.int32).reshape(1, 1, 1, 2, 1)
    >>> max_pool_backward_numpy(dy, taps, (1, 1, 2), (1, 1, 2), (0, 0, 0), dx)
    >>> dx.ravel().tolist()
    [0.0, 5.0, 7.0, 0.0]
    """
    padded = _padded(np.zeros_like(dx), padding, 0)
    for tap, view in enumerate(_views(padded, kernel, stride, dy.shape[1:4])):
        view += np.where(taps == tap, dy, 0)
    dx[...] = padded[:, *(slice(p, p + n) for p, n in zip(padding, dx.shape[1:4], strict=True))]


def sum_pool_numpy(x, kernel, stride, padding, y):
    """The sum of each window.

    Examples
    --------
    >>> y = np.empty((1, 1, 1, 2, 1))
    >>> sum_pool_numpy(np.array([1.0, 3.0, 2.0, 2.0]).reshape(1, 1, 1, 4, 1), (1, 1, 2), (1, 1, 2), (0, 0, 0), y)
    >>> y.ravel().tolist()
    [4.0, 4.0]
    """
    y[...] = sum(_views(_padded(x, padding, 0), kernel, stride, y.shape[1:4]))


def sum_pool_backward_numpy(dy, kernel, stride, padding, dx):
    """Write dx: each window hands its gradient to all of its numbers.

    Examples
    --------
    >>> dx = np.empty((1, 1, 1, 4, 1))
    >>> sum_pool_backward_numpy(np.array([5.0, 7.0]).reshape(1, 1, 1, 2, 1), (1, 1, 2), (1, 1, 2), (0, 0, 0), dx)
    >>> dx.ravel().tolist()
    [5.0, 5.0, 7.0, 7.0]
    """
    padded = _padded(np.zeros_like(dx), padding, 0)
    for view in _views(padded, kernel, stride, dy.shape[1:4]):
        view += dy
    dx[...] = padded[:, *(slice(p, p + n) for p, n in zip(padding, dx.shape[1:4], strict=True))]


@compiled(inline="always")
def _inside(first, size, length):
    """The first tap of a window that lies inside the borders, and the first behind them."""
    return max(0, -first), min(size, length - first)


@compiled
def max_pool_cpu(x, kernel, stride, padding, y, taps):
    """Compiled :func:`max_pool_numpy`."""
    L = x.shape[4]
    for n in range(y.shape[0]):
        for t in range(y.shape[1]):
            depth = t * stride[0] - padding[0]
            u_start, u_stop = _inside(depth, kernel[0], x.shape[1])
            for i in range(y.shape[2]):
                row = i * stride[1] - padding[1]
                v_start, v_stop = _inside(row, kernel[1], x.shape[2])
                for j in range(y.shape[3]):
                    column = j * stride[2] - padding[2]
                    z_start, z_stop = _inside(column, kernel[2], x.shape[3])
                    best, where = y[n, t, i, j], taps[n, t, i, j]
                    fresh = True
                    for u in range(u_start, u_stop):
                        for v in range(v_start, v_stop):
                            for z in range(z_start, z_stop):
                                seen = x[n, depth + u, row + v, column + z]
                                tap = np.int32((u * kernel[1] + v) * kernel[2] + z)
                                if fresh:
                                    for l in range(L):
                                        best[l], where[l] = seen[l], tap
                                    fresh = False
                                else:
                                    for l in range(L):
                                        # A NaN is larger than every number.
                                        larger = (seen[l] > best[l]) | ((seen[l] != seen[l]) & (best[l] == best[l]))
                                        best[l] = seen[l] if larger else best[l]
                                        where[l] = tap if larger else where[l]


@compiled
def max_pool_backward_cpu(dy, taps, kernel, stride, padding, dx):
    """Compiled :func:`max_pool_backward_numpy`."""
    L = dx.shape[4]
    zero = dx.dtype.type(0)
    dx[:] = zero
    for n in range(dy.shape[0]):
        for t in range(dy.shape[1]):
            depth = t * stride[0] - padding[0]
            u_start, u_stop = _inside(depth, kernel[0], dx.shape[1])
            for i in range(dy.shape[2]):
                row = i * stride[1] - padding[1]
                v_start, v_stop = _inside(row, kernel[1], dx.shape[2])
                for j in range(dy.shape[3]):
                    column = j * stride[2] - padding[2]
                    z_start, z_stop = _inside(column, kernel[2], dx.shape[3])
                    gradient, where = dy[n, t, i, j], taps[n, t, i, j]
                    for u in range(u_start, u_stop):
                        for v in range(v_start, v_stop):
                            for z in range(z_start, z_stop):
                                target = dx[n, depth + u, row + v, column + z]
                                tap = np.int32((u * kernel[1] + v) * kernel[2] + z)
                                for l in range(L):
                                    target[l] += gradient[l] if where[l] == tap else zero


@compiled
def sum_pool_cpu(x, kernel, stride, padding, y):
    """Compiled :func:`sum_pool_numpy`."""
    L = x.shape[4]
    y[:] = y.dtype.type(0)
    for n in range(y.shape[0]):
        for t in range(y.shape[1]):
            depth = t * stride[0] - padding[0]
            u_start, u_stop = _inside(depth, kernel[0], x.shape[1])
            for i in range(y.shape[2]):
                row = i * stride[1] - padding[1]
                v_start, v_stop = _inside(row, kernel[1], x.shape[2])
                for j in range(y.shape[3]):
                    column = j * stride[2] - padding[2]
                    z_start, z_stop = _inside(column, kernel[2], x.shape[3])
                    total = y[n, t, i, j]
                    for u in range(u_start, u_stop):
                        for v in range(v_start, v_stop):
                            for z in range(z_start, z_stop):
                                seen = x[n, depth + u, row + v, column + z]
                                for l in range(L):
                                    total[l] += seen[l]


@compiled
def sum_pool_backward_cpu(dy, kernel, stride, padding, dx):
    """Compiled :func:`sum_pool_backward_numpy`."""
    L = dx.shape[4]
    dx[:] = dx.dtype.type(0)
    for n in range(dy.shape[0]):
        for t in range(dy.shape[1]):
            depth = t * stride[0] - padding[0]
            u_start, u_stop = _inside(depth, kernel[0], dx.shape[1])
            for i in range(dy.shape[2]):
                row = i * stride[1] - padding[1]
                v_start, v_stop = _inside(row, kernel[1], dx.shape[2])
                for j in range(dy.shape[3]):
                    column = j * stride[2] - padding[2]
                    z_start, z_stop = _inside(column, kernel[2], dx.shape[3])
                    gradient = dy[n, t, i, j]
                    for u in range(u_start, u_stop):
                        for v in range(v_start, v_stop):
                            for z in range(z_start, z_stop):
                                target = dx[n, depth + u, row + v, column + z]
                                for l in range(L):
                                    target[l] += gradient[l]


@functools.cache
def _cuda_kernels():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit(device=True)
    def place_of(place, shape):
        rest, l = divmod(place, shape[4])
        rest, j = divmod(rest, shape[3])
        rest, i = divmod(rest, shape[2])
        n, t = divmod(rest, shape[1])
        return n, t, i, j, l

    @cuda.jit
    def forward(x, kernel, stride, padding, largest, y, taps):
        # One thread for each window. `taps` is read only where the `largest` number is asked for.
        place = cuda.grid(1)
        if place >= y.size:
            return
        n, t, i, j, l = place_of(place, y.shape)
        best, where, total = x.dtype.type(0), -1, x.dtype.type(0)
        for u in range(kernel[0]):
            depth = t * stride[0] - padding[0] + u
            for v in range(kernel[1]):
                row = i * stride[1] - padding[1] + v
                for z in range(kernel[2]):
                    column = j * stride[2] - padding[2] + z
                    if 0 <= depth < x.shape[1] and 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                        seen = x[n, depth, row, column, l]
                        total += seen
                        if where < 0 or seen > best or (seen != seen and best == best):
                            best, where = seen, (u * kernel[1] + v) * kernel[2] + z
        if largest:
            y[n, t, i, j, l] = best
            taps[n, t, i, j, l] = where
        else:
            y[n, t, i, j, l] = total

    @cuda.jit
    def backward(dy, taps, kernel, stride, padding, largest, dx):
        # One thread for each number of x: it looks for the windows that hold it.
        place = cuda.grid(1)
        if place >= dx.size:
            return
        n, depth, row, column, l = place_of(place, dx.shape)
        total = dx.dtype.type(0)
        for u in range(kernel[0]):
            t, odd_t = divmod(depth + padding[0] - u, stride[0])
            for v in range(kernel[1]):
                i, odd_i = divmod(row + padding[1] - v, stride[1])
                for z in range(kernel[2]):
                    j, odd_j = divmod(column + padding[2] - z, stride[2])
                    if (
                        odd_t == odd_i == odd_j == 0
                        and 0 <= t < dy.shape[1]
                        and 0 <= i < dy.shape[2]
                        and 0 <= j < dy.shape[3]
                        and (not largest or taps[n, t, i, j, l] == (u * kernel[1] + v) * kernel[2] + z)
                    ):
                        total += dy[n, t, i, j, l]
        dx[n, depth, row, column, l] = total

    return forward, backward


def _launch(which, size, *arguments):
    if size:
        _cuda_kernels()[which][-(-size // THREADS), THREADS](*arguments)


def max_pool_cuda(x, kernel, stride, padding, y, taps):
    """:func:`max_pool_numpy` on a GPU, one thread for each window."""
    _launch(0, y.size, x, kernel, stride, padding, True, y, taps)


def max_pool_backward_cuda(dy, taps, kernel, stride, padding, dx):
    """:func:`max_pool_backward_numpy` on a GPU, one thread for each number of x."""
    _launch(1, dx.size, dy, taps, kernel, stride, padding, True, dx)


def sum_pool_cuda(x, kernel, stride, padding, y):
    """:func:`sum_pool_numpy` on a GPU, one thread for each window."""
    _launch(0, y.size, x, kernel, stride, padding, False, y, y)


def sum_pool_backward_cuda(dy, kernel, stride, padding, dx):
    """:func:`sum_pool_backward_numpy` on a GPU, one thread for each number of x."""
    _launch(1, dx.size, dy, dy, kernel, stride, padding, False, dx)


MAX_IMPLEMENTATIONS = {"numpy": max_pool_numpy, "cpu": max_pool_cpu, "cuda": max_pool_cuda}
MAX_BACKWARD_IMPLEMENTATIONS = {
    "numpy": max_pool_backward_numpy,
    "cpu": max_pool_backward_cpu,
    "cuda": max_pool_backward_cuda,
}
SUM_IMPLEMENTATIONS = {"numpy": sum_pool_numpy, "cpu": sum_pool_cpu, "cuda": sum_pool_cuda}
SUM_BACKWARD_IMPLEMENTATIONS = {
    "numpy": sum_pool_backward_numpy,
    "cpu": sum_pool_backward_cpu,
    "cuda": sum_pool_backward_cuda,
}
