"""Dense layers: every row of x through one matrix, forward, and back to the matrix.

    y = f(x W + b) ∘ m + r        s = f'(x W + b)        f(z) is z, max(z, 0) or GELU, z Φ(z) (Hendrycks & Gimpel 2016)

    dW += xᵀ dy        db += Σ dy                        (the sum goes over rows)

The way back to x is a layer, too: dx = dy Wᵀ. With m = s of the layer before, it gives the gradient before that layer's
f; with r, what comes around (a residual connection's gradient) is added. So a number is stored once, when all is done
with it.

Both are made of the same tiles. W lies in panels of PANEL columns, each with its rows one after the other, so that the
product reads it from front to back. Rows of x are taken ROWS at a time, turned so that their columns follow each other;
a tile of ROWS × PANEL sums stays in registers over all K. For dW the columns of x take the place of its rows, dy that
of W, and sums go over some rows at a time.

======= ========= =========================== =========================================================================
symbol  variable  shape                       what it is
======= ========= =========================== =========================================================================
x       x         (R, K) float32              rows
W       panels    (⌈N / PANEL⌉, K, PANEL)     weights, zeros behind column N; from :func:`panels_of`
b       bias      (N,) float32
f       kind      int                         IDENTITY, or ``KINDS["relu"]``, ``KINDS["gelu"]`` of kernels/activation.py
s       slope     (R, N) or (0, 0)            the derivative, written in place; (0, 0): not wanted
m       times     (R, N) or (0, 0)            (0, 0): ones
r       plus      (R, N) or (0, 0)            (0, 0): zeros; may be y itself
y       y         (R, N) float32              the result, written in place
dy      dy        (R, N) float32              gradient with respect to y
dW, db  dW, db    (K, N), (N,)                added to in place; columns `begin` to `end` of x, that is, rows of dW; db
                                              together with row 0
======= ========= =========================== =========================================================================

Φ(z) = (1 + erf(z / √2)) / 2 with erf from Abramowitz & Stegun (1964), 7.1.26; its error is below 2e-7. The order of
tiles in the caches follows Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
"""

import functools
import math

import numpy as np

from kernels.activation import GELU, RELU
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

IDENTITY = -1

# What is not there.
NONE = np.zeros((0, 0), np.float32)

PANEL, ROWS = 2 * LANES, 12

# Weights of so many numbers stay in the second cache, and are gone through anew for each tile of rows; of larger ones,
# each panel meets so many numbers of turned rows.
STAYING = TOGETHER = 1 << 17

