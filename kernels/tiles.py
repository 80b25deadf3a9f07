"""Products of small blocks of float32 rows, whose sums stay in registers; what training by blocks is made of.

Matrices are flat (``W.reshape(-1)``) with rows of P numbers, P a multiple of 16.
"""

import numpy as np

from kernels.compile import compiled
from kernels.simd import LANES, add_lanes, fma, load, sigmoid_softplus, splat, store


@compiled
def multiply_tile(A, B, P, a, b, scores, row, column):
    """scores[row : row + 4, column : column + 4] = four rows of A, from a on, times four rows of B, from b on."""
    s00 = s01 = s02 = s03 = splat(0)
    s10 = s11 = s12 = s13 = splat(0)
    s20 = s21 = s22 = s23 = splat(0)
    s30 = s31 = s32 = s33 = splat(0)
    for d in range(0, P, LANES):
        b0 = load(B, b + d)
        b1 = load(B, b + P + d)
        b2 = load(B, b + 2 * P + d)
        b3 = load(B, b + 3 * P + d)
        x = load(A, a + d)
        s00, s01, s02, s03 = fma(x, b0, s00), fma(x, b1, s01), fma(x, b2, s02), fma(x, b3, s03)
        x = load(A, a + P + d)
        s10, s11, s12, s13 = fma(x, b0, s10), fma(x, b1, s11), fma(x, b2, s12), fma(x, b3, s13)
        x = load(A, a + 2 * P + d)
        s20, s21, s22, s23 = fma(x, b0, s20), fma(x, b1, s21), fma(x, b2, s22), fma(x, b3, s23)
        x = load(A, a + 3 * P + d)
        s30, s31, s32, s33 = fma(x, b0, s30), fma(x, b1, s31), fma(x, b2, s32), fma(x, b3, s33)
    scores[row, column], scores[row, column + 1] = add_lanes(s00), add_lanes(s01)
    scores[row, column + 2], scores[row, column + 3] = add_lanes(s02), add_lanes(s03)
    scores[row + 1, column], scores[row + 1, column + 1] = add_lanes(s10), add_lanes(s11)
    scores[row + 1, column + 2], scores[row + 1, column + 3] = add_lanes(s12), add_lanes(s13)
    scores[row + 2, column], scores[row + 2, column + 1] = add_lanes(s20), add_lanes(s21)
    scores[row + 2, column + 2], scores[row + 2, column + 3] = add_lanes(s22), add_lanes(s23)
    scores[row + 3, column], scores[row + 3, column + 1] = add_lanes(s30), add_lanes(s31)
    scores[row + 3, column + 2], scores[row + 3, column + 3] = add_lanes(s32), add_lanes(s33)


@compiled
def add_products(W, rows, count, G, r_step, t_step, B, P, row, start, stop, more):
    """W[rows[row + r]] += Σ_t G_rt B[t] for r < 8, with t from start to stop and from `more` to the end of B.

    G_rt is ``G[(row + r) * r_step + t * t_step]``; rows from `count` on are none. The sums stay in registers; then each
    row is added to the matrix, one after the other: a word may come twice.
    """
    for d in range(0, P, LANES):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = splat(0)
        for turn in range(stop - start + B.shape[0] // P - more):
            t = start + turn if turn < stop - start else more + turn - (stop - start)
            y = load(B, t * P + d)
            g = row * r_step + t * t_step
            s0, s1 = fma(splat(G[g]), y, s0), fma(splat(G[g + r_step]), y, s1)
            s2, s3 = fma(splat(G[g + 2 * r_step]), y, s2), fma(splat(G[g + 3 * r_step]), y, s3)
            s4, s5 = fma(splat(G[g + 4 * r_step]), y, s4), fma(splat(G[g + 5 * r_step]), y, s5)
            s6, s7 = fma(splat(G[g + 6 * r_step]), y, s6), fma(splat(G[g + 7 * r_step]), y, s7)
        one = splat(1)
        if row < count:
            w = rows[row] * P + d
            store(W, w, fma(one, s0, load(W, w)))
        if row + 1 < count:
            w = rows[row + 1] * P + d
            store(W, w, fma(one, s1, load(W, w)))
        if row + 2 < count:
            w = rows[row + 2] * P + d
            store(W, w, fma(one, s2, load(W, w)))
        if row + 3 < count:
            w = rows[row + 3] * P + d
            store(W, w, fma(one, s3, load(W, w)))
        if row + 4 < count:
            w = rows[row + 4] * P + d
            store(W, w, fma(one, s4, load(W, w)))
        if row + 5 < count:
            w = rows[row + 5] * P + d
            store(W, w, fma(one, s5, load(W, w)))
        if row + 6 < count:
            w = rows[row + 6] * P + d
            store(W, w, fma(one, s6, load(W, w)))
        if row + 7 < count:
            w = rows[row + 7] * P + d
            store(W, w, fma(one, s7, load(W, w)))


@compiled
def gather(W, rows, count, P, block):
    """block[r] = W[rows[r]], and zeros in the rows from `count` on."""
    for r in range(block.shape[0] // P):
        if r < count:
            w = np.int64(rows[r]) * P
            for d in range(0, P, LANES):
                store(block, r * P + d, load(W, w + d))
        else:
            for d in range(0, P, LANES):
                store(block, r * P + d, splat(0))


@compiled
def gradient(scores, weight, sign, G, alpha):
    """G = α · weight · sign · (1 - σ(sign · score)), the step along each score. Returns the loss."""
    loss = np.float32(0)
    for t in range(scores.shape[0]):
        p, missed = sigmoid_softplus(sign[t] * scores[t])
        loss += weight[t] * missed
        G[t] = alpha * weight[t] * sign[t] * (np.float32(1) - p)
    return loss
