"""How alike vectors are: cosine, Euclidean distance, and the exact nearest neighbours."""

import concurrent.futures

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from embeddings.checks import check_choice, check_integer
from kernels import quantise as quantise_kernel
from kernels import similarity as similarity_kernel
from kernels.device import implementation

keep_best = implementation(similarity_kernel.IMPLEMENTATIONS)
quantise = implementation(quantise_kernel.QUANTISE_IMPLEMENTATIONS)
quantised_scores = implementation(quantise_kernel.SCORES_IMPLEMENTATIONS)

# Queries and items in a block: a block's scores stay in a core's cache between the product and the scan.
QUERIES, ITEMS = 256, 1024

# Candidates kept beyond k, among which exact arithmetic then decides.
SPARE = 8


def cosine_similarity(A, B=None):
    """The cosine of the angle between every row of `A` and every row of `B`.

    Parameters
    ----------
    A : array or sparse matrix, shape (n, d)
    B : array or sparse matrix, shape (m, d), optional
        `A` itself by default.

    Returns
    -------
    array, shape (n, m)
        float32 if both are, else float64. A vector of zeros has the cosine 0 with every vector, itself included.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the widths differ.

    Examples
    --------
    >>> cosine_similarity([[1, 0], [1, 1]], [[1, 0], [0, 2], [0, 0]]).round(3).tolist()
    [[1.0, 0.0, 0.0], [0.707, 0.707, 0.0]]
    """
    A, B = _check_pair("A", A, "B", A if B is None else B)
    product = _unit_rows(A) @ _unit_rows(B).T
    return product.toarray() if sparse.issparse(product) else product


def euclidean_distance(A, B=None):
    """The Euclidean distance between every row of `A` and every row of `B`.

    Distances that are small beside the vectors' lengths are computed from the differences, so that no digits cancel.

    Parameters
    ----------
    A : array or sparse matrix, shape (n, d)
    B : array or sparse matrix, shape (m, d), optional
        `A` itself by default.

    Returns
    -------
    array, shape (n, m)
        float32 if both are, else float64.

    Raises
    ------
    ValueError
        As :func:`cosine_similarity`.

    Examples
    --------
    >>> euclidean_distance([[0, 0], [3, 4]], [[0, 0]]).tolist()
    [[0.0], [5.0]]
    """
    A, B = _check_pair("A", A, "B", A if B is None else B)
    dtype = A.dtype
    A, B = A.astype(np.float64), B.astype(np.float64)
    product = A @ B.T
    product = product.toarray() if sparse.issparse(product) else product
    sizes = _squared_lengths(A)[:, None] + _squared_lengths(B)  # (n, m)
    squared = sizes - 2 * product  # (n, m)
    rows, columns = np.nonzero(squared <= 1e-7 * sizes)
    step = max(1, (1 << 20) // max(A.shape[1], 1))
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        squared[i, j] = _squared_lengths(A[i] - B[j])
    return np.sqrt(squared).astype(dtype, copy=False)


def nearest(queries, items, k=10, metric="cosine"):
    """The k nearest items of every query, exactly.

    Scores come from blocks of a matrix product, so memory does not grow with queries × items; the best ones are then
    computed anew in float64, and where rounding could have hidden a better item, that query is searched without it.

    Parameters
    ----------
    queries : array or sparse matrix, shape (n, d)
    items : array or sparse matrix, shape (m, d)
    k : int, default 10
    metric : {"cosine", "euclidean"}, default "cosine"

    Returns
    -------
    indices : array, shape (n, k), int64
        Rows of `items`, best first; of equals, the lower row first. Fewer than k columns if there are fewer items.
    scores : array, shape (n, k)
        Cosines, falling, or distances, rising.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, the widths differ, there is no item, or k is less than 1.

    Examples
    --------
    >>> indices, scores = nearest([[1.0, 0.1]], [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], k=2)
    >>> indices.tolist(), scores.round(3).tolist()
    ([[1, 2]], [[0.995, 0.774]])
    """
    check_choice("metric", metric, ("cosine", "euclidean"))
    k = check_integer("k", k, minimum=1)
    queries, items = _check_pair("queries", queries, "items", items)
    if items.shape[0] == 0:
        raise ValueError("items is empty: there is nothing to find")
    k = min(k, items.shape[0])
    query_sizes, item_sizes = _squared_lengths(queries), _squared_lengths(items)
    if metric == "cosine":
        # The nearest unit vector by angle is the nearest by distance.
        query_scales, item_scales = _inverse_roots(query_sizes), _inverse_roots(item_sizes)
        item_offsets = np.zeros(len(item_sizes))
    else:
        query_scales, item_scales = np.full(len(query_sizes), 2.0), np.ones(len(item_sizes))
        item_offsets = item_sizes

    def search(start):
        block = slice(start, start + QUERIES)
        return _search_block(
            queries[block], items, k, metric, query_scales[block], item_scales, item_offsets, query_sizes[block]
        )

    starts = range(0, queries.shape[0], QUERIES)
    workers = min(_blas_threads(), len(starts))
    if workers > 1:
        with threadpool_limits(1, "blas"), concurrent.futures.ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(search, starts))
    else:
        found = [search(start) for start in starts]
    indices = np.concatenate([np.empty((0, k), np.int64), *(i for i, _ in found)])
    scores = np.concatenate([np.empty((0, k)), *(s for _, s in found)]).astype(items.dtype, copy=False)
    return indices, scores


