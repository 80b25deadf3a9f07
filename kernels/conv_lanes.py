"""Convolution of few channels, forward and backward: sixteen neighbours of one channel at a time.

The same equations as in ``kernels/conv.py``. In memory the examples of the batch lie side by side (batch last). Where
the kernel moves on by one column, so do the columns: a whole row of results, W' B numbers, is a sum of rows of x that
begin at different places:

    y_o[t + n] = β_o + Σ_k w_o,k  x[s + offset_k + n]        n < L = W' B, k over all taps and channels

with a source s and a target t for each row. Elsewhere a "row" is one place, L = B. The gradient of the weights is a sum
of products of such rows, and the gradient of x is a convolution of the gradient of y with the kernel turned over,
between zeros where the stride left places out.

======= ========= =========================== =============================================================
symbol  variable  shape                       what it is
======= ========= =========================== =============================================================
x       x         flat (C, D, H, W, B)        float32, with its borders of zeros
        offsets   (K,) int64                  from a row's source to what each tap of each channel sees
s, t    sources,  (R,) int64                  where each row begins in x, and in a channel of y
        targets
w       w         flat (⌈O / 4⌉, K, 4)        weights of four results side by side; zeros fill the last four
y       y         flat (O, D', H', W', B)     the result; a channel has `channel` numbers
======= ========= =========================== =============================================================
"""

import functools

import numpy as np

from kernels.compile import compiled
from kernels.conv import conv_backward_numpy, conv_numpy, output_size
from kernels.simd import LANES, add_lanes, choose, fma, lanes_of_zeros, load, splat, spread, store

# Results that are made at once: four channels by four lanes, which is what the registers hold.
FOUR = 4
WIDE = FOUR * LANES

# Numbers of each row that the gradient of the weights looks at before it goes on to the next weights: they stay in the
# first cache.
STRETCH = 512


@compiled
def _finish(y, at, channel, o, O, relu, s0, s1, s2, s3):
    """Store lanes of up to four channels."""
    if relu:
        zero = splat(0)
        # Written so that NaN stays.
        s0, s1 = choose(zero - s0, zero, s0), choose(zero - s1, zero, s1)
        s2, s3 = choose(zero - s2, zero, s2), choose(zero - s3, zero, s3)
    store(y, at, s0)
    if o + 1 < O:
        store(y, at + channel, s1)
    if o + 2 < O:
        store(y, at + 2 * channel, s2)
    if o + 3 < O:
        store(y, at + 3 * channel, s3)


@compiled
def _four(x, source, offsets, w, W, bias, o, O, relu, y, at, channel):
    """Sixteen numbers of four channels."""
    s0, s1, s2, s3 = spread(bias, o), spread(bias, o + 1), spread(bias, o + 2), spread(bias, o + 3)
    for k in range(offsets.shape[0]):
        a = load(x, source + offsets[k])
        s0, s1 = fma(spread(w, W), a, s0), fma(spread(w, W + 1), a, s1)
        s2, s3 = fma(spread(w, W + 2), a, s2), fma(spread(w, W + 3), a, s3)
        W += FOUR
    _finish(y, at, channel, o, O, relu, s0, s1, s2, s3)


@compiled
def _sixteen(x, source, offsets, w, W, bias, o, O, relu, y, at, channel):
    """Sixty-four numbers of four channels."""
    a0 = a1 = a2 = a3 = spread(bias, o)
    b0 = b1 = b2 = b3 = spread(bias, o + 1)
    c0 = c1 = c2 = c3 = spread(bias, o + 2)
    d0 = d1 = d2 = d3 = spread(bias, o + 3)
    for k in range(offsets.shape[0]):
        i = source + offsets[k]
        x0, x1 = load(x, i), load(x, i + LANES)
        x2, x3 = load(x, i + 2 * LANES), load(x, i + 3 * LANES)
        v = spread(w, W)
        a0, a1, a2, a3 = fma(v, x0, a0), fma(v, x1, a1), fma(v, x2, a2), fma(v, x3, a3)
        v = spread(w, W + 1)
        b0, b1, b2, b3 = fma(v, x0, b0), fma(v, x1, b1), fma(v, x2, b2), fma(v, x3, b3)
        v = spread(w, W + 2)
        c0, c1, c2, c3 = fma(v, x0, c0), fma(v, x1, c1), fma(v, x2, c2), fma(v, x3, c3)
        v = spread(w, W + 3)
        d0, d1, d2, d3 = fma(v, x0, d0), fma(v, x1, d1), fma(v, x2, d2), fma(v, x3, d3)
        W += FOUR
    _finish(y, at, channel, o, O, relu, a0, b0, c0, d0)
    _finish(y, at + LANES, channel, o, O, relu, a1, b1, c1, d1)
    _finish(y, at + 2 * LANES, channel, o, O, relu, a2, b2, c2, d2)
    _finish(y, at + 3 * LANES, channel, o, O, relu, a3, b3, c3, d3)


