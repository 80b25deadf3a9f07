"""How alike vectors are: cosine, Euclidean distance, and the exact nearest neighbours."""

import concurrent.futures

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from embeddings.checks import check_choice, check_integer
from kernels import similarity as similarity_kernel
from kernels.device import implementation

keep_best = implementation(similarity_kernel.IMPLEMENTATIONS)
score_pairs = implementation(similarity_kernel.PAIR_IMPLEMENTATIONS)

# Queries and items in a block: a block's scores stay in a core's cache between the product and the scan.
QUERIES, ITEMS = 512, 512

# Queries that are worth a thread.
LEAST_SHARE = 64

# Candidates kept beyond k, among which exact arithmetic then decides.
SPARE = 8

# Squares of vectors shorter or longer than this, and sums and products of such squares, might underflow or overflow.
SHORTEST = {np.dtype(np.float32): 1e-15, np.dtype(np.float64): 1e-70}
LONGEST = {np.dtype(np.float32): 1e15, np.dtype(np.float64): 1e70}


def cosine_similarity(A, B=None):
    """The cosine of the angle between every row of `A` and every row of `B`.

    cos(a, b) = a · b / (‖a‖ ‖b‖). A vector of zeros has the cosine 0 with every vector, itself included.

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
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If it is not a matrix, a value is NaN or infinite, or the widths differ.

    Examples
    --------
    >>> cosine_similarity([[1, 0], [1, 1]], [[1, 0], [0, 2], [0, 0]]).round(3).tolist()
    [[1.0, 0.0, 0.0], [0.707, 0.707, 0.0]]
    """
    A, B = _check_pair("A", A, "B", A if B is None else B)
    dtype = A.dtype
    unit_A = _unit_rows(A)
    product = unit_A @ (unit_A if B is A else _unit_rows(B)).T
    return _dense(product).astype(dtype, copy=False)


def euclidean_distance(A, B=None):
    """The Euclidean distance ‖a - b‖ between every row a of `A` and every row b of `B`.

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
    TypeError, ValueError
        As :func:`cosine_similarity`.

    Examples
    --------
    >>> euclidean_distance([[0, 0], [3, 4]], [[0, 0]]).tolist()
    [[0.0], [5.0]]
    """
    A, B = _check_pair("A", A, "B", A if B is None else B)
    dtype = A.dtype
    A, B, unit = _in_range(A.astype(np.float64, copy=False), B.astype(np.float64, copy=False))
    sizes = _squared_lengths(A)[:, None] + _squared_lengths(B)  # (n, m)
    squared = sizes - 2 * _dense(A @ B.T)  # (n, m)
    rows, columns = np.nonzero(squared <= 1e-7 * sizes)
    step = _rows_at_once(A)
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        squared[i, j] = _squared_lengths(A[i] - B[j])
    return (np.sqrt(squared, out=squared) * unit).astype(dtype, copy=False)


