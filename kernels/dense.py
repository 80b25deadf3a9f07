"""Dense layers: every row of x through one matrix, forward, and back to the matrix.

    y = f(x W + b) ∘ m + r        s = f'(x W + b)        f(z) is z, max(z, 0) or GELU, z Φ(z) (Hendrycks & Gimpel 2016)

    dW += xᵀ dy        db += Σ dy                        (the sum goes over rows)

The way back to x is a layer, too: dx = dy Wᵀ. With m = s of the layer before, it gives the gradient before that layer's
f; with r, what comes around (a residual connection's gradient) is added. So a number is stored once, when all is done
with it.

Both are made of the same tiles (:mod:`kernels.dense_tiles`): some rows of x times a panel of columns of W. For dW the
columns of x take the place of its rows, dy that of W, and sums go over some rows at a time.

======= ========= =========================== =========================================================================
symbol  variable  shape                       what it is
======= ========= =========================== =========================================================================
x       x         (R, K) float32              rows
W       panels    (⌈N / PANEL⌉, K, PANEL)     weights, zeros behind column N; from ``panels_of``
b       bias      (N,) float32
f       kind      int                         IDENTITY, or ``KINDS["relu"]``, ``KINDS["gelu"]`` of kernels/activation.py
s       slope     (R, N) or (0, 0)            the derivative, written in place; (0, 0): not wanted
m       times     (R, N) or (0, 0)            (0, 0): ones
r       plus      (R, N) or (0, 0)            (0, 0): zeros; may be y itself
y       y         (R, N) float32              the result, written in place
dy      dy        (R, N) float32              gradient with respect to y
dW, db  dW, db    (K, N), (N,)                added to in place: rows `begin` to `end` of dW, in the columns `first` to
                                              `last`; those of db together with row 0
======= ========= =========================== =========================================================================

Φ(z) = (1 + erf(z / √2)) / 2 with erf from Abramowitz & Stegun (1964), 7.1.26; its error is below 2e-7. The order of
tiles in the caches follows Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
"""

import functools
import math

import numpy as np

from kernels.activation import GELU, RELU
from kernels.amx import AVAILABLE
from kernels.compile import compiled
from kernels.dense_tiles import (
    PANEL,
    SQUARE,
    begin_tiles,
    end_tiles,
    multiply_few,
    multiply_tile,
    size_of_right,
    size_of_tile,
    take_columns,
    take_panel,
    take_rows,
)
from kernels.simd import (
    LANES,
    absolute,
    choose,
    exp_of_lanes,
    fma,
    lane_of,
    lanes_of_zeros,
    load,
    polynomial,
    splat,
    store,
)

IDENTITY = -1

# What is not there.
NONE = np.zeros((0, 0), np.float32)

# Parts of rows or columns begin at multiples of this where several threads share a product.
STEP = SQUARE

# Weights of so many numbers stay in the second cache, and are gone through anew for each tile of rows; of larger ones,
# each panel meets tiles of so many numbers.
STAYING, TOGETHER = 1 << 17, 1 << 18

# Rows that a product for dW sums over before it adds.
DEPTH = 128

# On a GPU: a thread block makes a tile of so many rows and columns.
TILE = 16


# The reference -------------------------------------------------------------------------------------------------------


