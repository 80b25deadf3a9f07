"""Scaled dot-product attention of several heads: every token looks at the tokens of its own sequence.

    S = Q Kᵀ / √c        P = softmax(S)  row by row        O = P V          (Vaswani et al. 2017, equation 1)

    D_i = Σ_k dO_ik O_ik        dV = Pᵀ dO        dS = P ∘ (dO Vᵀ - D)        dQ = dS K / √c        dK = dSᵀ Q / √c

for each of the H heads, which has c = d / H columns of Q, K and V. The tokens of all sequences stand one after the
other, with or without padding between: `spans` tells where each sequence begins and ends, and nothing is computed for
what lies between.

*Online softmax* (Milakov & Gimelshein 2018; Dao et al. 2022, algorithm 1). P of a long sequence would fill the memory.
Keys are taken tile by tile, and a row's largest score m so far, its sum l of exponentials, and its sum o of weighted
values are corrected when a larger score comes:

    m' = max(m, max S)        l' = l e^(m - m') + Σ e^(S - m')        o' = o e^(m - m') + e^(S - m') V        O = o / l

``backward`` makes P anew, tile by tile, from L = m + log l.

========= ========= ============ =====================================================================================
symbol    variable  shape        what it is
========= ========= ============ =====================================================================================
Q, K, V   QKV       (R, 3d)      queries, keys and values of all tokens, side by side; within each, head after head
          spans     (N, 2) int64 first row of each sequence, and the row behind its last
H         n_heads   scalar
          causal    bool         a token sees itself and what stands before it
          mask      (M, T, T)    bool: whether token i sees token j of the same sequence; M is 0 (all see all), 1 (one
                                 mask for all) or N. A token that sees nothing has the result 0
O         O         (R, d)       the result, written in place
L         L         (R, H)       logarithms of the sums of exponentials, written in place
========= ========= ============ =====================================================================================

Vaswani et al., "Attention Is All You Need", 2017; Milakov & Gimelshein, "Online normalizer calculation for softmax",
2018; Dao et al., "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness", 2022.
"""

import functools
import math

import numpy as np
from numba.extending import overload

from kernels.compile import FAST_MATH, compiled
from kernels.simd import exp

# Queries and keys of a tile.
QUERIES, KEYS = 64, 128

# On a GPU: queries of a thread block, one a thread, and keys of a tile in shared memory.
THREADS, TILE = 32, 32


def weights_numpy(QKV, begin, end, n_heads, causal, mask):
    """P and L of one sequence: (H, T, T) and (H, T). `mask` is (T, T), or None.

    Examples
    --------
    Two tokens whose queries are 0 look at both alike:

    >>> weights_numpy(np.zeros((2, 3)), 0, 2, 1, False, None)[0].tolist()
    [[[0.5, 0.5], [0.5, 0.5]]]
    """
    T, d = end - begin, QKV.shape[1] // 3
    q, k = (_heads(QKV[begin:end, i * d : (i + 1) * d], n_heads) for i in (0, 1))
    S = q @ k.swapaxes(1, 2) / np.sqrt(QKV.dtype.type(q.shape[2]))  # (H, T, T)
    seen = np.tri(T, dtype=bool) if causal else np.ones((T, T), bool)
    if mask is not None:
        seen = seen & mask
    S = np.where(seen, S, -np.inf)
    m = np.where(seen.any(axis=1), S.max(axis=2, initial=-np.inf), 0)  # (H, T)
    P = np.exp(S - m[:, :, None])
    total = P.sum(axis=2)
    with np.errstate(divide="ignore"):
        L = m + np.log(total)
    return P / np.where(total > 0, total, 1)[:, :, None], L


