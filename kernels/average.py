"""Documents as weighted means of their words' vectors, or of their sentences' vectors.

    m_d = Σ a_t x_t / Σ b_t   over the known words t of d, one that comes twice counts twice;  0 where Σ b_t = 0

    plain mean          a_t = b_t = 1
    TF-IDF              a_t = b_t = idf(t)
    SIF                 a_t = a / (a + p(t)),  b_t = 1         (Arora, Liang & Ma 2017, algorithm 1)
    mean of sentences   x_s is a sentence's mean, a_s = b_s = 1, or 0 where no word of it is known

======= ============= ================ ==================================================
symbol  variable      shape            what it is
======= ============= ================ ==================================================
x       vectors       (V, d) float32   a vector for each word
a       weights       (V,) float32     what each word's vector is multiplied by
b       shares        (V,) float32     what each word adds to the divisor, 0 or more
t       tokens        (T,) int32       words, document after document; below 0: unknown, passed over
        offsets       (N + 1,) int64   where each document begins and ends in `tokens`
m       means         (N, d) float32   the result, written in place
======= ============= ================ ==================================================

Arora, Liang & Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", ICLR 2017.
"""

import functools

import numpy as np

from kernels.compile import compiled

THREADS = 128


def average_numpy(vectors, weights, shares, tokens, offsets, means):
    """Write each document's weighted mean to `means`.

    Examples
    --------
    >>> means = np.empty((2, 2), np.float32)
    >>> weights, tokens = np.array([3, 1]), np.array([0, 1, -1, -1])
    >>> average_numpy(np.eye(2), weights, weights, tokens, np.array([0, 3, 4]), means)
    >>> means.tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    for n, (start, end) in enumerate(zip(offsets[:-1], offsets[1:], strict=True)):
        known = tokens[start:end]
        known = known[known >= 0]
        divisor = shares[known].sum()
        means[n] = weights[known] @ vectors[known] / divisor if divisor > 0 else 0


@compiled
def average_cpu(vectors, weights, shares, tokens, offsets, means):
    """Compiled :func:`average_numpy`."""
    d = vectors.shape[1]
    for n in range(offsets.shape[0] - 1):
        mean = means[n]
        mean[:] = 0
        divisor = np.float32(0)
        for i in range(offsets[n], offsets[n + 1]):
            t = tokens[i]
            if t < 0:
                continue
            weight, vector = weights[t], vectors[t]
            divisor += shares[t]
            for k in range(d):
                mean[k] += weight * vector[k]
        if divisor > 0:
            for k in range(d):
                mean[k] /= divisor
        else:
            mean[:] = 0


@functools.cache
def _cuda_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def average(vectors, weights, shares, tokens, offsets, means):
        # Neighbouring threads read neighbouring numbers of the same vector.
        place = cuda.grid(1)
        n, k = place // means.shape[1], place % means.shape[1]
        if n >= means.shape[0]:
            return
        total, divisor = np.float32(0), np.float32(0)
        for i in range(offsets[n], offsets[n + 1]):
            t = tokens[i]
            if t >= 0:
                total += weights[t] * vectors[t, k]
                divisor += shares[t]
        means[n, k] = total / divisor if divisor > 0 else np.float32(0)

    return average


def average_cuda(vectors, weights, shares, tokens, offsets, means):
    """:func:`average_numpy` on a GPU, one thread for each number of the result."""
    places = means.shape[0] * means.shape[1]
    if places:
        _cuda_kernel()[-(-places // THREADS), THREADS](vectors, weights, shares, tokens, offsets, means)


IMPLEMENTATIONS = {"numpy": average_numpy, "cpu": average_cpu, "cuda": average_cuda}
