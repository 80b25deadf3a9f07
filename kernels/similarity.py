"""Nearest neighbours: the k best scores of every query, kept while blocks of items pass by.

How alike two vectors are is the cosine of the angle between them; how far apart, the Euclidean distance:

    cos(q, x) = q · x / (‖q‖ ‖x‖)            d(q, x) = ‖q - x‖ = √(‖q‖² - 2 q · x + ‖x‖²)

For a given q, cosines rank items as the products with the unit vectors x / ‖x‖ do, and distances rank them as
-(2 q · x - ‖x‖²) does. So one matrix product scores a block of items for all queries at once, and what is left is to
keep the best (``IMPLEMENTATIONS``). A product in float32 can swap two items that are almost equally near: the few that
were kept are scored anew, pair by pair in float64 (``PAIR_IMPLEMENTATIONS``).

======= ============= ============= ==================================================
symbol  variable      shape         what it is
======= ============= ============= ==================================================
q       queries       (Q, d)        vectors whose neighbours are wanted
x       items         (M, d)        vectors among which they are
        scores        (Q, B)        scores of a block of B items for Q queries; more is better
        first         scalar        number of the block's first item
        indices       (Q, k) int64  the best items so far, best first; -1 where there is none
        best          (Q, k)        their scores; -inf where there is none
======= ============= ============= ==================================================

Blocked exact search: Johnson, Douze & Jégou, "Billion-scale similarity search with GPUs", 2017, section 2.
"""

import functools
import math

import numpy as np

from kernels.compile import compiled

CHUNK = 64  # scores that are passed over at once
THREADS = 64


def nearest_numpy(scores, first, indices, best):
    """Of a block of scores, keep the k best of every query, in place.

    The nearest neighbours of a query q are the k items x with the greatest cosine

        cos(q, x) = q · x / (‖q‖ ‖x‖)

    which is 1 where both point the same way, 0 at right angles, -1 where they point opposite ways. Between vectors of
    length 1 it is the plain product q · x, so a matrix product Q Xᵀ holds the cosines of all queries with all items.
    There is no need to hold all of it: a block of columns is let in after the other, and only the best are kept.

    Parameters
    ----------
    scores : array, shape (Q, B)
        Score of each of B items for each of Q queries, such as their cosine; more is better. Without NaN.
    first : int
        Number of the block's first item.
    indices : array, shape (Q, k), int64
        The best items so far, best first; -1 where there is none yet. Of equals, the lower item comes first.
    best : array, shape (Q, k)
        Their scores; -inf where there is none yet.

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
def _insert(score, item, indices, best):
    """Let an item into a query's (k,) best ones, which fall; the last one drops out."""
    place = best.shape[0] - 1
    while place > 0 and best[place - 1] < score:
        best[place] = best[place - 1]
        indices[place] = indices[place - 1]
        place -= 1
    best[place] = score
    indices[place] = item


@compiled(fastmath=False)
def nearest_cpu(scores, first, indices, best):
    """Compiled :func:`nearest_numpy`: most scores are passed over a chunk at a time."""
    k = best.shape[1]
    for q in range(scores.shape[0]):
        for start in range(0, scores.shape[1], CHUNK):
            chunk = scores[q, start : start + CHUNK]
            threshold = best[q, k - 1]
            hits = 0
            for j in range(chunk.shape[0]):  # no branch, so a vector unit compares many at once
                hits += chunk[j] > threshold
            if hits > 0:
                for j in range(chunk.shape[0]):
                    if chunk[j] > best[q, k - 1]:
                        _insert(chunk[j], first + start + j, indices[q], best[q])


