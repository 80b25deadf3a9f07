"""Nearest neighbours: the k best scores of every query, kept while blocks of items pass by.

How alike two vectors are is the cosine of the angle between them; of two unit vectors, it is their product:

    cos(q, x) = q · x / (‖q‖ ‖x‖)            scores = Q X'   (rows of Q and X divided by their lengths)

Euclidean distance ranks items alike, by the negative of its square: -‖q - x‖² = 2 q · x - ‖q‖² - ‖x‖².
So one matrix product gives the scores of a block of items for all queries at once; what is left is to keep the best.

======= ============= ============ ==================================================
symbol  variable      shape        what it is
======= ============= ============ ==================================================
Q X'    scores        (Q, B)       scores of a block of B items for Q queries; more is better
        first         scalar       number of the block's first item
        indices       (Q, k) int64 the best items so far, best first; -1 where there is none
        best          (Q, k)       their scores; -inf where there is none
======= ============= ============ ==================================================

Blocked exact search: Johnson, Douze & Jégou, "Billion-scale similarity search with GPUs", 2017, section 2.
"""

import functools

import numpy as np

from kernels.compile import compiled

THREADS = 128


def nearest_numpy(scores, first, indices, best):
    """Let a block of scores into the best ones, in place. Of equal scores the lower item comes first.

    Parameters
    ----------
    scores : array, shape (Q, B)
        Without NaN.
    first : int
    indices : array, shape (Q, k), int64
    best : array, shape (Q, k)

    Examples
    --------
    >>> indices, best = np.full((1, 2), -1), np.full((1, 2), -np.inf)
    >>> nearest_numpy(np.array([[0.3, 0.9, 0.5]]), 0, indices, best)
    >>> nearest_numpy(np.array([[0.7, 0.1]]), 3, indices, best)
    >>> indices.tolist(), best.tolist()
    ([[1, 3]], [[0.9, 0.7]])
    """
    k = best.shape[1]
    block = np.arange(first, first + scores.shape[1])  # (B,)
    for q in range(len(scores)):
        candidates = np.concatenate([best[q], scores[q]])  # (k + B,)
        numbers = np.concatenate([indices[q], block])  # (k + B,)
        order = np.argsort(-candidates, kind="stable")[:k]  # stable: of equals, the earlier stays in front
        best[q], indices[q] = candidates[order], numbers[order]


@compiled(fastmath=False)
def nearest_cpu(scores, first, indices, best):
    """Compiled :func:`nearest_numpy`: most scores are passed over sixty-four at a time."""
    B = scores.shape[1]
    k = best.shape[1]
    for q in range(scores.shape[0]):
        row = scores[q]
        for start in range(0, B, 64):
            part = row[start : min(start + 64, B)]
            threshold = best[q, k - 1]
            hits = 0
            for j in range(part.shape[0]):
                hits += part[j] > threshold
            if hits == 0:
                continue
            for j in range(part.shape[0]):
                score = part[j]
                if score > best[q, k - 1]:
                    place = k - 1
                    while place > 0 and best[q, place - 1] < score:
                        best[q, place] = best[q, place - 1]
                        indices[q, place] = indices[q, place - 1]
                        place -= 1
                    best[q, place] = score
                    indices[q, place] = first + start + j


@functools.cache
def _cuda_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def keep_best(scores, first, indices, best):
        q = cuda.grid(1)
        if q >= scores.shape[0]:
            return
        k = best.shape[1]
        for j in range(scores.shape[1]):
            score = scores[q, j]
            if score > best[q, k - 1]:
                place = k - 1
                while place > 0 and best[q, place - 1] < score:
                    best[q, place] = best[q, place - 1]
                    indices[q, place] = indices[q, place - 1]
                    place -= 1
                best[q, place] = score
                indices[q, place] = first + j

    return keep_best


def nearest_cuda(scores, first, indices, best):
    """:func:`nearest_numpy` on a GPU, one thread for each query."""
    if scores.shape[0]:
        blocks = (scores.shape[0] + THREADS - 1) // THREADS
        _cuda_kernel()[blocks, THREADS](scores, first, indices, best)


IMPLEMENTATIONS = {"numpy": nearest_numpy, "cpu": nearest_cpu, "cuda": nearest_cuda}
