"""Dense layers of trained networks: products with weights that stay the same, which are laid out for them once.

    y = f(x W + b)        f is the identity, or GELU(z) = z Φ(z)        (Hendrycks & Gimpel 2016)

W lies in panels of PANEL columns, each with its rows one after the other, so that the product reads it from front to
back. Rows of x are taken ROWS at a time, turned so that their columns follow each other; a tile of ROWS × PANEL sums
stays in registers over all K, and bias and GELU are applied before it is ever stored.

======= ========= =========================== =======================================================
symbol  variable  shape                       what it is
======= ========= =========================== =======================================================
x       x         (R, K) float32              rows
W       panels    (⌈N / PANEL⌉, K, PANEL)     weights, zeros behind column N; from :func:`panels_of`
b       bias      (N,) float32
        gelu      bool                        whether f is GELU
y       y         (R, N) float32              the result, written in place
======= ========= =========================== =======================================================

Φ(z) = (1 + erf(z / √2)) / 2 with erf from Abramowitz & Stegun (1964), 7.1.26; its error is below 2e-7.
"""

import functools
import math

import numpy as np

from kernels.compile import compiled
from kernels.simd import (
    LANES,
    absolute,
    choose,
    exp_of_lanes,
    fetch,
    fma,
    lane_of,
    lanes_of_zeros,
    load,
    polynomial,
    splat,
    spread,
    store,
    transpose,
)

PANEL, ROWS = 2 * LANES, 12

# Numbers of turned rows that are worked on together: they stay in the second cache.
TOGETHER = 1 << 17

# Rows of a panel that are asked for ahead of time.
AHEAD = 12

# On a GPU: a thread block makes a tile of so many rows and columns.
TILE = 16


