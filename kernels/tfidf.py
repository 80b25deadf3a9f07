"""TF-IDF: a count weighs more the fewer documents hold the term.

    tf(d, j)  = X[d, j],   or 1 + ln X[d, j] where `sublinear`
    idf(j)    = ln((1 + N) / (1 + df[j])) + 1,   or ln(N / df[j]) + 1 where not smooth
    w(d, j)   = tf(d, j) * idf(j),   then each row divided by its norm:  l1: Σ|w|,   l2: √Σw²

======= ============= ================ ==================================================
symbol  variable      shape            what it is
======= ============= ================ ==================================================
X       indptr        (N + 1,) int     where each row of the sparse matrix begins and ends
        indices       (Z,) int32       term of each entry
        counts        (Z,) int32       how often it occurs in the document
idf     idf           (V,) float64     weight of each term; ones for none
w       weights       (Z,) float64     the result, in the places of `counts`
======= ============= ================ ==================================================

Spärck Jones, "A statistical interpretation of term specificity and its application in retrieval", 1972. Salton &
Buckley, "Term-weighting approaches in automatic text retrieval", 1988, compare the variants.
"""

import numpy as np

from kernels.compile import compiled

NORMS = {None: 0, "l1": 1, "l2": 2}


def tfidf_numpy(indptr, indices, counts, idf, sublinear, norm):
    """TF-IDF weights of a sparse matrix of counts.

    Parameters
    ----------
    indptr : array, shape (N + 1,), int
    indices, counts : arrays, shape (Z,), int32
    idf : array, shape (V,), float64
    sublinear : bool
        Take 1 + ln(count) for a count.
    norm : {0, 1, 2}
        None, l1 or l2. A row of zeros stays as it is.

    Returns
    -------
    weights : array, shape (Z,), float64

    Examples
    --------
    >>> tfidf_numpy(np.array([0, 2]), np.array([0, 1]), np.array([3, 2]), np.array([1.0, 2.0]), False, 2).tolist()
    [0.6, 0.8]
    """
    tf = 1 + np.log(counts) if sublinear else counts.astype(np.float64)  # (Z,)
    weights = tf * idf[indices]  # (Z,)
    for start, end in zip(indptr[:-1], indptr[1:], strict=True):
        row = weights[start:end]
        length = [1.0, np.abs(row).sum(), np.sqrt((row**2).sum())][norm]
        if length > 0:
            row /= length
    return weights


@compiled
def _weigh(indptr, indices, counts, idf, sublinear, norm, weights):
    # Most counts are small: their logarithms are in a table.
    small = np.zeros(64)
    for c in range(1, 64):
        small[c] = 1 + np.log(c)
    for d in range(indptr.shape[0] - 1):
        length = 0.0
        for z in range(indptr[d], indptr[d + 1]):
            tf = np.float64(counts[z])
            if sublinear:
                tf = small[counts[z]] if counts[z] < 64 else 1 + np.log(tf)
            w = tf * idf[indices[z]]
            weights[z] = w
            length += abs(w) if norm == 1 else w * w
        if norm > 0 and length > 0:
            length = length if norm == 1 else np.sqrt(length)
            for z in range(indptr[d], indptr[d + 1]):
                weights[z] /= length


def tfidf_cpu(indptr, indices, counts, idf, sublinear, norm):
    """Compiled :func:`tfidf_numpy`."""
    weights = np.empty(len(indices), dtype=np.float64)
    _weigh(indptr, indices, counts, idf, sublinear, norm, weights)
    return weights


# No CUDA twin: one pass over memory, done by the time the counts had travelled to a GPU.
IMPLEMENTATIONS = {"numpy": tfidf_numpy, "cpu": tfidf_cpu}