def pair_numpy(queries, items, indices, euclidean, scores):
    """Cosine or distance of every query and some items, pair by pair in float64, in place.

    Equal vectors get equal scores, wherever they stand; in a matrix product they need not.

    Parameters
    ----------
    queries : array, shape (Q, d)
    items : array, shape (M, d)
    indices : array, shape (Q, c), int64
        The items that each query is paired with.
    euclidean : bool
        Euclidean distance, else cosine, which is 0 where a vector is.
    scores : array, shape (Q, c), float64
        Written.

    Examples
    --------
    >>> scores = np.empty((1, 2))
    >>> pair_numpy(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0], [6.0, 8.0]]), np.array([[1, 0]]), False, scores)
    >>> scores.tolist()
    [[1.0, 0.0]]
    """
    for i, q in enumerate(queries.astype(np.float64)):
        x = items[indices[i]].astype(np.float64)  # (c, d)
        if euclidean:
            scores[i] = np.sqrt(((q - x) ** 2).sum(axis=1))
        else:
            lengths = np.sqrt((q**2).sum() * (x**2).sum(axis=1))  # (c,)
            scores[i] = np.divide((q * x).sum(axis=1), lengths, out=np.zeros(len(x)), where=lengths > 0)


@compiled
def _distance(q, x):
    square = 0.0
    for j in range(q.shape[0]):
        difference = np.float64(q[j]) - np.float64(x[j])
        square += difference * difference
    return math.sqrt(square)


@compiled
def _cosine(q, x):
    product, q_square, x_square = 0.0, 0.0, 0.0
    for j in range(q.shape[0]):
        product += np.float64(q[j]) * np.float64(x[j])
        q_square += np.float64(q[j]) * np.float64(q[j])
        x_square += np.float64(x[j]) * np.float64(x[j])
    length = math.sqrt(q_square * x_square)
    return product / length if length > 0 else 0.0


@compiled
def pair_cpu(queries, items, indices, euclidean, scores):
    """Compiled :func:`pair_numpy`."""
    for i in range(indices.shape[0]):
        for c in range(indices.shape[1]):
            q, x = queries[i], items[indices[i, c]]
            scores[i, c] = _distance(q, x) if euclidean else _cosine(q, x)


@functools.cache
def _cuda_kernels():
    global cuda  # the simulator puts its own in this name's place, and could not in a closure's
    from numba import cuda

    insert, distance, cosine = (cuda.jit(f.py_func, device=True) for f in (_insert, _distance, _cosine))

    @cuda.jit
    def keep_best(scores, first, indices, best):
        q, t = cuda.blockIdx.x, cuda.threadIdx.x
        k = best.shape[1]
        for start in range(0, scores.shape[1], THREADS):
            j = start + t
            # Neighbouring threads look at neighbouring scores; one thread lets in what they found.
            if cuda.syncthreads_or(j < scores.shape[1] and scores[q, j] > best[q, k - 1]):
                if t == 0:
                    for hit in range(start, min(start + THREADS, scores.shape[1])):
                        if scores[q, hit] > best[q, k - 1]:
                            insert(scores[q, hit], first + hit, indices[q], best[q])
                cuda.syncthreads()

    @cuda.jit
    def score_pairs(queries, items, indices, euclidean, scores):
        i, c = cuda.grid(2)
        if i < indices.shape[0] and c < indices.shape[1]:
            q, x = queries[i], items[indices[i, c]]
            scores[i, c] = distance(q, x) if euclidean else cosine(q, x)

    return keep_best, score_pairs


def nearest_cuda(scores, first, indices, best):
    """:func:`nearest_numpy` on a GPU, one block of threads for each query."""
    if scores.size:
        keep_best, _ = _cuda_kernels()
        keep_best[scores.shape[0], THREADS](scores, first, indices, best)


def pair_cuda(queries, items, indices, euclidean, scores):
    """:func:`pair_numpy` on a GPU, one thread for each pair."""
    if indices.size:
        _, score_pairs = _cuda_kernels()
        blocks = tuple((n + 7) // 8 for n in indices.shape)
        score_pairs[blocks, (8, 8)](queries, items, indices, euclidean, scores)


IMPLEMENTATIONS = {"numpy": nearest_numpy, "cpu": nearest_cpu, "cuda": nearest_cuda}
PAIR_IMPLEMENTATIONS = {"numpy": pair_numpy, "cpu": pair_cpu, "cuda": pair_cuda}
