"""The Dirichlet distribution that fits best: how LDA learns the prior of its documents."""

import numpy as np
from scipy.special import digamma, polygamma

# A parameter that nothing was seen of falls no lower.
LEAST = 1e-5

ITERATIONS = 20


def fit_to_counts(alpha, columns, counts, totals):
    """Move α towards the Dirichlet distribution that makes rows of counts most likely; the fixed point of Minka 2000,
    equation 55:

        α_k ← α_k Σ_d (ψ(n_dk + α_k) - ψ(α_k)) / Σ_d (ψ(n_d + Σα) - ψ(Σα))

    Parameters
    ----------
    alpha : array, shape (K,)
    columns, counts : arrays, shape (n,)
        k and n_dk of every entry that is not 0, in any order.
    totals : array, shape (D,)
        n_d.

    Returns
    -------
    array, shape (K,), float64

    Examples
    --------
    All rows are evenly mixed, so α grows, and stays even:

    >>> fit_to_counts(np.array([0.1, 0.1]), [0, 1, 0, 1], [5, 5, 3, 3], [10, 6]).round(1).tolist()
    [2.8, 2.8]

    References
    ----------
    Minka, "Estimating a Dirichlet distribution", 2000.
    """
    alpha = np.array(alpha, np.float64)
    columns, counts, totals = (np.asarray(array, np.int64) for array in (columns, counts, totals))
    # Equal terms are taken once; there are far fewer different ones.
    width = counts.max(initial=0) + 1
    codes, times = np.unique(columns * width + counts, return_counts=True)
    columns, counts = codes // width, codes % width
    totals, total_times = np.unique(totals, return_counts=True)
    for _ in range(ITERATIONS):
        terms = times * (digamma(counts + alpha[columns]) - digamma(alpha[columns]))
        above = np.bincount(columns, terms, minlength=len(alpha))
        below = (total_times * (digamma(totals + alpha.sum()) - digamma(alpha.sum()))).sum()
        if below <= 0:
            break
        alpha = np.maximum(alpha * above / below, LEAST)
    return alpha


def fit_to_logarithms(alpha, mean_logarithms):
    """Move α towards the Dirichlet distribution whose E[log θ] are given, by Newton's method in linear time (Blei, Ng &
    Jordan 2003, appendix A.4.2):

        g_k = ψ(Σα) - ψ(α_k) + E[log θ_k]        α_k ← α_k + (g_k - c) / ψ'(α_k)
        c = Σ_j g_j / ψ'(α_j) / (Σ_j 1 / ψ'(α_j) - 1 / ψ'(Σα))

    Parameters
    ----------
    alpha : array, shape (K,)
    mean_logarithms : array, shape (K,)

    Returns
    -------
    array, shape (K,), float64

    Examples
    --------
    >>> true = np.array([0.5, 2.0])
    >>> fit_to_logarithms(np.array([1.0, 1.0]), digamma(true) - digamma(true.sum())).round(4).tolist()
    [0.5, 2.0]
    """
    alpha = np.array(alpha, np.float64)
    for _ in range(ITERATIONS):
        gradient = digamma(alpha.sum()) - digamma(alpha) + mean_logarithms
        curvature, common = polygamma(1, alpha), polygamma(1, alpha.sum())
        c = (gradient / curvature).sum() / ((1 / curvature).sum() - 1 / common)
        step = (gradient - c) / curvature
        # A step beyond 0 goes a part of the way.
        alpha = np.maximum(np.where(alpha + step > 0, alpha + step, alpha / 4), LEAST)
    return alpha