def attention_numpy(QKV, spans, n_heads, causal, mask, O, L):
    """Attention within every sequence.

    Examples
    --------
    One head of one number. The second token's score with itself is larger by log 3 than with the first one, so that it
    takes three quarters of its own value:

    >>> QKV = np.array([[0.0, 0.0, 4.0], [np.log(3), 1.0, 8.0]])
    >>> O, L = np.empty((2, 1)), np.empty((2, 1))
    >>> attention_numpy(QKV, np.array([[0, 2]]), 1, False, np.zeros((0, 0, 0), bool), O, L)
    >>> O.round(6).tolist()
    [[6.0], [7.0]]
    """
    d = O.shape[1]
    for n, (begin, end) in enumerate(spans):
        T = end - begin
        P, log_sums = weights_numpy(QKV, begin, end, n_heads, causal, _mask_of(mask, n, T))
        O[begin:end] = (P @ _heads(QKV[begin:end, 2 * d :], n_heads)).swapaxes(0, 1).reshape(T, d)
        L[begin:end] = log_sums.T


def attention_backward_numpy(dO, QKV, spans, n_heads, causal, mask, O, L, dQKV):
    """Write the gradients of queries, keys and values to `dQKV`; `O` and `L` are the forward's."""
    d = O.shape[1]
    for n, (begin, end) in enumerate(spans):
        T = end - begin
        P, _ = weights_numpy(QKV, begin, end, n_heads, causal, _mask_of(mask, n, T))
        q, k, v = (_heads(QKV[begin:end, i * d : (i + 1) * d], n_heads) for i in range(3))
        do = _heads(dO[begin:end], n_heads)
        D = (do * _heads(O[begin:end], n_heads)).sum(axis=2, keepdims=True)  # (H, T, 1)
        dS = P * (do @ v.swapaxes(1, 2) - D) / np.sqrt(QKV.dtype.type(q.shape[2]))  # (H, T, T)
        for i, part in enumerate((dS @ k, dS.swapaxes(1, 2) @ q, P.swapaxes(1, 2) @ do)):
            dQKV[begin:end, i * d : (i + 1) * d] = part.swapaxes(0, 1).reshape(T, d)