def size_of_panels(K, N):
    """How many numbers the panels of weights (K, N) hold."""
    return -(-N // PANEL) * K * PANEL


def panels_of(W, room=None):
    """Weights (K, N) as panels.

    Parameters
    ----------
    W : array, shape (K, N)
    room : array, shape (size_of_panels(K, N),), float32, optional
        Zeros that are written to, so that the weights of many layers lie in one block.

    Examples
    --------
    >>> panels_of(np.ones((3, 40))).shape
    (2, 3, 32)
    >>> W = np.arange(32 * 64, dtype=np.float32).reshape(64, 32).T  # columns follow each other
    >>> np.array_equal(panels_of(W), panels_of(W.copy()))
    True
    """
    K, N = W.shape
    count = -(-N // PANEL)
    room = lanes_of_zeros(size_of_panels(K, N)) if room is None else room
    panels = room.reshape(count, K, PANEL)
    if W.dtype == np.float32 and W.T.flags.c_contiguous and K % LANES == N % PANEL == 0:
        # As PyTorch keeps weights: columns one after the other.
        _fill_from_columns(W.T.reshape(-1), K, panels.reshape(-1))
        return panels
    for p in range(count):
        part = W[:, p * PANEL : (p + 1) * PANEL]
        panels[p, :, : part.shape[1]] = part
    return panels


@compiled
def _fill_from_columns(columns, K, panels):
    """Panels of weights whose columns, of K numbers each, follow each other: sixteen by sixteen."""
    square = np.empty(LANES * LANES, np.float32)
    for n in range(0, columns.shape[0] // K, LANES):
        place = n // PANEL * PANEL * K + n % PANEL
        for k in range(0, K, LANES):
            transpose(columns, n * K + k, K, square, 0)
            for r in range(LANES):
                store(panels, place + (k + r) * PANEL, load(square, LANES * r))


def dense_numpy(x, panels, bias, gelu, y):
    """A layer for every row.

    Examples
    --------
    >>> y = np.empty((1, 2), np.float32)
    >>> dense_numpy(np.array([[1.0, 2.0]]), panels_of(np.array([[1.0, 0.0], [0.0, 3.0]])), np.array([0, 1]), False, y)
    >>> y.tolist()
    [[1.0, 7.0]]
    """
    z = x @ panels.swapaxes(0, 1).reshape(panels.shape[1], -1)[:, : len(bias)] + bias
    y[:] = z * 0.5 * (1 + _erf(z / np.sqrt(2))) if gelu else z


_erf = np.vectorize(math.erf, otypes=[np.float64])


@compiled
def gelu_of_lanes(z):
    """z Φ(z), lane by lane; NaN stays NaN."""
    size = absolute(z)
    t = splat(1) / fma(splat(0.3275911 / math.sqrt(2)), size, splat(1))
    tail = polynomial(t, 0, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
    # z (1 - Φ(|z|)), for z below 0 the whole result.
    half = z * splat(0.5) * tail * exp_of_lanes(splat(-0.5) * size * size)
    return choose(z, z - half, half)


@compiled
def _turn(x, first, last, turned):
    """Rows first to last - 1, ROWS at a time with their columns one after the other; zeros behind the last.

    A column takes the place of sixteen rows: the four too many are those behind, and are not looked at.
    """
    K = x.shape[1]
    flat, whole = x.reshape(-1), x.shape[1] // LANES * LANES
    for start in range(first, last, ROWS):
        place, source, rows = (start - first) // ROWS * LANES * K, start * K, flat
        if start + LANES > x.shape[0]:
            # Too few rows to read sixteen.
            rows, source = np.zeros(LANES * K, np.float32), 0
            rows[: (x.shape[0] - start) * K] = flat[start * K :]
        for k in range(0, whole, LANES):
            transpose(rows, source + k, K, turned, place + LANES * k)
        for k in range(whole, K):
            for r in range(LANES):
                turned[place + LANES * k + r] = rows[source + r * K + k]


@compiled
def _put_row(y, place, s, t, bias, column, gelu, columns):
    """Bias and GELU for the sums of a row, as many as there are columns left."""
    s, t = s + load(bias, column), t + load(bias, column + LANES)
    if gelu:
        s, t = gelu_of_lanes(s), gelu_of_lanes(t)
    if columns == PANEL:
        store(y, place, s)
        store(y, place + LANES, t)
    else:
        for c in range(columns):
            y[place + c] = lane_of(s, c) if c < LANES else lane_of(t, c - LANES)


@compiled
def _block(turned, a, panels, b, K, bias, column, gelu, y, place, N, rows, columns):
    """Twelve rows times a panel: the sums of each row are in two lanes."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = s10 = s11 = splat(0)
    t0 = t1 = t2 = t3 = t4 = t5 = t6 = t7 = t8 = t9 = t10 = t11 = splat(0)
    for k in range(K):
        u, v = load(panels, b + PANEL * k), load(panels, b + PANEL * k + LANES)
        fetch(panels, b + PANEL * (k + AHEAD))
        fetch(panels, b + PANEL * (k + AHEAD) + LANES)
        i = a + LANES * k
        x = spread(turned, i)
        s0, t0 = fma(x, u, s0), fma(x, v, t0)
        x = spread(turned, i + 1)
        s1, t1 = fma(x, u, s1), fma(x, v, t1)
        x = spread(turned, i + 2)
        s2, t2 = fma(x, u, s2), fma(x, v, t2)
        x = spread(turned, i + 3)
        s3, t3 = fma(x, u, s3), fma(x, v, t3)
        x = spread(turned, i + 4)
        s4, t4 = fma(x, u, s4), fma(x, v, t4)
        x = spread(turned, i + 5)
        s5, t5 = fma(x, u, s5), fma(x, v, t5)
        x = spread(turned, i + 6)
        s6, t6 = fma(x, u, s6), fma(x, v, t6)
        x = spread(turned, i + 7)
        s7, t7 = fma(x, u, s7), fma(x, v, t7)
        x = spread(turned, i + 8)
        s8, t8 = fma(x, u, s8), fma(x, v, t8)
        x = spread(turned, i + 9)
        s9, t9 = fma(x, u, s9), fma(x, v, t9)
        x = spread(turned, i + 10)
        s10, t10 = fma(x, u, s10), fma(x, v, t10)
        x = spread(turned, i + 11)
        s11, t11 = fma(x, u, s11), fma(x, v, t11)
    if rows > 0:
        _put_row(y, place + 0 * N, s0, t0, bias, column, gelu, columns)
    if rows > 1:
        _put_row(y, place + 1 * N, s1, t1, bias, column, gelu, columns)
    if rows > 2:
        _put_row(y, place + 2 * N, s2, t2, bias, column, gelu, columns)
    if rows > 3:
        _put_row(y, place + 3 * N, s3, t3, bias, column, gelu, columns)
    if rows > 4:
        _put_row(y, place + 4 * N, s4, t4, bias, column, gelu, columns)
    if rows > 5:
        _put_row(y, place + 5 * N, s5, t5, bias, column, gelu, columns)
    if rows > 6:
        _put_row(y, place + 6 * N, s6, t6, bias, column, gelu, columns)
    if rows > 7:
        _put_row(y, place + 7 * N, s7, t7, bias, column, gelu, columns)
    if rows > 8:
        _put_row(y, place + 8 * N, s8, t8, bias, column, gelu, columns)
    if rows > 9:
        _put_row(y, place + 9 * N, s9, t9, bias, column, gelu, columns)
    if rows > 10:
        _put_row(y, place + 10 * N, s10, t10, bias, column, gelu, columns)
    if rows > 11:
        _put_row(y, place + 11 * N, s11, t11, bias, column, gelu, columns)


@compiled
def dense_cpu(x, panels, bias, gelu, y):
    """Compiled :func:`dense_numpy`."""
    (R, K), N = x.shape, bias.shape[0]
    flat, flat_y, P = panels.reshape(-1), y.reshape(-1), panels.shape[0]
    biases = np.zeros(P * PANEL, np.float32)
    biases[:N] = bias
    together = max(1, min(-(-R // ROWS), TOGETHER // (LANES * max(K, 1)))) * ROWS
    turned = np.empty(together // ROWS * LANES * K + LANES, np.float32)
    for first in range(0, R, together):
        last = min(first + together, R)
        _turn(x, first, last, turned)
        for p in range(P):
            columns, b = min(PANEL, N - p * PANEL), p * K * PANEL
            for start in range(first, last, ROWS):
                place, rows = start * N + p * PANEL, min(ROWS, last - start)
                for r in range(rows):
                    fetch(flat_y, place + r * N)
                    fetch(flat_y, place + r * N + LANES)
                a = (start - first) // ROWS * LANES * K
                _block(turned, a, flat, b, K, biases, p * PANEL, gelu, flat_y, place, N, rows, columns)


@functools.cache
def _cuda_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    float32 = np.float32

    @cuda.jit
    def dense(x, panels, bias, gelu, y):
        # A thread has one number of the result; tiles of x and W are in shared memory.
        x_tile = cuda.shared.array((TILE, TILE), float32)
        w_tile = cuda.shared.array((TILE, TILE), float32)
        row, column = cuda.threadIdx.y, cuda.threadIdx.x
        r, n = cuda.blockIdx.y * TILE + row, cuda.blockIdx.x * TILE + column
        (R, K), N = x.shape, bias.shape[0]
        total = float32(0)
        for start in range(0, K, TILE):
            k = start + column
            x_tile[row, column] = x[r, k] if r < R and k < K else float32(0)
            k = start + row
            w_tile[row, column] = panels[n // PANEL, k, n % PANEL] if n < N and k < K else float32(0)
            cuda.syncthreads()
            for k in range(TILE):
                total += x_tile[row, k] * w_tile[k, column]
            cuda.syncthreads()
        if r < R and n < N:
            z = total + bias[n]
            y[r, n] = z * float32(0.5) * (float32(1) + float32(math.erf(z / math.sqrt(2)))) if gelu else z

    return dense


def dense_cuda(x, panels, bias, gelu, y):
    """:func:`dense_numpy` on a GPU, a tile of the result for each thread block."""
    if x.shape[0]:
        grid = (-(-bias.shape[0] // TILE), -(-x.shape[0] // TILE))
        _cuda_kernel()[grid, (TILE, TILE)](x, panels, bias, gelu, y)


IMPLEMENTATIONS = {"numpy": dense_numpy, "cpu": dense_cpu, "cuda": dense_cuda}
