"""Convolutions of several widths over sentences, and the largest answer of each over time, in one pass.

    s_b,p,g = Σ_v  w_g,v · x_b,(p + v)          v < width of g;  x is 0 behind the end of the sentence
    y_b,g   = max(0, β_g + max_p s_b,p,g)       p from 0 to max(0, length - width)

All products of a sentence's words with all taps are one product of matrices, (words, d) by (d, taps); a filter's answer
is a sum along its diagonal. Only the place of the largest answer has a gradient, so that ``backward`` looks at one
place of each filter and not at all of them.

======= ========== ============= ==========================================================================
symbol  variable   shape         what it is
======= ========== ============= ==========================================================================
x       x          (B, T, d)     word vectors of a batch of sentences
        lengths    (B,) int64    how many words of each are real
w       w          (S, d)        taps: for each width, for each of its taps, F filters; S = F Σ widths
β       bias       (n F,)
        widths     (n,) int64
y       y          (B, n F)      the result, written in place
p       places     (B, n F)      where the largest answer stood, int32; -1 where y is 0. Written in place
======= ========== ============= ==========================================================================

Kim, "Convolutional Neural Networks for Sentence Classification", 2014.
"""

import functools

import numpy as np

from kernels.compile import compiled

THREADS = 128


def conv_max_numpy(x, lengths, w, bias, widths, y, places):
    """Write the largest answers and their places.

    Examples
    --------
    A filter of width 2 that looks for a 1 and a 2 behind it:

    >>> x = np.array([[[1.0], [2.0], [1.0], [5.0]]])
    >>> y, places = np.empty((1, 1)), np.empty((1, 1), np.int32)
    >>> conv_max_numpy(x, np.array([3]), np.array([[1.0], [2.0]]), np.zeros(1), np.array([2]), y, places)
    >>> y.tolist(), places.tolist()
    ([[5.0]], [[0]])
    """
    F = len(bias) // len(widths)
    for b, length in enumerate(lengths):
        first = 0
        for i, width in enumerate(widths):
            taps = w[first : first + width * F].reshape(width, F, -1)
            real = np.zeros((max(length, width), x.shape[2]), x.dtype)
            real[:length] = x[b, :length]
            windows = np.stack([real[p : p + width] for p in range(len(real) - width + 1)])  # (places, width, d)
            answers = np.einsum("pvd,vfd->pf", windows, taps)
            best = answers.argmax(axis=0)
            made = answers.max(axis=0) + bias[i * F : (i + 1) * F]
            y[b, i * F : (i + 1) * F] = np.maximum(made, 0)
            places[b, i * F : (i + 1) * F] = np.where(made > 0, best, -1)
            first += width * F


def conv_max_backward_numpy(x, lengths, w, widths, places, dy, dw, db, dx):
    """Add to the gradients dw, db and dx: each filter's goes to the place of its largest answer.

    Examples
    --------
    >>> x, dw, db, dx = np.array([[[1.0], [2.0], [1.0]]]), np.zeros((2, 1)), np.zeros(1), np.zeros((1, 3, 1))
    >>> places, dy = np.array([[0]], np.int32), np.array([[10.0]])
    >>> conv_max_backward_numpy(x, np.array([3]), np.array([[1.0], [2.0]]), np.array([2]), places, dy, dw, db, dx)
    >>> dw.ravel().tolist(), db.tolist(), dx.ravel().tolist()
    ([10.0, 20.0], [10.0], [10.0, 20.0, 0.0])
    """
    F = len(db) // len(widths)
    firsts = np.concatenate([[0], np.cumsum(widths)]) * F
    for b, g in np.argwhere(places >= 0):
        i, f = divmod(g, F)
        p, grad = places[b, g], dy[b, g]
        db[g] += grad
        for v in range(min(widths[i], lengths[b] - p)):
            dw[firsts[i] + v * F + f] += grad * x[b, p + v]
            dx[b, p + v] += grad * w[firsts[i] + v * F + f]