def _heads(rows, n_heads):
    """(T, d) as (H, T, c)."""
    T, d = rows.shape
    return rows.reshape(T, n_heads, d // n_heads).swapaxes(0, 1)


def _mask_of(mask, n, T):
    return mask[n % len(mask), :T, :T] if len(mask) else None


# CPU ------------------------------------------------------------------------------------------------------------------


def _exp(x):
    return np.exp(x)


@overload(_exp)
def _exp_of_either(x):
    """The polynomial that fills the lanes for float32, the library's for float64."""
    if x.bitwidth == 32:
        return lambda x: exp(x)
    return lambda x: math.exp(x)


@compiled
def _head(rows, begin, end, column, factor, tile):
    """The columns of one head, side by side and multiplied by a factor."""
    c = tile.shape[1]
    for i in range(end - begin):
        # A part of a row: places in it that begin at 0 need no look whether they are negative.
        row, made = rows[begin + i, column : column + c], tile[i]
        for k in range(c):
            made[k] = row[k] * factor


@compiled
def _sees(i, j, n, causal, mask):
    if causal and j > i:
        return False
    return mask.shape[0] == 0 or mask[n % mask.shape[0], i, j]


@compiled(fastmath=FAST_MATH | {"nnan"})
def _larger(row, m):
    """The largest of a row and m. Of NaN it may make anything: NaN is still in the row, and in all made of it."""
    for j in range(row.shape[0]):
        m = max(m, row[j])
    return m


@compiled
def _longest(spans):
    longest = 0
    for n in range(spans.shape[0]):
        longest = max(longest, spans[n, 1] - spans[n, 0])
    return longest


@compiled
def attention_cpu(QKV, spans, n_heads, causal, mask, O, L):
    """Compiled :func:`attention_numpy`, tile by tile."""
    d = O.shape[1]
    c, T = d // n_heads, _longest(spans)
    kind = QKV.dtype
    one, zero = kind.type(1), kind.type(0)
    factor = one / np.sqrt(kind.type(c))
    all_q, all_k, all_v = np.empty((T, c), kind), np.empty((T, c), kind), np.empty((T, c), kind)
    scores, sums = np.empty(QUERIES * min(KEYS, T), kind), np.empty(QUERIES * c, kind)
    largest, total = np.empty(QUERIES, kind), np.empty(QUERIES, kind)
    for n in range(spans.shape[0]):
        begin, end = spans[n, 0], spans[n, 1]
        T = end - begin
        for h in range(n_heads):
            _head(QKV, begin, end, h * c, factor, all_q)
            _head(QKV, begin, end, d + h * c, one, all_k)
            _head(QKV, begin, end, 2 * d + h * c, one, all_v)
            for first in range(0, T, QUERIES):
                n_q = min(QUERIES, T - first)
                q, o = all_q[first : first + n_q], sums[: n_q * c].reshape(n_q, c)
                largest[:], total[:] = -np.inf, 0
                for i in range(n_q):
                    O[begin + first + i, h * c : (h + 1) * c] = 0
                for start in range(0, min(T, first + n_q) if causal else T, KEYS):
                    n_k = min(KEYS, T - start)
                    S = scores[: n_q * n_k].reshape(n_q, n_k)
                    np.dot(q, all_k[start : start + n_k].T, S)
                    for i in range(n_q):
                        row, out = S[i], O[begin + first + i, h * c : (h + 1) * c]
                        if causal or mask.shape[0] > 0:
                            for j in range(n_k):
                                if not _sees(first + i, start + j, n, causal, mask):
                                    row[j] = -np.inf
                        m = _larger(row, largest[i])
                        if m == -np.inf:
                            row[:] = 0
                            continue
                        t = zero
                        for j in range(n_k):
                            # What was masked is 0, and NaN stays NaN: the polynomial knows neither.
                            s = row[j]
                            e = _exp(s - m)
                            e = zero if s == -np.inf else e + zero * s
                            row[j] = e
                            t += e
                        correction = zero if largest[i] == -np.inf else _exp(largest[i] - m)
                        largest[i], total[i] = m, total[i] * correction + t
                        if start > 0:
                            for k in range(c):
                                out[k] *= correction
                    np.dot(S, all_v[start : start + n_k], o)
                    for i in range(n_q):
                        out, added = O[begin + first + i, h * c : (h + 1) * c], o[i]
                        for k in range(c):
                            out[k] += added[k]
                for i in range(n_q):
                    out = O[begin + first + i, h * c : (h + 1) * c]
                    inverse = zero if total[i] == 0 else one / total[i]
                    for k in range(c):
                        out[k] *= inverse
                    L[begin + first + i, h] = largest[i] + np.log(total[i])


@compiled
def attention_backward_cpu(dO, QKV, spans, n_heads, causal, mask, O, L, dQKV):
    """Compiled :func:`attention_backward_numpy`, tile by tile."""
    d = O.shape[1]
    c, T = d // n_heads, _longest(spans)
    kind = QKV.dtype
    one, zero = kind.type(1), kind.type(0)
    factor = one / np.sqrt(kind.type(c))
    all_q, all_k, all_v = np.empty((T, c), kind), np.empty((T, c), kind), np.empty((T, c), kind)
    all_do = np.empty((T, c), kind)
    weights, errors = np.empty(QUERIES * min(KEYS, T), kind), np.empty(QUERIES * min(KEYS, T), kind)
    for_queries, for_keys = np.empty(QUERIES * c, kind), np.empty(KEYS * c, kind)
    for n in range(spans.shape[0]):
        begin, end = spans[n, 0], spans[n, 1]
        T = end - begin
        for r in range(begin, end):
            dQKV[r] = 0
        for h in range(n_heads):
            _head(QKV, begin, end, h * c, factor, all_q)
            _head(QKV, begin, end, d + h * c, one, all_k)
            _head(QKV, begin, end, 2 * d + h * c, one, all_v)
            _head(dO, begin, end, h * c, one, all_do)
            for first in range(0, T, QUERIES):
                n_q = min(QUERIES, T - first)
                q, do = all_q[first : first + n_q], all_do[first : first + n_q]
                dq = for_queries[: n_q * c].reshape(n_q, c)
                for start in range(0, min(T, first + n_q) if causal else T, KEYS):
                    n_k = min(KEYS, T - start)
                    k, v = all_k[start : start + n_k], all_v[start : start + n_k]
                    P, dS = weights[: n_q * n_k].reshape(n_q, n_k), errors[: n_q * n_k].reshape(n_q, n_k)
                    dk = for_keys[: n_k * c].reshape(n_k, c)
                    np.dot(q, k.T, P)
                    np.dot(do, v.T, dS)
                    for i in range(n_q):
                        row, error, r = P[i], dS[i], begin + first + i
                        if causal or mask.shape[0] > 0:
                            for j in range(n_k):
                                if not _sees(first + i, start + j, n, causal, mask):
                                    row[j] = -np.inf
                        of_result, result, D = do[i], O[r, h * c : (h + 1) * c], zero
                        for x in range(c):
                            D += of_result[x] * result[x]
                        log_sum = L[r, h]
                        for j in range(n_k):
                            s = row[j]
                            p = _exp(s - log_sum)
                            p = zero if s == -np.inf else p + zero * s
                            row[j] = p
                            error[j] = p * (error[j] - D)
                    np.dot(dS, k, dq)
                    _add_head(dq, factor, begin + first, h * c, dQKV)
                    # The queries have the factor 1 / √c already.
                    np.dot(dS.T, q, dk)
                    _add_head(dk, one, begin + start, d + h * c, dQKV)
                    np.dot(P.T, do, dk)
                    _add_head(dk, one, begin + start, 2 * d + h * c, dQKV)


@compiled
def _add_head(tile, factor, begin, column, rows):
    for i in range(tile.shape[0]):
        row, added = rows[begin + i, column : column + tile.shape[1]], tile[i]
        for k in range(tile.shape[1]):
            row[k] += added[k] * factor


# GPU ------------------------------------------------------------------------------------------------------------------


@functools.cache
def _cuda_kernels(c):
    """Kernels for heads of c columns: a thread has one query (or one key), and keeps its sums in registers."""
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    float32 = np.float32
    factor = float32(1 / math.sqrt(c))

    @cuda.jit(device=True)
    def sees(i, j, n, causal, mask):
        if causal and j > i:
            return False
        return mask.shape[0] == 0 or mask[n % mask.shape[0], i, j]

    @cuda.jit(device=True)
    def fill(rows, begin, column, count, tile):
        for place in range(cuda.threadIdx.x, count * c, THREADS):
            tile[place // c, place % c] = rows[begin + place // c, column + place % c]

    @cuda.jit(device=True)
    def product(own, tile, j):
        total = float32(0)
        for x in range(c):
            total += own[x] * tile[j, x]
        return total

    @cuda.jit
    def forward(QKV, spans, causal, mask, O, L):
        k_tile = cuda.shared.array((TILE, c), float32)
        v_tile = cuda.shared.array((TILE, c), float32)
        q, o = cuda.local.array(c, float32), cuda.local.array(c, float32)
        n, h, d = cuda.blockIdx.y, cuda.blockIdx.z, O.shape[1]
        begin, T = spans[n, 0], spans[n, 1] - spans[n, 0]
        i = cuda.blockIdx.x * THREADS + cuda.threadIdx.x
        if i < T:
            for x in range(c):
                q[x] = QKV[begin + i, h * c + x] * factor
        for x in range(c):
            o[x] = float32(0)
        m, total = float32(-np.inf), float32(0)
        # All threads of a block fill the tiles, also those without a query.
        for start in range(0, T if cuda.blockIdx.x * THREADS < T else 0, TILE):
            count = min(TILE, T - start)
            fill(QKV, begin + start, d + h * c, count, k_tile)
            fill(QKV, begin + start, 2 * d + h * c, count, v_tile)
            cuda.syncthreads()
            if i < T:
                for j in range(count):
                    if sees(i, start + j, n, causal, mask):
                        s = product(q, k_tile, j)
                        if s > m:
                            correction = float32(math.exp(m - s))
                            total *= correction
                            for x in range(c):
                                o[x] *= correction
                            m = s
                        e = float32(math.exp(s - m))
                        total += e
                        for x in range(c):
                            o[x] += e * v_tile[j, x]
            cuda.syncthreads()
        if i < T:
            for x in range(c):
                O[begin + i, h * c + x] = o[x] / total if total > 0 else float32(0)
            L[begin + i, h] = m + math.log(total) if total > 0 else float32(-np.inf)

    @cuda.jit
    def backward(dO, QKV, spans, causal, mask, O, L, dQKV, of_keys):
        # A thread has a query and goes through the keys, or has a key and goes through the queries.
        a_tile = cuda.shared.array((TILE, c), float32)
        b_tile = cuda.shared.array((TILE, c), float32)
        rest = cuda.shared.array((TILE, 2), float32)
        a, b = cuda.local.array(c, float32), cuda.local.array(c, float32)
        da, db = cuda.local.array(c, float32), cuda.local.array(c, float32)
        n, h, d = cuda.blockIdx.y, cuda.blockIdx.z, O.shape[1]
        begin, T = spans[n, 0], spans[n, 1] - spans[n, 0]
        i = cuda.blockIdx.x * THREADS + cuda.threadIdx.x
        own = begin + i
        D = log_sum = float32(0)
        for x in range(c):
            da[x] = db[x] = float32(0)
        if i < T:
            for x in range(c):
                a[x] = QKV[own, (d if of_keys else 0) + h * c + x]
                b[x] = QKV[own, 2 * d + h * c + x] if of_keys else dO[own, h * c + x]
                D += dO[own, h * c + x] * O[own, h * c + x]
            log_sum = L[own, h]
        for start in range(0, T if cuda.blockIdx.x * THREADS < T else 0, TILE):
            count = min(TILE, T - start)
            first = begin + start
            if of_keys:
                fill(QKV, first, h * c, count, a_tile)
                fill(dO, first, h * c, count, b_tile)
                for j in range(cuda.threadIdx.x, count, THREADS):
                    sum_of_products = float32(0)
                    for x in range(c):
                        sum_of_products += dO[first + j, h * c + x] * O[first + j, h * c + x]
                    rest[j, 0], rest[j, 1] = sum_of_products, L[first + j, h]
            else:
                fill(QKV, first, d + h * c, count, a_tile)
                fill(QKV, first, 2 * d + h * c, count, b_tile)
            cuda.syncthreads()
            if i < T:
                for j in range(count):
                    query, key = (start + j, i) if of_keys else (i, start + j)
                    if sees(query, key, n, causal, mask):
                        if of_keys:
                            D, log_sum = rest[j, 0], rest[j, 1]
                        p = float32(math.exp(product(a, a_tile, j) * factor - log_sum))
                        error = p * (product(b, b_tile, j) - D) * factor
                        for x in range(c):
                            da[x] += error * a_tile[j, x]
                            db[x] += p * b_tile[j, x]
            cuda.syncthreads()
        if i < T:
            for x in range(c):
                dQKV[own, (d if of_keys else 0) + h * c + x] = da[x]
                if of_keys:
                    dQKV[own, 2 * d + h * c + x] = db[x]

    return forward, backward


def _grid(spans, n_heads):
    spans = spans.copy_to_host()
    longest = int((spans[:, 1] - spans[:, 0]).max(initial=0))
    return (-(-longest // THREADS), len(spans), n_heads)


def attention_cuda(QKV, spans, n_heads, causal, mask, O, L):
    """:func:`attention_numpy` on a GPU in float32, online softmax over tiles of keys in shared memory."""
    grid = _grid(spans, n_heads)
    if all(grid):
        _cuda_kernels(O.shape[1] // n_heads)[0][grid, THREADS](QKV, spans, causal, mask, O, L)


def attention_backward_cuda(dO, QKV, spans, n_heads, causal, mask, O, L, dQKV):
    """:func:`attention_backward_numpy` on a GPU in float32: once by queries, once by keys, so that nobody adds to the
    same number."""
    grid = _grid(spans, n_heads)
    if all(grid):
        kernel = _cuda_kernels(O.shape[1] // n_heads)[1]
        kernel[grid, THREADS](dO, QKV, spans, causal, mask, O, L, dQKV, False)
        kernel[grid, THREADS](dO, QKV, spans, causal, mask, O, L, dQKV, True)


IMPLEMENTATIONS = {"numpy": attention_numpy, "cpu": attention_cpu, "cuda": attention_cuda}
BACKWARD_IMPLEMENTATIONS = {
    "numpy": attention_backward_numpy,
    "cpu": attention_backward_cpu,
    "cuda": attention_backward_cuda,
}
