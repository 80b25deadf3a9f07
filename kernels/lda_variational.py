"""Latent Dirichlet allocation by variational Bayes: every document and every topic as a Dirichlet distribution.

A document d is a Dirichlet with the parameters γ_d, a topic k one with λ_k. ``infer`` finds γ_d for given topics, by
repeating (Hoffman, Blei & Bach 2010, algorithm 2 and equation 5)

    θ_dk = exp(ψ(γ_dk))        β_wk = exp(ψ(λ_kw) - ψ(Σ_v λ_kv))        r_dw = n_dw / Σ_k θ_dk β_wk
    γ_dk = α_k + θ_dk Σ_w r_dw β_wk

until the mean of |γ_dk - last γ_dk| falls below a tolerance; ψ is the derivative of log Γ. The factor exp(-ψ(Σ_k γ_dk))
of θ would cancel. ``collect`` adds up what a topic gets of a word, from which the new λ is made (equation 6):

    s_wk = β_wk Σ_d r_dw θ_dk        λ_kw ← (1 - ρ) λ_kw + ρ (η + D / |batch| s_wk)

Subtracting η, which stays, leaves λ_kw - η = scale · m_wk: a step multiplies the scale by 1 - ρ and adds to m what the
words of the batch got; the rows of all other words need not be touched.

========= ========== ================= =====================================================================
symbol    variable   shape             what it is
========= ========== ================= =====================================================================
          starts     (D + 1,) int64    where each document begins and ends in `words`
w         words      (n,) int32        different words of each document, as rows of β
n_dw      counts     (n,) float32      how often each occurs
β         topics     (R, P) float32    rows of words; P is K, rounded up to a multiple of 16, filled with zeros
α         alpha      (K,) float32
γ         gamma      (D, P) float32    a first guess; the result, in place
θ         theta      (D, P) float32    the result, in place; zeros from K on
r         ratios     (n,) float32      the result, in place
m         masses     (R, P) float32    rows of words, in place
========= ========== ================= =====================================================================

Hoffman, Blei & Bach, "Online Learning for Latent Dirichlet Allocation", NIPS 2010; Blei, Ng & Jordan, "Latent Dirichlet
Allocation", JMLR 2003.
"""

import functools

import numpy as np

from kernels.compile import compiled
from kernels.simd import LANES, add_lanes, exp, fma, lanes_of_zeros, load, splat, store

THREADS = 32

# The least exponent of exp(ψ).
LEAST = -60


def exp_digamma_numpy(x):
    """exp(ψ(x)) for x > 0.

    ψ(x) = ψ(x + 6) - 1/x - … - 1/(x + 5), and for y ≥ 6, ψ(y) = log y - 1/2y - 1/12y² + 1/120y⁴ - 1/252y⁶ + …. What is
    less than e^-60 of y stays there, so that products of two such numbers can still be divided by.

    Examples
    --------
    ψ(1) is the negative of Euler's constant, 0.5772:

    >>> round(float(np.log(exp_digamma_numpy(1.0))), 4)
    -0.5772
    """
    y = x + 6
    below = sum(1 / (x + i) for i in range(6))
    z = 1 / (y * y)
    return y * np.exp(np.maximum(-0.5 / y - z * (1 / 12 - z * (1 / 120 - z / 252)) - below, LEAST))


@compiled
def _exp_digamma(x):
    """One number of :func:`exp_digamma_numpy`, in float32; the six fractions are added in pairs."""
    one = np.float32(1)
    y = x + np.float32(6)
    # 1/(x + i) + 1/(x + 5 - i) = (2x + 5) / (x² + 5x + i (5 - i))
    square, twice = x * (x + np.float32(5)), x + x + np.float32(5)
    below = twice * (one / square + one / (square + np.float32(4)) + one / (square + np.float32(6)))
    inverse = one / y
    z = inverse * inverse
    series = np.float32(1 / 12) - z * (np.float32(1 / 120) - z * np.float32(1 / 252))
    return y * exp(max(np.float32(-0.5) * inverse - z * series - below, np.float32(LEAST)))


# Documents -----------------------------------------------------------------------------------------------------------