@compiled
def conv_max_cpu(x, lengths, w, bias, widths, y, places):
    """Compiled :func:`conv_max_numpy`."""
    F = bias.shape[0] // widths.shape[0]
    products = np.empty((x.shape[1], w.shape[0]), x.dtype)
    answers = np.empty(F, x.dtype)
    zero = x.dtype.type(0)
    for b in range(x.shape[0]):
        length = lengths[b]
        if length > 0:
            np.dot(x[b, :length], w.T, products[:length])
        first = 0
        for i in range(widths.shape[0]):
            width = widths[i]
            best, where = y[b, i * F : (i + 1) * F], places[b, i * F : (i + 1) * F]
            for p in range(max(1, length - width + 1)):
                if p == 0 and length < width:
                    answers[:] = zero
                for v in range(min(width, length - p)):
                    row = products[p + v, first + v * F : first + (v + 1) * F]
                    if v == 0:
                        for f in range(F):
                            answers[f] = row[f]
                    else:
                        for f in range(F):
                            answers[f] += row[f]
                if p == 0:
                    for f in range(F):
                        best[f], where[f] = answers[f], 0
                else:
                    for f in range(F):
                        larger = answers[f] > best[f]
                        best[f] = answers[f] if larger else best[f]
                        where[f] = p if larger else where[f]
            for f in range(F):
                made = best[f] + bias[i * F + f]
                best[f] = made if made > zero else zero
                where[f] = where[f] if made > zero else -1
            first += width * F


@compiled
def conv_max_backward_cpu(x, lengths, w, widths, places, dy, dw, db, dx):
    """Compiled :func:`conv_max_backward_numpy`."""
    F, d = db.shape[0] // widths.shape[0], x.shape[2]
    for b in range(x.shape[0]):
        first = 0
        for i in range(widths.shape[0]):
            for f in range(F):
                g = i * F + f
                p = places[b, g]
                if p < 0:
                    continue
                grad = dy[b, g]
                db[g] += grad
                for v in range(min(widths[i], lengths[b] - p)):
                    tap, dtap = w[first + v * F + f], dw[first + v * F + f]
                    word, dword = x[b, p + v], dx[b, p + v]
                    for k in range(d):
                        dtap[k] += grad * word[k]
                    for k in range(d):
                        dword[k] += grad * tap[k]
            first += widths[i] * F


@functools.cache
def _cuda_kernels():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit(device=True)
    def taps_of(g, F, widths):
        """A filter's width, and the row of its first tap."""
        i, f = divmod(g, F)
        first = 0
        for j in range(i):
            first += widths[j] * F
        return widths[i], first + f

    @cuda.jit
    def forward(x, lengths, w, bias, widths, y, places):
        place = cuda.grid(1)
        if place >= y.size:
            return
        b, g = divmod(place, y.shape[1])
        F = bias.shape[0] // widths.shape[0]
        width, first = taps_of(g, F, widths)
        best, where = x.dtype.type(0), 0
        for p in range(max(1, lengths[b] - width + 1)):
            answer = x.dtype.type(0)
            for v in range(min(width, lengths[b] - p)):
                for k in range(x.shape[2]):
                    answer += x[b, p + v, k] * w[first + v * F, k]
            if p == 0 or answer > best:
                best, where = answer, p
        made = best + bias[g]
        y[b, g] = made if made > 0 else x.dtype.type(0)
        places[b, g] = where if made > 0 else -1

    @cuda.jit
    def backward(x, lengths, w, widths, places, dy, dw, db, dx):
        # One thread for each filter of each sentence; several of them may meet at a word.
        place = cuda.grid(1)
        if place >= places.size:
            return
        b, g = divmod(place, places.shape[1])
        p = places[b, g]
        if p < 0:
            return
        F = db.shape[0] // widths.shape[0]
        width, first = taps_of(g, F, widths)
        cuda.atomic.add(db, g, dy[b, g])
        for v in range(min(width, lengths[b] - p)):
            for k in range(x.shape[2]):
                cuda.atomic.add(dw, (first + v * F, k), dy[b, g] * x[b, p + v, k])
                cuda.atomic.add(dx, (b, p + v, k), dy[b, g] * w[first + v * F, k])

    return forward, backward


def conv_max_cuda(x, lengths, w, bias, widths, y, places):
    """:func:`conv_max_numpy` on a GPU, one thread for each filter of each sentence."""
    if y.size:
        _cuda_kernels()[0][-(-y.size // THREADS), THREADS](x, lengths, w, bias, widths, y, places)


def conv_max_backward_cuda(x, lengths, w, widths, places, dy, dw, db, dx):
    """:func:`conv_max_backward_numpy` on a GPU, one thread for each filter of each sentence."""
    if places.size:
        grid = -(-places.size // THREADS), THREADS
        _cuda_kernels()[1][grid](x, lengths, w, widths, places, dy, dw, db, dx)


IMPLEMENTATIONS = {"numpy": conv_max_numpy, "cpu": conv_max_cpu, "cuda": conv_max_cuda}
BACKWARD_IMPLEMENTATIONS = {
    "numpy": conv_max_backward_numpy,
    "cpu": conv_max_backward_cpu,
    "cuda": conv_max_backward_cuda,
}
