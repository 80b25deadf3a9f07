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

from kernels.compile import compiled
from kernels.simd import (
    LANES,
    add_lanes,
    choose,
    exp_of_lanes,
    fma,
    lanes_of_zeros,
    load,
    splat,
    spread,
    store,
    transpose,
)

# Queries and keys of a tile, and rows of a product that are made together.
QUERIES, KEYS, GROUP = 64, 128, 8

# The score of a key that is not seen: finite, so that NaN is known from it.
HIDDEN = np.float32(-1e30)

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


@compiled
def _multiply(A, a, row, step, B, b, width, M, N, K, C, c, C_width, add):
    """C_mn = Σ_k A_mk B_kn, or more by that, for m < M, rounded up to eights, and n < N, a multiple of two lanes.

    Flat: ``A[a + row * m + step * k]``, ``B[b + width * k + n]``, ``C[c + C_width * m + n]``.
    """
    for m in range(0, M, GROUP):
        for n in range(0, N, 2 * LANES):
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = splat(0)
            t0 = t1 = t2 = t3 = t4 = t5 = t6 = t7 = splat(0)
            i, j = a + row * m, b + n
            for _ in range(K):
                u, v = load(B, j), load(B, j + LANES)
                x = spread(A, i)
                s0, t0 = fma(x, u, s0), fma(x, v, t0)
                x = spread(A, i + row)
                s1, t1 = fma(x, u, s1), fma(x, v, t1)
                x = spread(A, i + 2 * row)
                s2, t2 = fma(x, u, s2), fma(x, v, t2)
                x = spread(A, i + 3 * row)
                s3, t3 = fma(x, u, s3), fma(x, v, t3)
                x = spread(A, i + 4 * row)
                s4, t4 = fma(x, u, s4), fma(x, v, t4)
                x = spread(A, i + 5 * row)
                s5, t5 = fma(x, u, s5), fma(x, v, t5)
                x = spread(A, i + 6 * row)
                s6, t6 = fma(x, u, s6), fma(x, v, t6)
                x = spread(A, i + 7 * row)
                s7, t7 = fma(x, u, s7), fma(x, v, t7)
                i, j = i + step, j + width
            p = c + C_width * m + n
            _put(C, p, s0, t0, add), _put(C, p + C_width, s1, t1, add), _put(C, p + 2 * C_width, s2, t2, add)
            _put(C, p + 3 * C_width, s3, t3, add), _put(C, p + 4 * C_width, s4, t4, add)
            _put(C, p + 5 * C_width, s5, t5, add), _put(C, p + 6 * C_width, s6, t6, add)
            _put(C, p + 7 * C_width, s7, t7, add)


@compiled
def _put(C, p, s, t, add):
    if add:
        s, t = s + load(C, p), t + load(C, p + LANES)
    store(C, p, s)
    store(C, p + LANES, t)


@compiled
def _turn(rows, width, n_rows, n_columns, square, columns, columns_width):
    """Columns in place of rows, sixteen by sixteen."""
    for r in range(0, n_rows, LANES):
        for c in range(0, n_columns, LANES):
            transpose(rows, r * width + c, width, square, 0)
            for l in range(LANES):
                store(columns, (c + l) * columns_width + r, load(square, LANES * l))


