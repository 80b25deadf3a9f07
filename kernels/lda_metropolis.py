"""Latent Dirichlet allocation with many topics: a proposal and a coin for each place, whatever the number of topics.

A Metropolis-Hastings step proposes a topic t for a place that has the topic s, and accepts it with the probability
min(1, p(t) q(s) / (p(s) q(t))). The target p is that of Gibbs sampling (``lda_gibbs.py``), the proposals q are its two
factors in turn (Chen et al. 2016, equations 5 and 6):

    p(k) ∝ (n_dk + α_k) (n_wk + η) / (n_k + V η)        q_d(k) ∝ n_dk + α_k        q_w(k) ∝ n_wk + η

all without the place itself. So q_d cancels one factor of p, and what is left to look at are the counts of one word:

    q_d:  p(t) q_d(s) / (p(s) q_d(t)) = (n_wt + η) (n_s + V η) / ((n_ws + η) (n_t + V η))

and for q_w those of one document. A pass over the words judges what the pass over the documents proposed, then proposes
from the counts of the words; a pass over the documents does the same the other way round. Both are this one function:
a unit is a document, with α as its prior, or a word, with η. Within a pass all counts stay as they were at its
beginning, so that units and places can be taken in any order and on any number of threads.

To propose from n_k + prior_k takes no table of n: the topic of another place of the unit, chosen evenly, has just that
distribution; with the rest of the probability the topic comes from the prior, by its alias table.

=========== ============ =================== =========================================================
symbol      variable     shape               what it is
=========== ============ =================== =========================================================
            places       (n,) int32          places of the units, one unit after the other
            starts       (U + 1,) int64      where each unit begins and ends in `places`
z           topics       (N, 1 + M) uint16   topic of every place and M proposals for it, renewed in place
            bits         (n, M) uint64       random: the lower half of each is the coin, the upper half proposes
α or η      prior        (K,) float64
            threshold    (K,) float64        alias table of the prior
            alias        (K,) int32          (``sampling.py``)
n_k         n_k          (K,) int64          places with each topic when the pass begins
V η         spread       scalar
=========== ============ =================== =========================================================

Chen, Li, Zhu & Chen, "WarpLDA: a Cache Efficient O(1) Algorithm for Latent Dirichlet Allocation", VLDB 2016; Yuan et
al., "LightLDA: Big Topic Models on Modest Computer Clusters", WWW 2015.
"""

import functools

import numpy as np

from kernels.compile import compiled
from kernels.simd import fetch

# Half of a uint64, as numbers in [0, 1).
HALF = 2.0**-32
LOWER = np.uint64(2**32 - 1)
UPPER = np.uint64(32)

# Places ahead of the one at hand that are asked for.
AHEAD = 24

THREADS = 64
BLOCKS = 1024


def units_numpy(places, starts, topics, bits, prior, threshold, alias, n_k, spread):
    """Judge the proposals for the places of every unit, then make new ones.

    Examples
    --------
    One unit of two places. Topic 1, which the other place has, is proposed for the first and surely better; then each
    proposes for the other, as the prior is next to nothing:

    >>> topics = np.array([[0, 1], [1, 1]], np.uint16)
    >>> table = np.array([1e-9, 1e-9]), np.ones(2), np.arange(2)
    >>> unit = np.array([0, 1]), np.array([0, 2])
    >>> units_numpy(*unit, topics, np.full((2, 1), 2**63, np.uint64), *table, np.array([1, 1]), 0.1)
    >>> topics.tolist()
    [[1, 1], [1, 1]]
    """
    K = len(prior)
    coins, pointers = (bits & LOWER) * HALF, (bits >> UPPER) * HALF  # (n, M)
    for unit in range(len(starts) - 1):
        mine = np.arange(starts[unit], starts[unit + 1])
        others = len(mine) - 1
        here = topics[places[mine]]  # (L, 1 + M)
        counts = np.bincount(here[:, 0], minlength=K)  # (K,)
        for place, i in zip(here, mine, strict=True):
            before = np.arange(K) == place[0]
            weight = (counts - before + prior) / (n_k - before + spread)  # (K,)
            for proposal, coin in zip(place[1:], coins[i], strict=True):
                if coin * weight[place[0]] < weight[proposal]:
                    place[0] = proposal
        total = others + prior.sum()
        for j, i in enumerate(mine):
            for m, pointer in enumerate(pointers[i]):
                target = pointer * total
                if target < others:
                    other = int(target)
                    here[j, 1 + m] = here[other + (other >= j), 0]
                else:
                    box = min((target - others) / (total - others) * K, np.nextafter(K, 0))
                    number = int(box)
                    here[j, 1 + m] = number if box - number < threshold[number] else alias[number]
        topics[places[mine]] = here