def infer_numpy(starts, words, counts, topics, alpha, gamma, theta, ratios, tolerance, iterations):
    """Find γ, θ and r of every document. Returns Σ n_dw log Σ_k E[θ_dk] β_wk, with E[θ_dk] = γ_dk / Σ_j γ_dj.

    Examples
    --------
    The word belongs to the first topic alone, so that its three places are that topic's:

    >>> gamma, theta, ratios = np.ones((1, 2)), np.zeros((1, 2)), np.zeros(1)
    >>> document = np.array([0, 1]), np.array([0]), np.array([3.0])
    >>> topics = np.array([[1.0, 0.0]])
    >>> log_likelihood = infer_numpy(*document, topics, np.array([0.5, 0.5]), gamma, theta, ratios, 1e-6, 10)
    >>> gamma.tolist(), round(float(np.exp(log_likelihood / 3)), 4)
    ([[3.5, 0.5]], 0.875)
    """
    K = len(alpha)
    log_likelihood = 0.0
    for d in range(len(starts) - 1):
        mine = slice(starts[d], starts[d + 1])
        n, beta = counts[mine], topics[words[mine], :K].astype(np.float64)  # (W,), (W, K)
        g = gamma[d, :K].astype(np.float64)
        for _ in range(iterations):
            t = exp_digamma_numpy(g)
            last, g = g, alpha + t * ((n / (beta @ t)) @ beta)
            if np.abs(g - last).mean() < tolerance:
                break
        t = exp_digamma_numpy(g)
        gamma[d, :K], theta[d, :K], ratios[mine] = g, t, n / (beta @ t)
        log_likelihood += n @ np.log(beta @ (g / g.sum()))
    return float(log_likelihood)


@compiled
def infer_cpu(starts, words, counts, topics, alpha, gamma, theta, ratios, tolerance, iterations):
    """Compiled :func:`infer_numpy`, in float32: the rows of a document's words are gathered once."""
    K, P = alpha.shape[0], topics.shape[1]
    D = starts.shape[0] - 1
    longest = 0
    for d in range(D):
        longest = max(longest, starts[d + 1] - starts[d])
    flat = topics.reshape(-1)
    beta, t, s = lanes_of_zeros(longest * P), lanes_of_zeros(P), lanes_of_zeros(P)
    g, r = np.empty(K, np.float32), np.empty(longest, np.float32)
    log_likelihood = 0.0
    for d in range(D):
        first = starts[d]
        W = starts[d + 1] - first
        n = counts[first : first + W]
        for i in range(W):
            w = np.int64(words[first + i]) * P
            for k in range(0, P, LANES):
                store(beta, i * P + k, load(flat, w + k))
        g[:] = gamma[d, :K]
        for _ in range(iterations):
            for k in range(K):
                t[k] = _exp_digamma(g[k])
            _ratios(beta, t, n, r, W, P)
            _weighted_rows(beta, r, s, W, P)
            change = np.float32(0)
            for k in range(K):
                new = alpha[k] + t[k] * s[k]
                change += abs(new - g[k])
                g[k] = new
            if change < np.float32(tolerance) * np.float32(K):
                break
        for k in range(K):
            t[k] = _exp_digamma(g[k])
        _ratios(beta, t, n, r, W, P)
        total = np.float32(0)
        for k in range(K):
            gamma[d, k], theta[d, k] = g[k], t[k]
            total += g[k]
        ratios[first : first + W] = r[:W]
        for k in range(K):
            t[k] = g[k] / total
        _ratios(beta, t, n, r, W, P)
        for i in range(W):
            log_likelihood += n[i] * np.log(n[i] / r[i])
    return log_likelihood


@compiled
def _ratios(beta, t, n, r, W, P):
    """r_w = n_w / (β_w · t)."""
    for i in range(W):
        product = splat(0)
        for k in range(0, P, LANES):
            product = fma(load(beta, i * P + k), load(t, k), product)
        r[i] = n[i] / add_lanes(product)


