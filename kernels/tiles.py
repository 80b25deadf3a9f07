"""Products of small blocks of float32 rows, whose sums stay in registers; what training by chunks is made of.

Matrices have rows of P numbers, P a multiple of 16; those of W may lie `stride` numbers apart, those of blocks follow
each other. A block X of sixteen rows, the chunk's centres, stands beside a block Y of targets; what there is for each
centre and target stands in a strip: ``strip[16 * target + centre]``, so that sixteen lanes are all centres with one
target.
"""

import numpy as np

from kernels.compile import UNCOUNTED, compiled
from kernels.simd import LANES, add_lanes, fma, load, rows_of_zeros, sigmoid_softplus, splat, spread, store, transpose

# Centres of a chunk.
CHUNK = LANES


@compiled(**UNCOUNTED)
def turn(X, P, turned):
    """Columns of X in place of its rows."""
    for d in range(0, P, LANES):
        transpose(X, d, P, turned, LANES * d)


@compiled(**UNCOUNTED)
def multiply(turned, Y, P, b, strip):
    """Scores of all centres with the targets b to b + 7."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = splat(0)
    y = b * P
    for d in range(P):
        x = load(turned, LANES * d)
        s0, s1 = fma(spread(Y, y + d), x, s0), fma(spread(Y, y + P + d), x, s1)
        s2, s3 = fma(spread(Y, y + 2 * P + d), x, s2), fma(spread(Y, y + 3 * P + d), x, s3)
        s4, s5 = fma(spread(Y, y + 4 * P + d), x, s4), fma(spread(Y, y + 5 * P + d), x, s5)
        s6, s7 = fma(spread(Y, y + 6 * P + d), x, s6), fma(spread(Y, y + 7 * P + d), x, s7)
    at = LANES * b
    store(strip, at, s0), store(strip, at + LANES, s1)
    store(strip, at + 2 * LANES, s2), store(strip, at + 3 * LANES, s3)
    store(strip, at + 4 * LANES, s4), store(strip, at + 5 * LANES, s5)
    store(strip, at + 6 * LANES, s6), store(strip, at + 7 * LANES, s7)


@compiled(inline="always", **UNCOUNTED)
def add_products(W, stride, rows, count, G, g, row_step, step, B, P, start, stop, more, last, begin, end):
    """W[rows[r]] += Σ_t G_rt B[t] for r < min(8, count), with t from start to stop and from more to last.

    G_rt is ``G[g + r * row_step + t * step]``; only columns begin to end, two lots of lanes at a time. The sums stay in
    registers, then each row is added to, one after the other: a word may come twice.
    """
    for d in range(begin, end - LANES, 2 * LANES):
        D = d + LANES
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = splat(0)
        S0 = S1 = S2 = S3 = S4 = S5 = S6 = S7 = splat(0)
        for turn in range(stop - start + last - more):
            t = start + turn if turn < stop - start else more + turn - (stop - start)
            i = g + t * step
            y, Y = load(B, t * P + d), load(B, t * P + D)
            x = spread(G, i)
            s0, S0 = fma(x, y, s0), fma(x, Y, S0)
            x = spread(G, i + row_step)
            s1, S1 = fma(x, y, s1), fma(x, Y, S1)
            x = spread(G, i + 2 * row_step)
            s2, S2 = fma(x, y, s2), fma(x, Y, S2)
            x = spread(G, i + 3 * row_step)
            s3, S3 = fma(x, y, s3), fma(x, Y, S3)
            x = spread(G, i + 4 * row_step)
            s4, S4 = fma(x, y, s4), fma(x, Y, S4)
            x = spread(G, i + 5 * row_step)
            s5, S5 = fma(x, y, s5), fma(x, Y, S5)
            x = spread(G, i + 6 * row_step)
            s6, S6 = fma(x, y, s6), fma(x, Y, S6)
            x = spread(G, i + 7 * row_step)
            s7, S7 = fma(x, y, s7), fma(x, Y, S7)
        add_lanes_to(W, stride, rows, count, d, s0, s1, s2, s3, s4, s5, s6, s7)
        add_lanes_to(W, stride, rows, count, D, S0, S1, S2, S3, S4, S5, S6, S7)
    if (end - begin) % (2 * LANES):
        d = end - LANES
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = splat(0)
        for turn in range(stop - start + last - more):
            t = start + turn if turn < stop - start else more + turn - (stop - start)
            i = g + t * step
            y = load(B, t * P + d)
            s0, s1 = fma(spread(G, i), y, s0), fma(spread(G, i + row_step), y, s1)
            s2, s3 = fma(spread(G, i + 2 * row_step), y, s2), fma(spread(G, i + 3 * row_step), y, s3)
            s4, s5 = fma(spread(G, i + 4 * row_step), y, s4), fma(spread(G, i + 5 * row_step), y, s5)
            s6, s7 = fma(spread(G, i + 6 * row_step), y, s6), fma(spread(G, i + 7 * row_step), y, s7)
        add_lanes_to(W, stride, rows, count, d, s0, s1, s2, s3, s4, s5, s6, s7)


@compiled(**UNCOUNTED)
def add_lanes_to(W, stride, rows, count, d, s0, s1, s2, s3, s4, s5, s6, s7):
    """Add sums to the lanes at column d of the rows[0] to rows[min(8, count) - 1], one after the other."""
    if count > 0:
        w = np.int64(rows[0]) * stride + d
        store(W, w, s0 + load(W, w))
    if count > 1:
        w = np.int64(rows[1]) * stride + d
        store(W, w, s1 + load(W, w))
    if count > 2:
        w = np.int64(rows[2]) * stride + d
        store(W, w, s2 + load(W, w))
    if count > 3:
        w = np.int64(rows[3]) * stride + d
        store(W, w, s3 + load(W, w))
    if count > 4:
        w = np.int64(rows[4]) * stride + d
        store(W, w, s4 + load(W, w))
    if count > 5:
        w = np.int64(rows[5]) * stride + d
        store(W, w, s5 + load(W, w))
    if count > 6:
        w = np.int64(rows[6]) * stride + d
        store(W, w, s6 + load(W, w))
    if count > 7:
        w = np.int64(rows[7]) * stride + d
        store(W, w, s7 + load(W, w))


@compiled(**UNCOUNTED)
def add_row(W, w, block, b, begin, end):
    """Add to the row that begins at w what begins at b in the block, columns begin to end."""
    for d in range(begin, end, LANES):
        store(W, w + d, load(block, b + d) + load(W, w + d))


@compiled(**UNCOUNTED)
def gather(W, stride, rows, count, P, block):
    """block[r] = W[rows[r]], and zeros in the rows from `count` on."""
    for r in range(block.shape[0] // P):
        if r < count:
            w = np.int64(rows[r]) * stride
            for d in range(0, P, LANES):
                store(block, r * P + d, load(W, w + d))
        else:
            for d in range(0, P, LANES):
                store(block, r * P + d, splat(0))


@compiled(**UNCOUNTED)
def gradient(parts, weight, start, stop, sign, alpha, G):
    """G = α · weight · sign · (1 - σ(sign · score)), the step along each score, of the targets start to stop - 1.

    A score is the sum of its parts. The sign is 1 for words that were seen, and -1 for noise: σ(-x) = 1 - σ(x) lets one
    formula serve both. Returns the loss.
    """
    loss = splat(0)
    factor, signs = splat(sign * alpha), splat(sign)
    for t in range(LANES * start, LANES * stop, LANES):
        score = load(parts[0], t)
        for part in range(1, parts.shape[0]):
            score = score + load(parts[part], t)
        wrong, missed = sigmoid_softplus(signs * score)
        loss = fma(load(weight, t), missed, loss)
        store(G, t, factor * load(weight, t) * wrong)
    return add_lanes(loss)


@compiled(**UNCOUNTED)
def clear(block, size):
    """Zeros in the first numbers of a block."""
    for t in range(0, size, LANES):
        store(block, t, splat(0))


# Matrices are worked on in so many parts, each of some columns.
PARTS = 2


@compiled
def columns_of(part, parts, P):
    """Where the columns of one of several parts begin and end, in whole lanes."""
    n = P // LANES
    return part * n // parts * LANES, (part + 1) * n // parts * LANES


@compiled
def own_columns(worker, workers, part, W):
    """Where the columns begin and end that a worker alone adds to, of a part of the matrix."""
    P = W[0].shape[1] + W[1].shape[1]
    first, last = columns_of(part, PARTS, P)
    begin, end = columns_of(worker, workers, P)
    return max(begin, first) - first, min(end, last) - first


@compiled
def stride_of(W):
    """How many numbers one row lies behind the other."""
    return W.strides[0] // W.itemsize


def in_parts(W):
    """A matrix as a tuple of blocks of its columns, views."""
    return tuple(W[:, begin:end] for begin, end in _bounds(W.shape[1]))


def in_parts_apart(vectors):
    """A copy as a tuple of blocks of columns, each a matrix of its own, the last filled up to whole lanes with zeros.

    Threads that write to columns of their own still get in each other's way if the columns of one lie between those of
    another: processors fetch what stands beside what is read, unasked, and take it away from the one who writes to it.
    """
    V, d = vectors.shape
    parts = []
    for begin, end in _bounds(-(-d // LANES) * LANES):
        parts.append(rows_of_zeros(V, end - begin))
        parts[-1][:, : max(0, d - begin)] = vectors[:, begin:end]
    return tuple(parts)


def _bounds(width):
    return [columns_of(part, PARTS, width) for part in range(PARTS)]
