"""Latent Dirichlet allocation by collapsed Gibbs sampling: every word of a document comes from one topic.

The topic z of one word w in a document d is drawn anew, given the topics of all other words (Griffiths & Steyvers 2004,
equation 5):

    p(z = k) ∝ (n_dk + α_k) (n_wk + η) / (n_k + V η)

where n_dk counts the words of d with the topic k, n_wk the places of w with it, and n_k all of its words, each without
the word at hand. The denominators change by one in many; they are taken anew where a run (words of one document)
begins.

To draw, the K probabilities stand in rows of sixteen, topic k in row k // 16 and column k % 16. The sum of each column
chooses a column, then the running sums down that column choose the row: two short searches instead of one long.

A tile holds runs of some documents, and of each the words of one part of the vocabulary. Tiles that share neither
documents nor words can be sampled at the same time: each counts n_k on its own (Yan, Xu & Qi 2009, section 3).

======= ================ ================= ====================================================
symbol  variable         shape             what it is
======= ================ ================= ====================================================
w       words            (N,) int32        the word at each place
d       documents        (R,) int32        document of each run
        starts           (R + 1,) int64    where each run begins and ends
        tiles            (T + 1,) int64    where each tile begins and ends, in runs
z       z                (N,) uint16       topic of each place, drawn anew in place
        uniforms         (N,) float32      random numbers in [0, 1)
n_dk    n_dk             (D, P) float32    updated in place; P is K, rounded up to a multiple of 16
n_wk    n_wk             (V, P) float32    updated in place
n_k     n_k              (T, K) int32      counts of each tile, updated in place
α       alpha            (K,) float32
η       eta              scalar
======= ================ ================= ====================================================

Every function returns Σ log Σ_k p(k) over the places, in float64: divided by n_d - 1 + Σα, which no draw changes,
Σ_k p(k) is the probability of the word at a place, given the topics of all others.

Griffiths & Steyvers, "Finding scientific topics", PNAS 2004; Yan, Xu & Qi, "Parallel Inference for Latent Dirichlet
Allocation on Graphics Processing Units", NIPS 2009.
"""

import functools

import numpy as np

from kernels.compile import compiled
from kernels.simd import (
    LANES,
    count_bits,
    fetch_row,
    fma,
    lane_of,
    lanes_at_most,
    lanes_of_zeros,
    load,
    scan_lanes,
    splat,
    store,
)

# Running sums begin anew after so many topics, so that the additions of one group need not wait for another's.
GROUP = 8 * LANES

# Places ahead of the one at hand, whose rows of n_wk are asked for.
AHEAD = 8

THREADS = 32
# Topics that a GPU's shared memory is set aside for.
CUDA_TOPICS = 1024