@compiled
def _weighted_rows(beta, r, s, W, P):
    """s = Σ_w r_w β_w; four times sixteen sums stay in registers."""
    whole = P // (4 * LANES) * (4 * LANES)
    for k in range(0, whole, 4 * LANES):
        s0 = s1 = s2 = s3 = splat(0)
        for i in range(W):
            weight, row = splat(r[i]), i * P + k
            s0, s1 = fma(weight, load(beta, row), s0), fma(weight, load(beta, row + LANES), s1)
            s2, s3 = fma(weight, load(beta, row + 2 * LANES), s2), fma(weight, load(beta, row + 3 * LANES), s3)
        store(s, k, s0)
        store(s, k + LANES, s1)
        store(s, k + 2 * LANES, s2)
        store(s, k + 3 * LANES, s3)
    for k in range(whole, P, LANES):
        s0 = splat(0)
        for i in range(W):
            s0 = fma(splat(r[i]), load(beta, i * P + k), s0)
        store(s, k, s0)


# Topics --------------------------------------------------------------------------------------------------------------


def expect_numpy(masses, scale, eta, totals, topics):
    """β of some words, in place, from their rows m; `totals` are Σ_v λ_kv.

    Examples
    --------
    >>> topics = np.zeros((1, 2))
    >>> expect_numpy(np.array([[2.0, 0.0]]), 0.5, 1.0, np.array([3.0, 3.0]), topics)
    >>> topics.round(4).tolist()  # exp(ψ(2) - ψ(3)), exp(ψ(1) - ψ(3))
    [[0.6065, 0.2231]]
    """
    K = len(totals)
    topics[:, :K] = exp_digamma_numpy(eta + scale * masses[:, :K].astype(np.float64)) / exp_digamma_numpy(totals)


@compiled
def expect_cpu(masses, scale, eta, totals, topics):
    """Compiled :func:`expect_numpy`."""
    K = totals.shape[0]
    scale, eta = np.float32(scale), np.float32(eta)
    inverse = np.empty(K, np.float32)
    for k in range(K):
        inverse[k] = np.float32(1) / _exp_digamma(np.float32(totals[k]))
    for row in range(masses.shape[0]):
        for k in range(K):
            topics[row, k] = _exp_digamma(eta + scale * masses[row, k]) * inverse[k]


def collect_numpy(starts, documents, ratios, theta, topics, factor, masses):
    """Add to the rows m of some words `factor` times what topics got of them, in place.

    Parameters
    ----------
    starts : array, shape (R + 1,), int64
        Where the entries of each word begin and end in `documents` and `ratios`.
    documents : array, shape (n,), int32
    ratios : array, shape (n,), float32
    theta, topics, masses
        See the table at the top of this file.
    factor : float

    Examples
    --------
    >>> masses = np.zeros((1, 2))
    >>> entries = np.array([0, 2]), np.array([0, 1]), np.array([1.0, 2.0])
    >>> collect_numpy(*entries, np.array([[1.0, 0], [0, 1]]), np.array([[0.5, 0.5]]), 10.0, masses)
    >>> masses.tolist()
    [[5.0, 10.0]]
    """
    for row in range(len(starts) - 1):
        mine = slice(starts[row], starts[row + 1])
        masses[row] += factor * topics[row] * (ratios[mine] @ theta[documents[mine]])


@compiled
def collect_cpu(starts, documents, ratios, theta, topics, factor, masses):
    """Compiled :func:`collect_numpy`."""
    P = theta.shape[1]
    flat_theta, flat_topics, flat_masses = theta.reshape(-1), topics.reshape(-1), masses.reshape(-1)
    factor = np.float32(factor)
    s = lanes_of_zeros(P)
    for row in range(starts.shape[0] - 1):
        s[:] = 0
        for i in range(starts[row], starts[row + 1]):
            d, ratio = np.int64(documents[i]) * P, splat(ratios[i])
            for k in range(0, P, LANES):
                store(s, k, fma(ratio, load(flat_theta, d + k), load(s, k)))
        weight, zero = splat(factor), splat(0)
        for k in range(row * P, (row + 1) * P, LANES):
            got = fma(weight, load(flat_topics, k), zero)
            store(flat_masses, k, fma(got, load(s, k - row * P), load(flat_masses, k)))


# On a GPU ------------------------------------------------------------------------------------------------------------