@compiled
def _correlate(x, offsets, sources, targets, L, w, bias, O, relu, y, channel):
    K = offsets.shape[0]
    for r in range(sources.shape[0]):
        source, target = sources[r], targets[r]
        n = 0
        while n < L:
            wide = n + WIDE <= L
            # What is left of a row is computed with what stands before it, once more.
            n = n if wide else min(n, L - LANES)
            for o in range(0, O, FOUR):
                at = o * channel + target + n
                if wide:
                    _sixteen(x, source + n, offsets, w, o * K, bias, o, O, relu, y, at, channel)
                else:
                    _four(x, source + n, offsets, w, o * K, bias, o, O, relu, y, at, channel)
            n += WIDE if wide else LANES


@compiled
def _add_to(sums, at, a, b, c, d):
    store(sums, at, load(sums, at) + a)
    store(sums, at + LANES, load(sums, at + LANES) + b)
    store(sums, at + 2 * LANES, load(sums, at + 2 * LANES) + c)
    store(sums, at + 3 * LANES, load(sums, at + 3 * LANES) + d)


@compiled
def _add_products(x, offsets, sources, targets, begin, end, first, last, k, dy, o, O, channel, masks, sums, at):
    """Sums of products of four taps, from k on, with four channels, from o on, over some rows, some numbers of each.

    Where there are not four any more, the last one is taken again, and what comes of it left out later.
    """
    K = offsets.shape[0]
    k0, k1, k2, k3 = offsets[k], offsets[min(k + 1, K - 1)], offsets[min(k + 2, K - 1)], offsets[min(k + 3, K - 1)]
    o0, o1, o2, o3 = o, min(o + 1, O - 1), min(o + 2, O - 1), min(o + 3, O - 1)
    o0, o1, o2, o3 = o0 * channel, o1 * channel, o2 * channel, o3 * channel
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = splat(0)
    c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = splat(0)
    for r in range(begin, end):
        source, target = sources[r], targets[r]
        n = first
        while n < last:
            # What is left of a row: lanes that were counted before are counted as 0.
            counted = max(0, n + LANES - last)
            m = n - counted
            i, j = source + m, target + m
            x0, x1, x2, x3 = load(x, i + k0), load(x, i + k1), load(x, i + k2), load(x, i + k3)
            y0, y1, y2, y3 = load(dy, o0 + j), load(dy, o1 + j), load(dy, o2 + j), load(dy, o3 + j)
            if counted > 0:
                mask = load(masks, LANES - counted)
                y0, y1, y2, y3 = mask * y0, mask * y1, mask * y2, mask * y3
            a0, a1, a2, a3 = fma(y0, x0, a0), fma(y0, x1, a1), fma(y0, x2, a2), fma(y0, x3, a3)
            b0, b1, b2, b3 = fma(y1, x0, b0), fma(y1, x1, b1), fma(y1, x2, b2), fma(y1, x3, b3)
            c0, c1, c2, c3 = fma(y2, x0, c0), fma(y2, x1, c1), fma(y2, x2, c2), fma(y2, x3, c3)
            d0, d1, d2, d3 = fma(y3, x0, d0), fma(y3, x1, d1), fma(y3, x2, d2), fma(y3, x3, d3)
            n += LANES
    _add_to(sums, at, a0, a1, a2, a3)
    _add_to(sums, at + WIDE, b0, b1, b2, b3)
    _add_to(sums, at + 2 * WIDE, c0, c1, c2, c3)
    _add_to(sums, at + 3 * WIDE, d0, d1, d2, d3)


