"""GloVe: word vectors whose products are the logarithms of how often two words stand together.

The loss of an entry X_ij > 0 of the co-occurrence matrix is (Pennington, Socher & Manning 2014, equation 8)

    J_ij = ½ f(X_ij) (w_i · w̃_j + b_i + b̃_j - log X_ij)²        f(x) = min(1, (x / x_max)^power)

    ∂J/∂w_i = f(X_ij) (…) w̃_j        ∂J/∂b_i = f(X_ij) (…)

and the other side alike. AdaGrad divides each step by the root of the sum of the squares of all steps before it, plus
1, as the authors' program does (it sums the steps α ∂J, not the gradients):

    step = α ∂J/∂w        w ← w - step / √s        s ← s + step²

A row of a matrix holds its parameters and their sums s side by side, so that one trip to memory fetches both, and the
biases as two more parameters, so that the product has them:

    W_i  = (w_i, b_i, 1, 0 …  |  s …)        C_j = (w̃_j, 1, b̃_j, 0 …  |  s …)        s = 10³⁰ holds the 1 where it is

========= ============ ================== =============================================================
symbol    variable     shape              what it is
========= ============ ================== =============================================================
w, b, s   W            (R, 2P) float32    parameters of words, and their sums; P is a multiple of 16
w̃, b̃, s   C            (R', 2P) float32   parameters of context words, and their sums
i, j      rows,        (n,) uint16        rows of W and of C of each entry, in the order of training
          columns
log X     logs         (n,) float32       logarithms of the entries
α         alpha        scalar             learning rate
========= ============ ================== =============================================================

Both functions return the summed loss before each update, in float64.

Pennington, Socher & Manning, "GloVe: Global Vectors for Word Representation", 2014; Duchi, Hazan & Singer, "Adaptive
Subgradient Methods for Online Learning and Stochastic Optimization", 2011.
"""

import functools
import math

import numpy as np

from kernels.compile import compiled
from kernels.runs import WARP
from kernels.simd import LANES, add_lanes, exp, fetch, fma, load, over_square_root, splat, store

# A sum of squares that lets its parameter move no more.
FIXED = 1e30

# Entries ahead of the one at hand, whose rows are asked for.
AHEAD = 4


def tile_numpy(W, C, rows, columns, logs, alpha, x_max, power):
    """Train on entries one by one, in place. Returns the loss.

    Examples
    --------
    One entry X = e with w = (1, …), b = 0 on both sides: the product is 1 = log X, nothing is left to learn.

    >>> W = np.ones((1, 32), np.float32)
    >>> W[:, 1:16] = 0
    >>> entry = np.zeros(1, np.uint16), np.zeros(1, np.uint16), np.ones(1, np.float32)
    >>> tile_numpy(W, W.copy(), *entry, 0.05, 100, 0.75)
    0.0
    """
    P = W.shape[1] // 2
    loss = 0.0
    for i, j, log_x in zip(rows, columns, logs, strict=True):
        w, s_w = W[i, :P], W[i, P:]  # (P,)
        c, s_c = C[j, :P], C[j, P:]  # (P,)
        weight = min(1.0, (np.exp(log_x) / x_max) ** power)
        difference = w @ c - log_x
        loss += 0.5 * weight * difference**2
        step_w, step_c = alpha * weight * difference * c, alpha * weight * difference * w
        w -= step_w / np.sqrt(s_w)
        c -= step_c / np.sqrt(s_c)
        s_w += step_w**2
        s_c += step_c**2
    return float(loss)