# Rows that a product for dW sums over before it adds. Tiles of columns lie a little further apart: at multiples of 4096
# bytes they would drive each other out of the first cache.
DEPTH = 128
PITCH = (DEPTH + 1) * LANES

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
    >>> np.array_equal(panels_of(W), panels_of(W.copy())), np.array_equal(panels_of(W), panels_of(W.astype(float)))
    (True, True)
    """
    K, N = W.shape
    count = -(-N // PANEL)
    room = lanes_of_zeros(size_of_panels(K, N)) if room is None else room
    panels = room.reshape(count, K, PANEL)
    if W.dtype == np.float32 and W.T.flags.c_contiguous and K % LANES == N % PANEL == 0:
        # As PyTorch keeps weights: columns one after the other.
        _fill_from_columns(W.T.reshape(-1), K, panels.reshape(-1))
        return panels
    if W.dtype == np.float32 and W.flags.c_contiguous and N % PANEL == 0:
        _fill_from_rows(W.reshape(-1), K, panels.reshape(-1))
        return panels
    for p in range(count):
        part = W[:, p * PANEL : (p + 1) * PANEL]
        panels[p, :, : part.shape[1]] = part
    return panels


@compiled
def _fill_from_rows(rows, K, panels):
    """Panels of weights whose rows follow each other."""
    N = rows.shape[0] // K
    for p in range(N // PANEL):
        for k in range(K):
            source, place = k * N + p * PANEL, (p * K + k) * PANEL
            store(panels, place, load(rows, source))
            store(panels, place + LANES, load(rows, source + LANES))


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


# The reference -------------------------------------------------------------------------------------------------------


def dense_numpy(x, panels, bias, kind, slope, times, plus, y):
    """A layer for every row.

    Examples
    --------
    >>> y, panels = np.empty((1, 2), np.float32), panels_of(np.array([[1.0, 0.0], [0.0, 3.0]]))
    >>> dense_numpy(np.array([[1.0, 2.0]]), panels, np.array([0, 1]), IDENTITY, NONE, NONE, NONE, y)
    >>> y.tolist()
    [[1.0, 7.0]]
    """
    z = x @ panels.swapaxes(0, 1).reshape(panels.shape[1], -1)[:, : len(bias)] + bias
    value, derivative = z, np.ones_like(z)
    if kind == RELU:
        value, derivative = np.maximum(z, 0), z > 0
    elif kind == GELU:
        cumulative = (1 + _erf(z / np.sqrt(2))) / 2
        value, derivative = z * cumulative, cumulative + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    if slope.size:
        slope[:] = derivative
    y[:] = value * (times if times.size else 1) + (plus if plus.size else 0)


def dense_gradient_numpy(x, dy, begin, end, dW, db):
    """Add to the gradients of weights and bias.

    Examples
    --------
    >>> dW, db = np.zeros((2, 1)), np.zeros(1)
    >>> dense_gradient_numpy(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [10.0]]), 0, 2, dW, db)
    >>> dW.tolist(), db.tolist()
    ([[31.0], [42.0]], [11.0])
    """
    dW[begin:end] += x[:, begin:end].T @ dy
    if begin == 0:
        db += dy.sum(axis=0)


_erf = np.vectorize(math.erf, otypes=[np.float64])


# Tiles ---------------------------------------------------------------------------------------------------------------


@compiled
def _block(turned, a, panels, b, K, sums):
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
    store(sums, 0, s0), store(sums, 1 * LANES, t0), store(sums, 2 * LANES, s1), store(sums, 3 * LANES, t1)
    store(sums, 4 * LANES, s2), store(sums, 5 * LANES, t2), store(sums, 6 * LANES, s3), store(sums, 7 * LANES, t3)
    store(sums, 8 * LANES, s4), store(sums, 9 * LANES, t4), store(sums, 10 * LANES, s5), store(sums, 11 * LANES, t5)
    store(sums, 12 * LANES, s6), store(sums, 13 * LANES, t6), store(sums, 14 * LANES, s7), store(sums, 15 * LANES, t7)
    store(sums, 16 * LANES, s8), store(sums, 17 * LANES, t8), store(sums, 18 * LANES, s9), store(sums, 19 * LANES, t9)
    store(sums, 20 * LANES, s10), store(sums, 21 * LANES, t10), store(sums, 22 * LANES, s11)
    store(sums, 23 * LANES, t11)


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


# Compiled ------------------------------------------------------------------------------------------------------------


@compiled(forceinline=True)
def gelu_of_lanes(z):
    """z Φ(z) and its derivative Φ(z) + z φ(z), lane by lane; NaN stays NaN."""
    size = absolute(z)
    t = splat(1) / fma(splat(0.3275911 / math.sqrt(2)), size, splat(1))
    bell = exp_of_lanes(splat(-0.5) * size * size)
    # 1 - Φ(|z|), and for z below 0 Φ(z).
    tail = splat(0.5) * polynomial(t, 0, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429) * bell
    cumulative = choose(z, splat(1) - tail, tail)
    return z * cumulative, fma(z * splat(1 / math.sqrt(2 * math.pi)), bell, cumulative)


@compiled(forceinline=True)
def _bent(z, kind):
    """f(z) and f'(z)."""
    if kind == GELU:
        return gelu_of_lanes(z)
    if kind == RELU:
        below = splat(0) - z
        return choose(below, splat(0), z), choose(below, splat(0), splat(1))
    return z, splat(1)