def _search_block(queries, items, k, metric, query_scales, item_scales, item_offsets, query_sizes):
    """Neighbours of a block of queries: a scan of all items for candidates, then exact arithmetic on those."""
    n, m = queries.shape[0], items.shape[0]
    kept = min(k + SPARE, m)
    dtype = items.dtype
    indices = np.full((n, kept), -1, dtype=np.int64)  # (n, kept)
    best = np.full((n, kept), -np.inf, dtype=dtype)  # (n, kept)
    scaled = _scale_rows(queries, query_scales)
    step = max(ITEMS, QUERIES * ITEMS // n)
    for start in range(0, m, step):
        block = slice(start, start + step)
        scores = scaled @ items[block].T  # (n, step)
        scores = scores.toarray() if sparse.issparse(scores) else scores
        scores *= item_scales[block].astype(dtype)
        scores -= item_offsets[block].astype(dtype)
        keep_best(scores, start, indices, best)
    exact = _exact_scores(queries, items, indices, metric)  # (n, kept)
    order = np.lexsort((indices, -exact if metric == "cosine" else exact))
    indices, exact = np.take_along_axis(indices, order, 1), np.take_along_axis(exact, order, 1)
    if kept < m:
        # An item that was not kept scored at most best[:, -1], give or take what rounding does to a sum of d products.
        rounding = (items.shape[1] + 8) * np.finfo(dtype).eps
        if metric == "cosine":
            doubtful = exact[:, k - 1] <= best[:, -1] + rounding
        else:
            size = query_sizes + item_offsets.max()
            doubtful = exact[:, k - 1] ** 2 >= query_sizes - best[:, -1] - 4 * rounding * size
        for q in np.flatnonzero(doubtful):
            every = np.arange(m)[None]
            scores = _exact_scores(queries[q : q + 1], items, every, metric)
            order = np.argsort(-scores[0] if metric == "cosine" else scores[0], kind="stable")[:k]
            indices[q, :k], exact[q, :k] = order, scores[0, order]
    return indices[:, :k], exact[:, :k]


def _exact_scores(queries, items, indices, metric):
    """Scores of the items `indices` (n, c) for each of the n queries, pair by pair in float64."""
    n, c = indices.shape
    rows = np.repeat(np.arange(n), c)
    scores = np.empty(n * c)
    # Equal vectors must get equal scores, so no matrix product, whose rounding depends on where a row stands.
    step = max(1, (1 << 19) // max(items.shape[1], 1))
    for start in range(0, n * c, step):
        part = slice(start, start + step)
        Q = queries[rows[part]].astype(np.float64)
        X = items[indices.ravel()[part]].astype(np.float64)
        if metric == "euclidean":
            scores[part] = np.sqrt(_squared_lengths(Q - X))
        else:
            if sparse.issparse(Q):
                products = np.asarray(Q.multiply(X).sum(axis=1)).ravel()
            else:
                products = np.einsum("nd,nd->n", Q, X)
            scores[part] = products * _inverse_roots(_squared_lengths(Q)) * _inverse_roots(_squared_lengths(X))
    return scores.reshape(n, c)


def _squared_lengths(X):
    """‖x‖² of every row, in float64."""
    if sparse.issparse(X):
        return np.asarray(X.astype(np.float64).multiply(X).sum(axis=1)).ravel()
    return np.einsum("nd,nd->n", X, X, dtype=np.float64)


def _inverse_roots(sizes):
    """1 / √size, and 0 for 0."""
    return np.divide(1.0, np.sqrt(sizes), out=np.zeros_like(sizes), where=sizes > 0)


def _unit_rows(X):
    return _scale_rows(X, _inverse_roots(_squared_lengths(X)))


def _scale_rows(X, scales):
    if sparse.issparse(X):
        return sparse.csr_matrix(sparse.diags(scales.astype(X.dtype)) @ X)
    return X * scales[:, None].astype(X.dtype)


def _blas_threads():
    return max((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=1)


def _check_pair(name_a, A, name_b, B):
    """Both as float matrices of one dtype, both dense unless both are sparse."""
    A, B = _check_matrix(name_a, A), (_check_matrix(name_b, B) if B is not A else None)
    B = A if B is None else B
    if A.shape[1] != B.shape[1]:
        raise ValueError(f"{name_a} has vectors of {A.shape[1]} numbers, {name_b} of {B.shape[1]}")
    if sparse.issparse(A) != sparse.issparse(B):
        A, B = (X.toarray() if sparse.issparse(X) else X for X in (A, B))
    dtype = np.result_type(A.dtype, B.dtype)
    return A.astype(dtype, copy=False), B.astype(dtype, copy=False)


def _check_matrix(name, X):
    X = sparse.csr_matrix(X) if sparse.issparse(X) else np.asarray(X)
    if X.ndim != 2:
        raise ValueError(
            f"{name} must be a matrix, one row per vector, got shape {X.shape}; a single vector is [vector]"
        )
    if X.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold numbers, got {X.dtype}")
    if X.dtype != np.float32:
        X = X.astype(np.float64)
    finite = np.isfinite(X.data if sparse.issparse(X) else X)
    if not finite.all():
        if sparse.issparse(X):
            row = np.searchsorted(X.indptr, np.flatnonzero(~finite)[0], side="right") - 1
        else:
            row = np.flatnonzero(~finite.all(axis=1))[0]
        raise ValueError(f"{name} holds NaN or infinity, first in row {row}")
    return X


class QuantisedRows:
    """Rows as bytes, which tell fast which of them can be nearest to a query at all (``kernels/quantise.py``).

    Parameters
    ----------
    rows : array, shape (n, d), float32

    Examples
    --------
    >>> quantised = QuantisedRows(np.array([[1, 0], [0, 1], [1, 0.001]], np.float32))
    >>> quantised.candidates(np.array([1, 0], np.float32), k=1).tolist()
    [0, 2]
    """

    # Beyond what rounding to bytes loses: rounding of sums in float32.
    SLACK = 1e-4

    def __init__(self, rows):
        self.codes, self.steps, self.errors = quantise(np.ascontiguousarray(rows))

    def candidates(self, query, k, stop=None):
        """All rows, up to `stop`, that can be among the k with the largest cosine.

        Parameters
        ----------
        query : array, shape (d,), float32
            Not all zeros.
        k : int
            At most the number of rows.
        stop : int, optional

        Returns
        -------
        array of int64
            In rising order.
        """
        padded = np.zeros(self.codes.shape[1], np.float32)
        padded[: len(query)] = query / np.linalg.norm(query)
        scores = quantised_scores(self.codes[:stop], self.steps[:stop], padded)
        errors = self.errors[:stop] + np.float32(self.SLACK)
        # k rows are at least as good as this; a better row can reach it.
        reached = np.partition(scores - errors, len(scores) - k)[len(scores) - k]
        return np.flatnonzero(scores + errors >= reached)