def choose_numpy(p, uniform):
    """The topic that a random number in [0, 1) falls on: a column by the sums of the columns, then a row in it.

    Examples
    --------
    >>> choose_numpy(np.array([0.5, 0.25, 0.25]), 0.6)
    1
    """
    table = np.zeros((-(-len(p) // LANES), LANES))  # (B, 16)
    table.reshape(-1)[: len(p)] = p
    ends = np.cumsum(table.sum(axis=0))  # (16,)
    target = uniform * ends[-1]
    column = int(np.searchsorted(ends, target, side="right"))
    rest = target - (ends[column - 1] if column else 0)
    row = int(np.searchsorted(np.cumsum(table[:-1, column]), rest, side="right"))
    # Rounding may carry past the last topic.
    return min(row * LANES + column, len(p) - 1)


def tiles_numpy(words, documents, starts, tiles, z, uniforms, n_dk, n_wk, n_k, alpha, eta):
    """Draw the topic of every place anew, in place.

    Examples
    --------
    Two topics; all other words of the document and all other places of the word have topic 1, and so will this one:

    >>> runs = np.array([0]), np.array([0, 1]), np.array([0, 1])
    >>> z, n_k = np.array([0], np.uint16), np.array([[1, 9]], np.int32)
    >>> n_dk, n_wk = np.zeros((1, 16), np.float32), np.zeros((1, 16), np.float32)
    >>> n_dk[0, :2], n_wk[0, :2] = (1, 9), (1, 9)
    >>> counts = n_dk, n_wk, n_k
    >>> log_p = tiles_numpy(np.array([0]), *runs, z, np.array([0.5]), *counts, np.array([0.1, 0.1]), 0.01)
    >>> z.tolist(), n_dk[0, :2].tolist(), n_k.tolist()
    ([1], [0.0, 10.0], [[0, 10]])
    """
    V, K = len(n_wk), len(alpha)
    log_p = 0.0
    for tile in range(len(tiles) - 1):
        for run in range(tiles[tile], tiles[tile + 1]):
            d = documents[run]
            inverse = 1 / (n_k[tile] + V * eta)  # (K,)
            for i in range(starts[run], starts[run + 1]):
                w = words[i]
                for counts in (n_dk[d], n_wk[w], n_k[tile]):
                    counts[z[i]] -= 1
                p = (n_dk[d, :K] + alpha) * (n_wk[w, :K] + eta) * inverse
                log_p += np.log(p.sum())
                z[i] = choose_numpy(p, uniforms[i])
                for counts in (n_dk[d], n_wk[w], n_k[tile]):
                    counts[z[i]] += 1
    return float(log_p)


@compiled
def tiles_cpu(words, documents, starts, tiles, z, uniforms, n_dk, n_wk, n_k, alpha, eta):
    """Compiled :func:`tiles_numpy`.

    A count changes as a whole row of sixteen: the processor hands what was stored on to the next load of the same
    width at once, but not to a wider one.
    """
    V, P = n_wk.shape
    K = alpha.shape[0]
    eta = np.float32(eta)
    flat_d, flat_w = n_dk.reshape(-1), n_wk.reshape(-1)
    # (n_dk + α_k) / (n_k + V η) of the document at hand, what it is made of, and its running sums.
    share, inverse, least = lanes_of_zeros(P), lanes_of_zeros(P), lanes_of_zeros(P)
    sums, groups = lanes_of_zeros(P), lanes_of_zeros(-(-P // GROUP) * LANES)
    # Row l holds a 1 in lane l.
    units = lanes_of_zeros(LANES * LANES)
    for lane in range(LANES):
        units[lane * LANES + lane] = 1
    one, minus, zero, etas = splat(1), splat(-1), splat(0), splat(eta)
    last = words.shape[0] - 1
    log_p, product = 0.0, 1.0
    for tile in range(tiles.shape[0] - 1):
        for run in range(tiles[tile], tiles[tile + 1]):
            d = np.int64(documents[run]) * P
            for k in range(K):
                inverse[k] = np.float32(1) / (np.float32(n_k[tile, k]) + np.float32(V) * eta)
                least[k] = inverse[k] * alpha[k]
            for k in range(0, P, LANES):
                store(share, k, fma(load(flat_d, d + k), load(inverse, k), load(least, k)))
            for i in range(starts[run], starts[run + 1]):
                fetch_row(flat_w, words[min(i + AHEAD, last)], P)
                w = np.int64(words[i]) * P
                old = np.int64(z[i])
                row = old // LANES * LANES
                unit = load(units, old % LANES * LANES)
                counts = fma(minus, unit, load(flat_d, d + row))
                store(flat_d, d + row, counts)
                store(share, row, fma(counts, load(inverse, row), load(least, row)))
                store(flat_w, w + row, fma(minus, unit, load(flat_w, w + row)))
                n_k[tile, old] -= 1

                total = splat(0)
                for first in range(0, P, GROUP):
                    group = splat(0)
                    for k in range(first, min(first + GROUP, P), LANES):
                        p = fma(load(share, k), fma(one, load(flat_w, w + k), etas), zero)
                        group = fma(one, p, group)
                        store(sums, k, group)
                    total = fma(one, group, total)
                    store(groups, first // GROUP * LANES, total)
                ends = scan_lanes(total)
                whole = lane_of(ends, LANES - 1)
                # A logarithm for every few places is enough.
                product *= whole
                if i % 8 == 0:
                    log_p += np.log(product)
                    product = 1.0
                target = uniforms[i] * whole
                column = count_bits(lanes_at_most(ends, target))
                rest = target - (lane_of(ends, column - 1) if column > 0 else np.float32(0))
                group_number = 0
                for g in range(groups.shape[0] // LANES - 1):
                    group_number += (lanes_at_most(load(groups, g * LANES), rest) >> column) & 1
                if group_number > 0:
                    rest -= groups[(group_number - 1) * LANES + column]
                first = group_number * GROUP
                row = first
                for k in range(first, min(first + GROUP, P) - LANES, LANES):
                    row += ((lanes_at_most(load(sums, k), rest) >> column) & 1) * LANES
                new = min(row + column, K - 1)

                z[i] = new
                n_k[tile, new] += 1
                row = new // LANES * LANES
                unit = load(units, new % LANES * LANES)
                counts = fma(one, unit, load(flat_d, d + row))
                store(flat_d, d + row, counts)
                store(share, row, fma(counts, load(inverse, row), load(least, row)))
                store(flat_w, w + row, fma(one, unit, load(flat_w, w + row)))
    return log_p + np.log(product)


@functools.cache
def _cuda_kernel():
    global cuda, math  # Numba's simulator looks for them among the globals
    import math

    from numba import cuda

    @cuda.jit
    def sample(words, documents, starts, tiles, z, uniforms, n_dk, n_wk, n_k, alpha, eta, log_p):
        p = cuda.shared.array(CUDA_TOPICS, np.float32)
        inverse = cuda.shared.array(CUDA_TOPICS, np.float32)
        columns = cuda.shared.array(LANES, np.float32)
        tile, thread = cuda.blockIdx.x, cuda.threadIdx.x
        V, K = n_wk.shape[0], alpha.shape[0]
        for run in range(tiles[tile], tiles[tile + 1]):
            d = documents[run]
            for k in range(thread, K, THREADS):
                inverse[k] = 1 / (n_k[tile, k] + V * eta)
            for i in range(starts[run], starts[run + 1]):
                w, old = words[i], z[i]
                # Neighbouring threads read neighbouring counts; all but the first see them before any changes.
                for k in range(thread, K, THREADS):
                    own = np.float32(k == old)
                    p[k] = (n_dk[d, k] - own + alpha[k]) * (n_wk[w, k] - own + eta) * inverse[k]
                cuda.syncthreads()
                if thread < LANES:
                    total = np.float32(0)
                    for k in range(thread, K, LANES):
                        total += p[k]
                    columns[thread] = total
                cuda.syncthreads()
                if thread == 0:
                    total = np.float32(0)
                    for column in range(LANES):
                        total += columns[column]
                    log_p[tile] += math.log(total)
                    rest = uniforms[i] * total
                    column = 0
                    while column < min(LANES, K) - 1 and columns[column] <= rest:
                        rest -= columns[column]
                        column += 1
                    new = column
                    while new + LANES < K and p[new] <= rest:
                        rest -= p[new]
                        new += LANES
                    z[i] = new
                    n_dk[d, old] -= 1
                    n_wk[w, old] -= 1
                    n_k[tile, old] -= 1
                    n_dk[d, new] += 1
                    n_wk[w, new] += 1
                    n_k[tile, new] += 1
                cuda.syncthreads()

    return sample


def tiles_cuda(words, documents, starts, tiles, z, uniforms, n_dk, n_wk, n_k, alpha, eta):
    """:func:`tiles_numpy` on a GPU, a block of threads for each tile: they must share neither documents nor words."""
    if alpha.shape[0] > CUDA_TOPICS:
        raise ValueError(f"on a GPU there may be {CUDA_TOPICS} topics, got {alpha.shape[0]}")
    T = tiles.shape[0] - 1
    if T == 0:
        return 0.0
    kernel = _cuda_kernel()
    log_p = cuda.to_device(np.zeros(T))
    kernel[T, THREADS](words, documents, starts, tiles, z, uniforms, n_dk, n_wk, n_k, alpha, np.float32(eta), log_p)
    return float(log_p.copy_to_host().sum())


IMPLEMENTATIONS = {"numpy": tiles_numpy, "cpu": tiles_cpu, "cuda": tiles_cuda}