@compiled
def dense_cpu(x, panels, bias, kind, slope, times, plus, y):
    """Compiled :func:`dense_numpy`."""
    (R, K), N, P = x.shape, y.shape[1], panels.shape[0]
    has_slope, has_times, has_plus = slope.size > 0, times.size > 0, plus.size > 0
    flat, all_y, all_slopes = panels.reshape(-1), y.reshape(-1), slope.reshape(-1)
    all_times, all_plus = times.reshape(-1), plus.reshape(-1)
    biases, sums = np.zeros(P * PANEL, np.float32), np.empty(ROWS * PANEL, np.float32)
    biases[:N] = bias
    together = ROWS
    if flat.shape[0] > STAYING:
        together *= max(1, min(-(-R // ROWS), TOGETHER // (LANES * max(K, 1))))
    turned = lanes_of_zeros(together // ROWS * LANES * K + LANES)
    for first in range(0, R, together):
        last = min(first + together, R)
        _turn(x, first, last, turned)
        for p in range(P):
            columns = min(PANEL, N - p * PANEL)
            for start in range(first, last, ROWS):
                _block(turned, (start - first) // ROWS * LANES * K, flat, p * K * PANEL, K, sums)
                for r in range(min(ROWS, last - start)):
                    place = (start + r) * N + p * PANEL
                    for c in range(0, PANEL, LANES):
                        z, derivative = _bent(load(sums, r * PANEL + c) + load(biases, p * PANEL + c), kind)
                        if columns < PANEL:
                            # Lane by lane, what is left of a row where it fills no panel.
                            for j in range(c, min(columns, c + LANES)):
                                i = place + j
                                if has_slope:
                                    all_slopes[i] = lane_of(derivative, j - c)
                                value = lane_of(z, j - c)
                                if has_times:
                                    value *= all_times[i]
                                all_y[i] = value + all_plus[i] if has_plus else value
                            continue
                        if has_slope:
                            store(all_slopes, place + c, derivative)
                        if has_times:
                            z = z * load(all_times, place + c)
                        if has_plus:
                            z = z + load(all_plus, place + c)
                        store(all_y, place + c, z)


@compiled
def dense_gradient_cpu(x, dy, begin, end, dW, db):
    """Compiled :func:`dense_gradient_numpy`."""
    (R, K), N = x.shape, dy.shape[1]
    P, n_tiles = -(-N // PANEL), -(-(end - begin) // ROWS)
    flat_x, flat_dy, flat_dW = x.reshape(-1), dy.reshape(-1), dW.reshape(-1)
    turned = lanes_of_zeros(n_tiles * PITCH)
    panels, totals = lanes_of_zeros(P * DEPTH * PANEL), lanes_of_zeros(P * PANEL)
    sums = np.empty(ROWS * PANEL, np.float32)
    for first in range(0, R, DEPTH):
        depth = min(DEPTH, R - first)
        for r in range(depth):
            for i in range(n_tiles):
                column, place = begin + i * ROWS, i * PITCH
                source = (first + r) * K + column
                if source + LANES <= R * K:
                    store(turned, place + LANES * r, load(flat_x, source))
                else:
                    for c in range(K - column):
                        turned[place + LANES * r + c] = flat_x[source + c]
        for p in range(P):
            column, place = p * PANEL, p * PANEL * DEPTH
            s, t = load(totals, column), load(totals, column + LANES)
            for r in range(depth):
                source, i = (first + r) * N + column, place + r * PANEL
                if column + PANEL <= N:
                    store(panels, i, load(flat_dy, source))
                    store(panels, i + LANES, load(flat_dy, source + LANES))
                else:
                    for c in range(N - column):
                        panels[i + c] = flat_dy[source + c]
                s, t = s + load(panels, i), t + load(panels, i + LANES)
            store(totals, column, s)
            store(totals, column + LANES, t)
        for i in range(n_tiles):
            for p in range(P):
                _block(turned, i * PITCH, panels, p * PANEL * DEPTH, depth, sums)
                columns = min(PANEL, N - p * PANEL)
                for r in range(min(ROWS, end - begin - i * ROWS)):
                    place = (begin + i * ROWS + r) * N + p * PANEL
                    if columns == PANEL:
                        for c in range(0, PANEL, LANES):
                            store(flat_dW, place + c, load(flat_dW, place + c) + load(sums, r * PANEL + c))
                    else:
                        for c in range(columns):
                            flat_dW[place + c] += sums[r * PANEL + c]
    if begin == 0:
        for n in range(N):
            db[n] += totals[n]


# GPU -----------------------------------------------------------------------------------------------------------------


@functools.cache
def _cuda_kernels():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    float32 = np.float32

    @cuda.jit
    def dense(x, panels, bias, kind, slope, times, plus, y):
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
            derivative = float32(1)
            if kind == RELU:
                derivative = float32(0) if z <= 0 else float32(1)
                z *= derivative
            elif kind == GELU:
                cumulative = float32(0.5) * (float32(1) + float32(math.erf(z / math.sqrt(2))))
                derivative = cumulative + z * float32(math.exp(-z * z / 2) / math.sqrt(2 * math.pi))
                z *= cumulative
            if slope.shape[0] > 0:
                slope[r, n] = derivative
            if times.shape[0] > 0:
                z *= times[r, n]
            y[r, n] = z + plus[r, n] if plus.shape[0] > 0 else z

    @cuda.jit
    def gradient(x, dy, begin, end, dW, db):
        # A thread has one number of dW, those of the first row also one of db.
        x_tile = cuda.shared.array((TILE, TILE), float32)
        dy_tile = cuda.shared.array((TILE, TILE), float32)
        row, column = cuda.threadIdx.y, cuda.threadIdx.x
        first, n = begin + cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE + column
        k, (R, N) = first + row, dy.shape
        total = of_bias = float32(0)
        for start in range(0, R, TILE):
            r = start + row
            x_tile[row, column] = x[r, first + column] if r < R and first + column < end else float32(0)
            dy_tile[row, column] = dy[r, n] if r < R and n < N else float32(0)
            cuda.syncthreads()
            for r in range(TILE):
                total += x_tile[r, row] * dy_tile[r, column]
                of_bias += dy_tile[r, column]
            cuda.syncthreads()
        if k < end and n < N:
            dW[k, n] += total
            if k == 0:
                db[n] += of_bias

    return dense, gradient


def dense_cuda(x, panels, bias, kind, slope, times, plus, y):
    """:func:`dense_numpy` on a GPU, a tile of the result for each thread block."""
    if x.shape[0]:
        grid = (-(-bias.shape[0] // TILE), -(-x.shape[0] // TILE))
        _cuda_kernels()[0][grid, (TILE, TILE)](x, panels, bias, kind, slope, times, plus, y)


def dense_gradient_cuda(x, dy, begin, end, dW, db):
    """:func:`dense_gradient_numpy` on a GPU, a tile of dW for each thread block."""
    if end > begin and dy.shape[1]:
        grid = (-(-dy.shape[1] // TILE), -(-(end - begin) // TILE))
        _cuda_kernels()[1][grid, (TILE, TILE)](x, dy, begin, end, dW, db)


IMPLEMENTATIONS = {"numpy": dense_numpy, "cpu": dense_cpu, "cuda": dense_cuda}
GRADIENT_IMPLEMENTATIONS = {
    "numpy": dense_gradient_numpy,
    "cpu": dense_gradient_cpu,
    "cuda": dense_gradient_cuda,
}