def dense_numpy(x, panels, bias, kind, slope, times, plus, y):
    """A layer for every row.

    Examples
    --------
    >>> from kernels.dense_tiles import panels_of
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


def dense_gradient_numpy(x, dy, begin, end, first, last, dW, db):
    """Add to the gradients of weights and bias.

    Examples
    --------
    >>> dW, db = np.zeros((2, 1)), np.zeros(1)
    >>> dense_gradient_numpy(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [10.0]]), 0, 2, 0, 1, dW, db)
    >>> dW.tolist(), db.tolist()
    ([[31.0], [42.0]], [11.0])
    """
    dy = dy[:, first:last]
    dW[begin:end, first:last] += x[:, begin:end].T @ dy
    if begin == 0:
        db[first:last] += dy.sum(axis=0)


_erf = np.vectorize(math.erf, otypes=[np.float64])


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
def _dense(unit, x, panels, bias, kind, slope, times, plus, y):
    (R, K), N, P = x.shape, y.shape[1], panels.shape[0]
    has_slope, has_times, has_plus = slope.size > 0, times.size > 0, plus.size > 0
    flat_x, flat, all_y, all_slopes = x.reshape(-1), panels.reshape(-1), y.reshape(-1), slope.reshape(-1)
    all_times, all_plus = times.reshape(-1), plus.reshape(-1)
    biases, sums, squares = lanes_of_zeros(P * PANEL), lanes_of_zeros(SQUARE * PANEL), lanes_of_zeros(2 * LANES * LANES)
    biases[:N] = bias
    unit, rows = unit and AVAILABLE, begin_tiles(unit)
    few = R <= rows
    staying, size, right_size = flat.shape[0] <= STAYING and not few, size_of_tile(unit, K), size_of_right(unit, K, few)
    together = 1 if staying else max(1, min(-(-R // rows), TOGETHER // size))
    tiles = lanes_of_zeros(together * size)
    right = lanes_of_zeros((P if staying else 1) * right_size) if unit else flat
    for first in range(0, R, together * rows):
        last = min(first + together * rows, R)
        for start in range(first, last, rows):
            place = (start - first) // rows * size
            take_rows(unit, flat_x, start * K, K, min(rows, last - start), K, squares, tiles, place)
        for p in range(P):
            b = p * right_size if staying or not unit else 0
            if not few and (first == 0 or not staying):
                take_panel(unit, flat, p * K * PANEL, K, right, b)
            columns = min(PANEL, N - p * PANEL)
            for start in range(first, last, rows):
                if few:
                    multiply_few(unit, tiles, R, flat, p * K * PANEL, K, right, sums)
                else:
                    multiply_tile(unit, tiles, (start - first) // rows * size, right, b, K, sums)
                for r in range(min(rows, last - start)):
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
    end_tiles(unit)


@compiled
def _gradient(unit, x, dy, begin, end, first, last, dW, db):
    (R, K), N = x.shape, dy.shape[1]
    flat_x, flat_dy, flat_dW, P = x.reshape(-1), dy.reshape(-1), dW.reshape(-1), -(-N // PANEL)
    panel, totals, sums = lanes_of_zeros(DEPTH * PANEL), lanes_of_zeros(P * PANEL), lanes_of_zeros(SQUARE * PANEL)
    unit, rows, squares = unit and AVAILABLE, begin_tiles(unit), lanes_of_zeros(2 * LANES * LANES)
    size = size_of_tile(unit, DEPTH)
    tiles = lanes_of_zeros(-(-(end - begin) // rows) * size)
    right = lanes_of_zeros(size_of_right(unit, DEPTH)) if unit else panel
    for row in range(0, R, DEPTH):
        depth = min(DEPTH, R - row)
        for k in range(begin, end, rows):
            place = (k - begin) // rows * size
            take_columns(unit, flat_x, row * K + k, K, min(rows, end - k), depth, squares, tiles, place)
        for n in range(first, last, PANEL):
            columns, s, t = min(PANEL, last - n), load(totals, n), load(totals, n + LANES)
            for r in range(depth):
                source = (row + r) * N + n
                if columns == PANEL:
                    store(panel, r * PANEL, load(flat_dy, source))
                    store(panel, r * PANEL + LANES, load(flat_dy, source + LANES))
                else:
                    for c in range(PANEL):
                        panel[r * PANEL + c] = flat_dy[source + c] if c < columns else 0
                s, t = s + load(panel, r * PANEL), t + load(panel, r * PANEL + LANES)
            store(totals, n, s)
            store(totals, n + LANES, t)
            take_panel(unit, panel, 0, depth, right, 0)
            for k in range(begin, end, rows):
                multiply_tile(unit, tiles, (k - begin) // rows * size, right, 0, depth, sums)
                for r in range(min(rows, end - k)):
                    place = (k + r) * N + n
                    if columns == PANEL:
                        for c in range(0, PANEL, LANES):
                            store(flat_dW, place + c, load(flat_dW, place + c) + load(sums, r * PANEL + c))
                    else:
                        for c in range(columns):
                            flat_dW[place + c] += sums[r * PANEL + c]
    if begin == 0:
        for n in range(first, last):
            db[n] += totals[n]
    end_tiles(unit)


def dense_cpu(x, panels, bias, kind, slope, times, plus, y):
    """Compiled :func:`dense_numpy`, on the matrix unit where there is one."""
    _dense(AVAILABLE, x, panels, bias, kind, slope, times, plus, y)


def dense_lanes(x, panels, bias, kind, slope, times, plus, y):
    """Compiled :func:`dense_numpy`, as it is where there is no matrix unit."""
    _dense(False, x, panels, bias, kind, slope, times, plus, y)


def dense_gradient_cpu(x, dy, begin, end, first, last, dW, db):
    """Compiled :func:`dense_gradient_numpy`, on the matrix unit where there is one."""
    _gradient(AVAILABLE, x, dy, begin, end, first, last, dW, db)


def dense_gradient_lanes(x, dy, begin, end, first, last, dW, db):
    """Compiled :func:`dense_gradient_numpy`, as it is where there is no matrix unit."""
    _gradient(False, x, dy, begin, end, first, last, dW, db)


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
    def gradient(x, dy, begin, end, first, last, dW, db):
        # A thread has one number of dW, those of the first row also one of db.
        x_tile = cuda.shared.array((TILE, TILE), float32)
        dy_tile = cuda.shared.array((TILE, TILE), float32)
        row, column = cuda.threadIdx.y, cuda.threadIdx.x
        top, n = begin + cuda.blockIdx.y * TILE, first + cuda.blockIdx.x * TILE + column
        k, R = top + row, dy.shape[0]
        total = of_bias = float32(0)
        for start in range(0, R, TILE):
            r = start + row
            x_tile[row, column] = x[r, top + column] if r < R and top + column < end else float32(0)
            dy_tile[row, column] = dy[r, n] if r < R and n < last else float32(0)
            cuda.syncthreads()
            for r in range(TILE):
                total += x_tile[r, row] * dy_tile[r, column]
                of_bias += dy_tile[r, column]
            cuda.syncthreads()
        if k < end and n < last:
            dW[k, n] += total
            if k == 0:
                db[n] += of_bias

    return dense, gradient


def dense_cuda(x, panels, bias, kind, slope, times, plus, y):
    """:func:`dense_numpy` on a GPU, a tile of the result for each thread block."""
    if x.shape[0]:
        grid = (-(-bias.shape[0] // TILE), -(-x.shape[0] // TILE))
        _cuda_kernels()[0][grid, (TILE, TILE)](x, panels, bias, kind, slope, times, plus, y)


def dense_gradient_cuda(x, dy, begin, end, first, last, dW, db):
    """:func:`dense_gradient_numpy` on a GPU, a tile of dW for each thread block."""
    if end > begin and last > first:
        grid = (-(-(last - first) // TILE), -(-(end - begin) // TILE))
        _cuda_kernels()[1][grid, (TILE, TILE)](x, dy, begin, end, first, last, dW, db)


IMPLEMENTATIONS = {"numpy": dense_numpy, "cpu": dense_cpu, "lanes": dense_lanes, "cuda": dense_cuda}
GRADIENT_IMPLEMENTATIONS = {
    "numpy": dense_gradient_numpy,
    "cpu": dense_gradient_cpu,
    "lanes": dense_gradient_lanes,
    "cuda": dense_gradient_cuda,
}