@compiled
def _head(rows, begin, end, column, c, factor, tile, C):
    """The c columns of one head, multiplied by a factor, with zeros around: rows of C numbers."""
    n, flat = end - begin, rows.reshape(-1)
    for i in range(-(-n // (2 * LANES)) * 2 * LANES):
        place = (begin + i) * rows.shape[1] + column
        if i < n and c == C:
            for x in range(0, C, LANES):
                store(tile, i * C + x, load(flat, place + x) * splat(factor))
            continue
        for x in range(0, C, LANES):
            store(tile, i * C + x, splat(0))
        for x in range(c if i < n else 0):
            tile[i * C + x] = flat[place + x] * factor


@compiled
def _put_head(tile, C, factor, rows, begin, end, column, c):
    """What :func:`_head` takes, put back."""
    flat = rows.reshape(-1)
    for i in range(end - begin):
        place = (begin + i) * rows.shape[1] + column
        if c == C:
            for x in range(0, C, LANES):
                store(flat, place + x, load(tile, i * C + x) * splat(factor))
        else:
            for x in range(c):
                flat[place + x] = tile[i * C + x] * factor


@compiled
def _hide(S, first, start, n_q, n_k, n, causal, mask):
    """Scores of keys that a query does not see."""
    for j in range(n_k):
        for i in range(n_q):
            seen = mask.shape[0] == 0 or mask[n % mask.shape[0], first + i, start + j]
            if not seen or (causal and start + j > first + i):
                S[QUERIES * j + i] = HIDDEN


@compiled
def _weight(x):
    """e^x for x up to 0; nothing below -87, where hidden scores are. NaN stays NaN."""
    return choose(x + splat(87), exp_of_lanes(x), splat(0)) + (x - x)


@compiled
def _room(spans, c):
    """Longest sequence and columns of a head, rounded up to what tiles take."""
    longest = 0
    for n in range(spans.shape[0]):
        longest = max(longest, spans[n, 1] - spans[n, 0])
    return -(-longest // (2 * LANES)) * 2 * LANES, -(-c // (2 * LANES)) * 2 * LANES


@compiled
def attention_cpu(QKV, spans, n_heads, causal, mask, O, L):
    """Compiled :func:`attention_numpy` in float32, tile by tile; lanes are queries."""
    d = O.shape[1]
    c = d // n_heads
    one, factor = np.float32(1), np.float32(1) / np.sqrt(np.float32(c))
    T, C = _room(spans, c)
    all_k, all_v, q = lanes_of_zeros(T * C), lanes_of_zeros(T * C), lanes_of_zeros(QUERIES * C)
    columns, o = lanes_of_zeros(QUERIES * C), lanes_of_zeros(QUERIES * C)
    S, square = lanes_of_zeros(KEYS * QUERIES), lanes_of_zeros(LANES * LANES)
    largest, total = lanes_of_zeros(QUERIES), lanes_of_zeros(QUERIES)
    for n in range(spans.shape[0]):
        begin, end = spans[n, 0], spans[n, 1]
        T = end - begin
        for h in range(n_heads):
            _head(QKV, begin, end, d + h * c, c, one, all_k, C)
            _head(QKV, begin, end, 2 * d + h * c, c, one, all_v, C)
            for first in range(0, T, QUERIES):
                n_q = min(QUERIES, T - first)
                width = -(-n_q // (2 * LANES)) * 2 * LANES
                _head(QKV, begin + first, begin + first + n_q, h * c, c, factor, q, C)
                _turn(q, C, width, C, square, columns, QUERIES)
                largest[:], total[:] = HIDDEN, 0
                for start in range(0, min(T, first + n_q) if causal else T, KEYS):
                    n_k = min(KEYS, T - start)
                    _multiply(all_k, start * C, C, 1, columns, 0, QUERIES, n_k, width, c, S, 0, QUERIES, False)
                    if causal or mask.shape[0] > 0:
                        _hide(S, first, start, n_q, n_k, n, causal, mask)
                    for i in range(0, width, LANES):
                        before, t = load(largest, i), splat(0)
                        m = before
                        for j in range(i, n_k * QUERIES + i, QUERIES):
                            s = load(S, j)
                            m = choose(s - m, s, m)
                        store(largest, i, m)
                        # Where nothing was seen yet, weights are 0.
                        m = choose(m - splat(HIDDEN / 2), m, splat(0))
                        for j in range(i, n_k * QUERIES + i, QUERIES):
                            e = _weight(load(S, j) - m)
                            store(S, j, e)
                            t = t + e
                        correction = _weight(before - m)
                        store(total, i, fma(load(total, i), correction, t))
                        if start > 0:
                            for x in range(i, C * QUERIES + i, QUERIES):
                                store(o, x, load(o, x) * correction)
                    _multiply(all_v, start * C, 1, C, S, 0, QUERIES, C, width, n_k, o, 0, QUERIES, start > 0)
                for i in range(n_q):
                    L[begin + first + i, h] = largest[i] + np.log(total[i]) if total[i] != 0 else -np.inf
                    total[i] = one / total[i] if total[i] != 0 else total[i]
                for i in range(0, width, LANES):
                    for x in range(i, C * QUERIES + i, QUERIES):
                        store(o, x, load(o, x) * load(total, i))
                _turn(o, QUERIES, C, width, square, q, C)
                _put_head(q, C, one, O, begin + first, begin + first + n_q, h * c, c)


@compiled
def attention_backward_cpu(dO, QKV, spans, n_heads, causal, mask, O, L, dQKV):
    """Compiled :func:`attention_backward_numpy` in float32, tile by tile; lanes are queries."""
    d = O.shape[1]
    c = d // n_heads
    one, factor = np.float32(1), np.float32(1) / np.sqrt(np.float32(c))
    T, C = _room(spans, c)
    all_k, all_v, all_dk, all_dv = (
        lanes_of_zeros(T * C),
        lanes_of_zeros(T * C),
        lanes_of_zeros(T * C),
        lanes_of_zeros(T * C),
    )
    q, do, dq, o = (
        lanes_of_zeros(QUERIES * C),
        lanes_of_zeros(QUERIES * C),
        lanes_of_zeros(QUERIES * C),
        lanes_of_zeros(QUERIES * C),
    )
    q_columns, do_columns = lanes_of_zeros(QUERIES * C), lanes_of_zeros(QUERIES * C)
    P, dS, square = lanes_of_zeros(KEYS * QUERIES), lanes_of_zeros(KEYS * QUERIES), lanes_of_zeros(LANES * LANES)
    D, log_sums = lanes_of_zeros(QUERIES), lanes_of_zeros(QUERIES)
    for n in range(spans.shape[0]):
        begin, end = spans[n, 0], spans[n, 1]
        T = end - begin
        for h in range(n_heads):
            _head(QKV, begin, end, d + h * c, c, one, all_k, C)
            _head(QKV, begin, end, 2 * d + h * c, c, one, all_v, C)
            all_dk[:], all_dv[:] = 0, 0
            for first in range(0, T, QUERIES):
                n_q = min(QUERIES, T - first)
                width = -(-n_q // (2 * LANES)) * 2 * LANES
                r = begin + first
                _head(QKV, r, r + n_q, h * c, c, factor, q, C)
                _head(dO, r, r + n_q, h * c, c, one, do, C)
                _head(O, r, r + n_q, h * c, c, one, o, C)
                _turn(q, C, width, C, square, q_columns, QUERIES)
                _turn(do, C, width, C, square, do_columns, QUERIES)
                D[:], log_sums[:] = 0, 0
                for i in range(n_q):
                    s = splat(0)
                    for x in range(i * C, (i + 1) * C, LANES):
                        s = fma(load(do, x), load(o, x), s)
                    D[i] = add_lanes(s)
                    if L[r + i, h] != -np.inf:
                        log_sums[i] = L[r + i, h]
                dq[:] = 0
                for start in range(0, min(T, first + n_q) if causal else T, KEYS):
                    n_k, k = min(KEYS, T - start), start * C
                    _multiply(all_k, k, C, 1, q_columns, 0, QUERIES, n_k, width, c, P, 0, QUERIES, False)
                    _multiply(all_v, k, C, 1, do_columns, 0, QUERIES, n_k, width, c, dS, 0, QUERIES, False)
                    if causal or mask.shape[0] > 0:
                        _hide(P, first, start, n_q, n_k, n, causal, mask)
                    for i in range(0, width, LANES):
                        m, all_d = load(log_sums, i), load(D, i)
                        for j in range(i, n_k * QUERIES + i, QUERIES):
                            p = _weight(load(P, j) - m)
                            store(P, j, p)
                            store(dS, j, p * (load(dS, j) - all_d))
                    _multiply(all_k, k, 1, C, dS, 0, QUERIES, C, width, n_k, dq, 0, QUERIES, True)
                    # The queries have the factor 1 / √c already.
                    _multiply(dS, 0, QUERIES, 1, q, 0, C, n_k, C, n_q, all_dk, k, C, True)
                    _multiply(P, 0, QUERIES, 1, do, 0, C, n_k, C, n_q, all_dv, k, C, True)
                _turn(dq, QUERIES, C, width, square, q, C)
                _put_head(q, C, factor, dQKV, r, r + n_q, h * c, c)
            _put_head(all_dk, C, one, dQKV, begin, end, d + h * c, c)
            _put_head(all_dv, C, one, dQKV, begin, end, 2 * d + h * c, c)


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