@compiled
def _weight_gradient(x, offsets, sources, targets, L, dy, O, channel, masks, sums, dw, db):
    K, R = offsets.shape[0], sources.shape[0]
    blocks = (K + FOUR - 1) // FOUR
    together = max(1, STRETCH // L)
    for begin in range(0, R, together):
        end = min(begin + together, R)
        for first in range(0, L, STRETCH):
            last = min(first + STRETCH, L)
            for o in range(0, O, FOUR):
                for k in range(0, K, FOUR):
                    at = (o // FOUR * blocks + k // FOUR) * FOUR * WIDE
                    _add_products(
                        x, offsets, sources, targets, begin, end, first, last, k, dy, o, O, channel, masks, sums, at
                    )
    for o in range(O):
        for k in range(K):
            at = (o // FOUR * blocks + k // FOUR) * FOUR * WIDE + (o % FOUR * FOUR + k % FOUR) * LANES
            dw[k, o] += add_lanes(load(sums, at))
        total = splat(0)
        rest = np.float32(0)
        whole = channel // LANES * LANES
        for n in range(0, whole, LANES):
            total = total + load(dy, o * channel + n)
        for n in range(whole, channel):
            rest += dy[o * channel + n]
        db[o] += add_lanes(total) + rest


@functools.lru_cache(maxsize=256)
def _rows(C, size, B, kernel, stride, dilation):
    """Offsets, sources, targets and length of the rows, for an x of `size` with its borders."""
    made = output_size(size, kernel, stride, (0, 0, 0), dilation)
    strides = np.array([size[1] * size[2], size[2], 1]) * B
    taps = np.indices(kernel).reshape(3, -1).T * dilation @ strides  # (taps,)
    offsets = (taps[:, None] + np.arange(C) * int(np.prod(size)) * B).ravel()  # (K,), as the weights lie
    # With stride 1 a whole row of places, else one place.
    columns = 1 if stride[2] == 1 else made[2]
    places = np.indices((*made[:2], columns)).reshape(3, -1).T
    L = int(np.prod(made)) // max(1, len(places)) * B
    return offsets, places * stride @ strides, np.arange(len(places)) * L, L


def suits(x, w, stride, padding, dilation):
    """Whether this is the file for volumes x and weights w: float32, few channels, rows that fill the lanes."""
    size = output_size(x.shape[2:], w.shape[:3], stride, padding, dilation)
    L = len(x) * (size[2] if stride[2] == 1 else 1)
    few = max(w.shape[3:]) <= FEW
    fits = all(p <= d * (k - 1) for p, d, k in zip(padding, dilation, w.shape[:3], strict=True))
    # The rows of x, whose gradient is such a convolution too, with stride 1, are longer than those of y.
    return few and fits and L >= LANES and x.dtype == np.float32


# With more channels than these, what a row of results is made of leaves the caches: products of matrices are faster.
FEW = 64


def _between_zeros(x, padding, after, stride):
    """Batch last, `stride` places apart, with zeros before and after: flat, and its size. A view where it can be."""
    moved = np.moveaxis(x, 0, -1)  # (C, D, H, W, B)
    size = tuple((n - 1) * s + 1 + p + q for n, s, p, q in zip(moved.shape[1:4], stride, padding, after, strict=True))
    if size == moved.shape[1:4]:
        return np.ascontiguousarray(moved).reshape(-1), size
    C, B = len(moved), moved.shape[4]
    flat = lanes_of_zeros(C * int(np.prod(size)) * B)
    inside = (slice(p, p + (n - 1) * s + 1, s) for n, s, p in zip(moved.shape[1:4], stride, padding, strict=True))
    flat.reshape(C, *size, B)[:, *inside] = moved
    return flat, size


def _by_fours(w):
    """Weights (K, O) with four channels side by side, flat."""
    K, O = w.shape
    fours = np.zeros((-(-O // FOUR), K, FOUR), np.float32)
    for o in range(0, O, FOUR):
        fours[o // FOUR, :, : min(FOUR, O - o)] = w[:, o : o + FOUR]
    return fours.reshape(-1)


def _convolve(flat, size, B, w, bias, stride, dilation, relu=False):
    C, O = w.shape[3:]
    offsets, sources, targets, L = _rows(C, size, B, w.shape[:3], stride, dilation)
    made = output_size(size, w.shape[:3], stride, (0, 0, 0), dilation)
    y = np.empty((O, *made, B), np.float32)
    biases = np.zeros(O + FOUR, np.float32)
    biases[:O] = bias
    channel = y.size // O
    flat_w = _by_fours(w.reshape(-1, O))
    _correlate(flat, offsets, sources, targets, L, flat_w, biases, O, relu, y.reshape(-1), channel)
    return np.moveaxis(y, -1, 0)


def conv_lanes(x, w, bias, stride, padding, dilation, relu=False):
    """:func:`conv_numpy` for what :func:`suits`, batch last in memory."""
    flat, size = _between_zeros(x, padding, padding, (1, 1, 1))
    return _convolve(flat, size, len(x), w, bias, stride, dilation, relu)


def conv_lanes_backward(x, w, dy, stride, padding, dilation, dw, db, input_gradient=True):
    """:func:`conv_backward_numpy` for what :func:`suits`; None where no `input_gradient` is asked for."""
    B, kernel, (C, O) = len(x), w.shape[:3], w.shape[3:]
    flat, size = _between_zeros(x, padding, padding, (1, 1, 1))
    offsets, sources, targets, L = _rows(C, size, B, kernel, stride, dilation)
    flat_dy, _ = _between_zeros(dy, (0, 0, 0), (0, 0, 0), (1, 1, 1))
    K = len(offsets)
    sums = lanes_of_zeros(-(-O // FOUR) * -(-K // FOUR) * FOUR * WIDE)
    channel = flat_dy.size // O
    _weight_gradient(flat, offsets, sources, targets, L, flat_dy, O, channel, _MASKS, sums, dw.reshape(K, O), db)
    if not input_gradient:
        return None
    # Places of y lie stride apart on the places of x; what each tap had seen now sees it.
    reach = tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    before = tuple(r - p for r, p in zip(reach, padding, strict=True))
    spans = zip(x.shape[2:], dy.shape[2:], stride, reach, before, strict=True)
    after = tuple(n + r - b - ((m - 1) * s + 1) for n, m, s, r, b in spans)
    flat_dy, size = _between_zeros(dy, before, after, stride)
    turned = w[::-1, ::-1, ::-1].swapaxes(3, 4)
    return _convolve(flat_dy, size, B, turned, np.float32(0), (1, 1, 1), dilation)


_MASKS = np.repeat(np.array([0, 1], np.float32), LANES)

IMPLEMENTATIONS = {"numpy": conv_numpy, "cpu": conv_lanes}
BACKWARD_IMPLEMENTATIONS = {"numpy": conv_backward_numpy, "cpu": conv_lanes_backward}