@compiled
def units_cpu(places, starts, topics, bits, prior, threshold, alias, n_k, spread):
    """Compiled :func:`units_numpy`."""
    K = prior.shape[0]
    width = topics.shape[1]
    flat = topics.reshape(-1)
    prior_sum = prior.sum()
    below = np.nextafter(np.float64(K), 0.0)
    longest = 0
    for unit in range(starts.shape[0] - 1):
        longest = max(longest, starts[unit + 1] - starts[unit])
    counts = np.zeros(K, np.int64)
    old, new = np.empty(longest, np.uint16), np.empty(longest, np.uint16)
    last = places.shape[0] - 1
    for unit in range(starts.shape[0] - 1):
        first, end = starts[unit], starts[unit + 1]
        for i in range(first, end):
            fetch(flat, np.int64(places[min(i + AHEAD, last)]) * width)
            old[i - first] = flat[np.int64(places[i]) * width]
            counts[old[i - first]] += 1
        for i in range(first, end):
            place = np.int64(places[i]) * width
            own = old[i - first]
            s = own
            # Without the place itself.
            weight_s = counts[s] - 1 + prior[s]
            n_s = n_k[s] - 1 + spread
            for m in range(width - 1):
                t = flat[place + 1 + m]
                weight_t = counts[t] - (t == own) + prior[t]
                n_t = n_k[t] - (t == own) + spread
                coin = (bits[i, m] & LOWER) * HALF
                if coin * weight_s * n_t < weight_t * n_s:
                    s, weight_s, n_s = t, weight_t, n_t
            new[i - first] = s
            flat[place] = s
        others = end - first - 1
        total = others + prior_sum
        for i in range(first, end):
            place = np.int64(places[i]) * width
            for m in range(width - 1):
                target = (bits[i, m] >> UPPER) * HALF * total
                if target < others:
                    other = np.int64(target)
                    flat[place + 1 + m] = new[other + (other >= i - first)]
                else:
                    box = min((target - others) / prior_sum * K, below)
                    number = np.int64(box)
                    flat[place + 1 + m] = number if box - number < threshold[number] else alias[number]
            counts[old[i - first]] = 0


@functools.cache
def _cuda_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def renew(places, starts, topics, bits, prior, prior_sum, threshold, alias, n_k, spread, counts):
        block, thread = cuda.blockIdx.x, cuda.threadIdx.x
        K = prior.shape[0]
        width = topics.shape[1]
        for unit in range(block, starts.shape[0] - 1, cuda.gridDim.x):
            first, end = starts[unit], starts[unit + 1]
            for k in range(thread, K, THREADS):
                counts[block, k] = 0
            cuda.syncthreads()
            for i in range(first + thread, end, THREADS):
                cuda.atomic.add(counts, (block, topics[places[i], 0]), 1)
            cuda.syncthreads()
            for i in range(first + thread, end, THREADS):
                place = places[i]
                own = topics[place, 0]
                s = own
                weight_s = counts[block, s] - 1 + prior[s]
                n_s = n_k[s] - 1 + spread
                for m in range(width - 1):
                    t = topics[place, 1 + m]
                    weight_t = counts[block, t] - (t == own) + prior[t]
                    n_t = n_k[t] - (t == own) + spread
                    coin = (bits[i, m] & LOWER) * HALF
                    if coin * weight_s * n_t < weight_t * n_s:
                        s, weight_s, n_s = t, weight_t, n_t
                topics[place, 0] = s
            cuda.syncthreads()
            others = end - first - 1
            total = others + prior_sum
            for i in range(first + thread, end, THREADS):
                for m in range(width - 1):
                    target = (bits[i, m] >> UPPER) * HALF * total
                    if target < others:
                        other = int(target)
                        other += first + (other >= i - first)
                        topics[places[i], 1 + m] = topics[places[other], 0]
                    else:
                        box = (target - others) / prior_sum * K
                        number = min(int(box), K - 1)
                        topics[places[i], 1 + m] = number if box - number < threshold[number] else alias[number]
            cuda.syncthreads()

    return renew


def units_cuda(places, starts, topics, bits, prior, threshold, alias, n_k, spread):
    """:func:`units_numpy` on a GPU: units on blocks of threads, places on threads."""
    U, K = starts.shape[0] - 1, prior.shape[0]
    if U > 0:
        kernel = _cuda_kernel()
        blocks = min(U, BLOCKS)
        counts = cuda.device_array((blocks, K), np.int32)
        prior_sum = float(prior.copy_to_host().sum())
        kernel[blocks, THREADS](places, starts, topics, bits, prior, prior_sum, threshold, alias, n_k, spread, counts)


IMPLEMENTATIONS = {"numpy": units_numpy, "cpu": units_cpu, "cuda": units_cuda}