@functools.cache
def _cuda_kernels():
    global cuda, math  # Numba's simulator looks for them among the globals
    import math

    from numba import cuda

    @cuda.jit(device=True)
    def exp_digamma(x):
        below = np.float32(0)
        for i in range(6):
            below += 1 / (x + i)
        y = x + 6
        z = 1 / (y * y)
        return y * math.exp(max(-0.5 / y - z * (1 / 12 - z * (1 / 120 - z / 252)) - below, LEAST))

    @cuda.jit
    def infer(starts, words, counts, topics, alpha, gamma, theta, ratios, tolerance, iterations, log_likelihoods):
        d, thread = cuda.blockIdx.x, cuda.threadIdx.x
        changes = cuda.shared.array(THREADS, np.float32)
        K = alpha.shape[0]
        first, end = starts[d], starts[d + 1]
        change = np.float32(math.inf)
        # One turn more than there are iterations leaves θ and r that belong to the last γ.
        for turn in range(iterations + 1):
            for k in range(thread, K, THREADS):
                theta[d, k] = exp_digamma(gamma[d, k])
            cuda.syncthreads()
            for i in range(first + thread, end, THREADS):
                product = np.float32(0)
                for k in range(K):
                    product += topics[words[i], k] * theta[d, k]
                ratios[i] = counts[i] / product
            cuda.syncthreads()
            if turn == iterations or change < tolerance * K:
                break
            part = np.float32(0)
            for k in range(thread, K, THREADS):
                got = np.float32(0)
                for i in range(first, end):
                    got += ratios[i] * topics[words[i], k]
                new = alpha[k] + theta[d, k] * got
                part += abs(new - gamma[d, k])
                gamma[d, k] = new
            changes[thread] = part
            cuda.syncthreads()
            change = np.float32(0)
            for other in range(THREADS):
                change += changes[other]
            cuda.syncthreads()
        total = np.float32(0)
        for k in range(K):
            total += gamma[d, k]
        part = np.float32(0)
        for i in range(first + thread, end, THREADS):
            product = np.float32(0)
            for k in range(K):
                product += topics[words[i], k] * gamma[d, k]
            part += counts[i] * math.log(product / total)
        cuda.atomic.add(log_likelihoods, d, part)

    @cuda.jit
    def expect(masses, scale, eta, totals, topics):
        row = cuda.blockIdx.x
        for k in range(cuda.threadIdx.x, totals.shape[0], THREADS):
            topics[row, k] = exp_digamma(eta + scale * masses[row, k]) / exp_digamma(np.float32(totals[k]))

    @cuda.jit
    def collect(starts, documents, ratios, theta, topics, factor, masses):
        row = cuda.blockIdx.x
        for k in range(cuda.threadIdx.x, masses.shape[1], THREADS):
            got = np.float32(0)
            for i in range(starts[row], starts[row + 1]):
                got += ratios[i] * theta[documents[i], k]
            masses[row, k] += factor * topics[row, k] * got

    return infer, expect, collect


def infer_cuda(starts, words, counts, topics, alpha, gamma, theta, ratios, tolerance, iterations):
    """:func:`infer_numpy` on a GPU, a block of threads for each document."""
    D = starts.shape[0] - 1
    if D == 0:
        return 0.0
    kernel = _cuda_kernels()[0]
    log_likelihoods = cuda.to_device(np.zeros(D, np.float32))
    state = alpha, gamma, theta, ratios
    kernel[D, THREADS](starts, words, counts, topics, *state, np.float32(tolerance), iterations, log_likelihoods)
    return float(log_likelihoods.copy_to_host().sum(dtype=np.float64))


def expect_cuda(masses, scale, eta, totals, topics):
    """:func:`expect_numpy` on a GPU, a block of threads for each word."""
    if masses.shape[0]:
        _cuda_kernels()[1][masses.shape[0], THREADS](masses, np.float32(scale), np.float32(eta), totals, topics)


def collect_cuda(starts, documents, ratios, theta, topics, factor, masses):
    """:func:`collect_numpy` on a GPU, a block of threads for each word."""
    if masses.shape[0]:
        arguments = starts, documents, ratios, theta, topics, np.float32(factor), masses
        _cuda_kernels()[2][masses.shape[0], THREADS](*arguments)


INFER_IMPLEMENTATIONS = {"numpy": infer_numpy, "cpu": infer_cpu, "cuda": infer_cuda}
EXPECT_IMPLEMENTATIONS = {"numpy": expect_numpy, "cpu": expect_cpu, "cuda": expect_cuda}
COLLECT_IMPLEMENTATIONS = {"numpy": collect_numpy, "cpu": collect_cpu, "cuda": collect_cuda}