@compiled
def tile_cpu(W, C, rows, columns, logs, alpha, x_max, power):
    """Compiled :func:`tile_numpy`."""
    P = W.shape[1] // 2
    flat_W, flat_C = W.reshape(-1), C.reshape(-1)
    log_x_max, power = np.float32(np.log(x_max)), np.float32(power)
    n = rows.shape[0]
    loss = 0.0
    for e in range(n):
        ahead = min(e + AHEAD, n - 1)
        w_ahead, c_ahead = np.int64(rows[ahead]) * 2 * P, np.int64(columns[ahead]) * 2 * P
        w, c = np.int64(rows[e]) * 2 * P, np.int64(columns[e]) * 2 * P
        product = splat(0)
        for d in range(0, P, LANES):
            fetch(flat_W, w_ahead + d)
            fetch(flat_W, w_ahead + P + d)
            fetch(flat_C, c_ahead + d)
            fetch(flat_C, c_ahead + P + d)
            product = fma(load(flat_W, w + d), load(flat_C, c + d), product)
        weight = exp(min(np.float32(0), power * (logs[e] - log_x_max)))
        difference = add_lanes(product) - logs[e]
        loss += np.float32(0.5) * weight * difference * difference
        step = splat(np.float32(alpha) * weight * difference)
        minus, zero = splat(-1), splat(0)
        for d in range(0, P, LANES):
            x, y = load(flat_W, w + d), load(flat_C, c + d)
            s_w, s_c = load(flat_W, w + P + d), load(flat_C, c + P + d)
            step_w, step_c = fma(step, y, zero), fma(step, x, zero)
            store(flat_W, w + d, fma(minus, over_square_root(step_w, s_w), x))
            store(flat_C, c + d, fma(minus, over_square_root(step_c, s_c), y))
            store(flat_W, w + P + d, fma(step_w, step_w, s_w))
            store(flat_C, c + P + d, fma(step_c, step_c, s_c))
    return loss


@functools.cache
def _cuda_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    float32 = np.float32

    @cuda.jit
    def train(W, C, rows, columns, logs, starts, alpha, log_x_max, power, losses):
        tile, thread = cuda.blockIdx.x, cuda.threadIdx.x
        P = W.shape[1] // 2
        # Two rows in turn: nobody writes to one while others still read it.
        products = cuda.shared.array((2, WARP), float32)
        loss = 0.0
        for entry in range(starts[tile], starts[tile + 1]):
            i, j, log_x, side = rows[entry], columns[entry], logs[entry], entry % 2
            product = float32(0)
            for d in range(thread, P, WARP):
                product += W[i, d] * C[j, d]
            products[side, thread] = product
            cuda.syncthreads()
            difference = -log_x
            for t in range(WARP):
                difference += products[side, t]
            weight = math.exp(min(float32(0), power * (log_x - log_x_max)))
            loss += float32(0.5) * weight * difference * difference
            step = alpha * weight * difference
            for d in range(thread, P, WARP):
                w, c, s_w, s_c = W[i, d], C[j, d], W[i, P + d], C[j, P + d]
                step_w, step_c = step * c, step * w
                W[i, d] = w - step_w / math.sqrt(s_w)
                C[j, d] = c - step_c / math.sqrt(s_c)
                W[i, P + d] = s_w + step_w * step_w
                C[j, P + d] = s_c + step_c * step_c
        if thread == 0:
            losses[tile] = loss

    return train


def tile_cuda(W, C, rows, columns, logs, alpha, x_max, power, starts=None):
    """:func:`tile_numpy` on a GPU: a thread block of one warp takes the entries in order, its threads the columns.

    Parameters
    ----------
    starts : array on the device, shape (tiles + 1,), int64, optional
        Where each of several tiles begins and ends among the entries; each is a thread block's. No two tiles may share
        a row of W or of C: then the numbers are those of one tile after the other, in every call.
    """
    from numba import cuda

    starts = cuda.to_device(np.array([0, len(rows)])) if starts is None else starts
    tiles = len(starts) - 1
    losses = cuda.device_array(tiles, np.float64)
    numbers = np.float32(alpha), np.float32(np.log(x_max)), np.float32(power)
    _cuda_kernel()[tiles, WARP](W, C, rows, columns, logs, starts, *numbers, losses)
    return float(losses.copy_to_host().sum())


IMPLEMENTATIONS = {"numpy": tile_numpy, "cpu": tile_cpu, "cuda": tile_cuda}