def nearest(queries, items, k=10, metric="cosine"):
    """The k nearest items of every query, exactly.

    Scores come from blocks of a matrix product, so memory does not grow with queries × items. The best are then scored
    anew, pair by pair in float64; where rounding could still have hidden a better item, that query is compared with
    every item. The neighbours are the same whatever the number of threads (BLAS's, see threadpoolctl).

    Parameters
    ----------
    queries : array or sparse matrix, shape (n, d)
    items : array or sparse matrix, shape (m, d)
    k : int, default 10
        At most m.
    metric : {"cosine", "euclidean"}, default "cosine"
        A vector of zeros has the cosine 0 with every vector.

    Returns
    -------
    indices : array, shape (n, k), int64
        Rows of `items`, best first; of equals, the lower row first.
    scores : array, shape (n, k)
        Cosines, falling, or distances, rising. float32 if both matrices are, else float64.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, or `k` is not an integer.
    ValueError
        If an argument is not a matrix, a value is NaN or infinite, the widths differ, or `k` is less than 1 or more
        than there are items.

    References
    ----------
    Johnson, Douze & Jégou, "Billion-scale similarity search with GPUs", 2017, section 2.

    Examples
    --------
    >>> indices, scores = nearest([[1.0, 0.1]], [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], k=2)
    >>> indices.tolist(), scores.round(3).tolist()
    ([[1, 2]], [[0.995, 0.774]])
    """
    check_choice("metric", metric, ("cosine", "euclidean"))
    k = check_integer("k", k, minimum=1)
    queries, items = _check_pair("queries", queries, "items", items)
    n, m = queries.shape[0], items.shape[0]
    if k > m:
        raise ValueError(f"k must be at most the number of items, {m}, got {k}")
    dtype = items.dtype
    find = _nearest_by_cosine if metric == "cosine" else _nearest_by_distance
    # Every thread takes its share of the queries past all items, with one BLAS thread of its own.
    workers = min(_blas_threads(), max(1, n // LEAST_SHARE))
    bounds = [n * w // workers for w in range(workers + 1)]
    shares = [slice(start, end) for start, end in zip(bounds[:-1], bounds[1:], strict=True)]
    with threadpool_limits(1, "blas"), concurrent.futures.ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(find(queries, items, k), shares))
    indices, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return indices, scores.astype(dtype, copy=False)


def _nearest_by_cosine(queries, items, k):
    """A function from a slice of the queries to their neighbours."""
    queries, items = _rows_in_range(queries), _rows_in_range(items)
    item_scales = _inverse_roots(_squared_lengths(items))
    exact = sparse.issparse(items)
    if exact:
        # A sparse product adds up every pair's numbers in the query's order: equal items have equal cosines. In
        # float64, that is as exact as pair by pair.
        queries, items = queries.astype(np.float64), items.astype(np.float64)
    rounding = (items.shape[1] + 8) * np.finfo(items.dtype).eps

    def find(share):
        part = queries[share]
        unit_queries = _unit_rows(part)

        def block(span):
            return _scale_rows(items[span], item_scales[span])

        indices, best = _scan(unit_queries, block, items.shape[0], k if exact else k + SPARE)
        if exact:
            return indices, best
        # An item that was not kept has a cosine of at most this.
        bound = best[:, -1] + rounding * (_squared_lengths(part) > 0)
        return _decide(part, items, k, indices, False, bound)

    return find


def _nearest_by_distance(queries, items, k):
    """A function from a slice of the queries to their neighbours."""
    queries, items, unit = _in_range(queries, items)
    dtype = items.dtype
    # Seen from the middle of the items numbers are smaller, and so is what rounding does to them.
    centre = np.zeros(items.shape[1], dtype) if sparse.issparse(items) else items.mean(axis=0, dtype=dtype)

    def centred(X):
        return X if sparse.issparse(X) else X - centre

    def append(X, column):
        column = column[:, None].astype(dtype)
        return sparse.hstack([X, column], "csr") if sparse.issparse(X) else np.hstack([X, column])

    step = _rows_at_once(items)
    starts = range(0, items.shape[0], step)
    item_sizes = np.concatenate([_squared_lengths(centred(items[start : start + step])) for start in starts])
    # What rounding does to a sum of d products, or underflow to its terms.
    rounding = (items.shape[1] + 8) * np.finfo(dtype).eps
    underflow = (items.shape[1] + 8) * np.finfo(dtype).tiny

    def find(share):
        part = queries[share]
        from_centre = centred(part)
        sizes = _squared_lengths(from_centre)
        # (2 q, -1) · (x, ‖x‖²) = 2 q · x - ‖x‖² = ‖q‖² - ‖q - x‖²
        extended_queries = append(from_centre * dtype.type(2), np.full(part.shape[0], -1))

        def block(span):
            return append(centred(items[span]), item_sizes[span])

        indices, best = _scan(extended_queries, block, items.shape[0], k + SPARE)
        # An item that was not kept is at least this far away.
        error = 4 * rounding * (sizes + item_sizes.max()) + underflow
        bound = np.sqrt(np.maximum(sizes - best[:, -1] - error, 0))
        indices, distances = _decide(part, items, k, indices, True, bound)
        return indices, distances * unit

    return find


def _scan(queries, block, m, kept):
    """The (n, kept) best items by the products of `queries` (n, d) with each ``block(span)`` (B, d) of the m items."""
    n, kept = queries.shape[0], min(kept, m)
    indices = np.full((n, kept), -1, dtype=np.int64)
    best = np.full((n, kept), -np.inf, dtype=queries.dtype)
    room = np.empty(min(n, QUERIES) * ITEMS, dtype=queries.dtype)
    for first in range(0, m, ITEMS):
        items = block(slice(first, min(first + ITEMS, m))).T  # (d, B)
        if sparse.issparse(items):
            items = items.tocsr()
        for start in range(0, n, QUERIES):
            span = slice(start, min(start + QUERIES, n))
            if sparse.issparse(items):
                scores = (queries[span] @ items).toarray()  # (Q, B)
            else:
                scores = room[: (span.stop - start) * items.shape[1]].reshape(-1, items.shape[1])  # (Q, B)
                np.matmul(queries[span], items, out=scores)
            keep_best(scores, first, indices[span], best[span])
    return indices, best


def _decide(queries, items, k, candidates, euclidean, bound):
    """The k best of the (n, c) candidates, or of all items where one that is no candidate might be among them.

    `bound` (n,) is the best score that an item which is no candidate may have.
    """
    indices, scores = _best_pairs(queries, items, k, candidates, euclidean)
    if candidates.shape[1] < items.shape[0]:
        worst = scores[:, -1]
        for q in np.flatnonzero(worst >= bound if euclidean else worst < bound):
            every = np.arange(items.shape[0])[None]
            indices[q], scores[q] = _best_pairs(queries[q : q + 1], items, k, every, euclidean)
    return indices, scores


def _best_pairs(queries, items, k, candidates, euclidean):
    """The k best of the (n, c) candidates, scored pair by pair in float64."""
    scores = np.empty(candidates.shape)
    if sparse.issparse(items):
        rows, columns = np.repeat(np.arange(len(candidates)), candidates.shape[1]), candidates.ravel()
        step = _rows_at_once(items)
        for start in range(0, len(rows), step):
            span = slice(start, start + step)
            differences = queries[rows[span]].astype(np.float64) - items[columns[span]].astype(np.float64)
            scores.ravel()[span] = np.sqrt(_squared_lengths(differences))
    else:
        score_pairs(queries, items, candidates, euclidean, scores)
    order = np.lexsort((candidates, scores if euclidean else -scores))[:, :k]
    return np.take_along_axis(candidates, order, 1), np.take_along_axis(scores, order, 1)


def _squared_lengths(X):
    """‖x‖² of every row, in float64."""
    if sparse.issparse(X):
        return np.asarray(X.astype(np.float64).power(2).sum(axis=1)).ravel()
    return np.einsum("nd,nd->n", X, X, dtype=np.float64)


def _inverse_roots(sizes):
    """1 / √size, and 0 for 0."""
    return np.divide(1.0, np.sqrt(sizes), out=np.zeros_like(sizes), where=sizes > 0)


def _unit_rows(X):
    """Every row divided by its length; zeros stay zeros."""
    X = _rows_in_range(X)
    return _scale_rows(X, _inverse_roots(_squared_lengths(X)))


def _scale_rows(X, scales):
    if sparse.issparse(X):
        return sparse.csr_matrix(sparse.diags(scales.astype(X.dtype)) @ X)
    return X * scales[:, None].astype(X.dtype)


def _rows_in_range(X):
    """`X`, or in float64 with rows scaled by powers of two where squares would overflow or underflow."""
    sizes = _squared_lengths(X)
    odd = np.flatnonzero((sizes > LONGEST[X.dtype] ** 2) | (sizes < SHORTEST[X.dtype] ** 2))
    largest = np.zeros(X.shape[0])
    largest[odd] = _largest(X[odd])
    if not largest.any():  # vectors of zeros alone
        return X
    return _scale_rows(X.astype(np.float64), np.ldexp(1.0, np.clip(-np.frexp(largest)[1], -1000, 1000)))


def _in_range(A, B):
    """Both, or both in float64 scaled by a power of two where squares would overflow; and the unit they are in."""
    largest = max(_largest(A).max(initial=0), _largest(B).max(initial=0))
    if largest == 0 or SHORTEST[A.dtype] <= largest <= LONGEST[A.dtype]:
        return A, B, 1.0
    exponent = int(np.clip(np.frexp(np.float64(largest))[1], -1000, 1000))
    return *(X.astype(np.float64) * 2.0**-exponent for X in (A, B)), 2.0**exponent


def _largest(X):
    """The largest magnitude in every row."""
    if sparse.issparse(X):
        return abs(X).max(axis=1).toarray().ravel() if X.shape[1] else np.zeros(X.shape[0])
    return np.maximum(X.max(axis=1, initial=0), -X.min(axis=1, initial=0))


def _rows_at_once(X):
    """How many rows to work on where they are all written out: a few megabytes."""
    return max(1, (1 << 19) // max(X.shape[1], 1))


def _dense(X):
    return X.toarray() if sparse.issparse(X) else X


def _blas_threads():
    # The least of the libraries: NumPy's may be limited, and SciPy's be loaded after that.
    return min((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=1)


def _check_pair(name_a, A, name_b, B):
    """Both as float matrices of one dtype; both sparse if one is."""
    is_one = B is A
    A = _check_matrix(name_a, A)
    B = A if is_one else _check_matrix(name_b, B)
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"{name_a} and {name_b} must have vectors of one width, got {A.shape[1]} numbers in {name_a}, "
            f"{B.shape[1]} in {name_b}"
        )
    if sparse.issparse(A) != sparse.issparse(B):
        A, B = sparse.csr_matrix(A), sparse.csr_matrix(B)
    dtype = np.result_type(A.dtype, B.dtype)
    return (A, A) if is_one else (A.astype(dtype, copy=False), B.astype(dtype, copy=False))


def _check_matrix(name, X):
    X = sparse.csr_matrix(X) if sparse.issparse(X) else np.asarray(X)
    if X.ndim != 2:
        raise ValueError(f"{name} must be a matrix, a row for each vector, got shape {X.shape}; one vector is [vector]")
    if X.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got {X.dtype}")
    if X.dtype != np.float32:
        X = X.astype(np.float64, copy=False)
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()  # what came is not ours to change
        X.sum_duplicates()
    finite = np.isfinite(X.data if sparse.issparse(X) else X)
    if not finite.all():
        if sparse.issparse(X):
            row = np.searchsorted(X.indptr, np.flatnonzero(~finite)[0], side="right") - 1
        else:
            row = np.flatnonzero(~finite.all(axis=1))[0]
        raise ValueError(f"{name} must be finite, got NaN or infinity, first in row {row}")
    return X
