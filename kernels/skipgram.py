"""Skip-gram with negative sampling: learn a word's vector by predicting the words around it.

For a centre word w with a word c in its window, and K noise words n drawn from the unigram distribution to the power
3/4, the loss is (Mikolov et al. 2013b, equation 4)

    L = -log σ(u_c · v_w) - Σ_n log σ(-u_n · v_w)

    ∂L/∂v_w = (σ(u_c · v_w) - 1) u_c + Σ_n σ(u_n · v_w) u_n
    ∂L/∂u_c = (σ(u_c · v_w) - 1) v_w
    ∂L/∂u_n =  σ(u_n · v_w)      v_w

``pair`` makes these updates one pair at a time, as the paper does. ``block`` takes CHUNK = 16 neighbouring centres at
once: they share their noise words, which makes every sum above a product of small matrices; each noise word counts
(pairs of the centre) · negative / K times, so that the expected gradient is the same. All gradients of a chunk come
from the values before it (Ji et al. 2016, "Parallelizing Word2Vec in Shared and Distributed Memory", section III).

======= ============= ================= ==============================================================
symbol  variable      shape             what it is
======= ============= ================= ==============================================================
v       W_in          (V, P) float32    word vectors, updated in place; P is a multiple of 16
u       W_out         (V, P) float32    output vectors, updated in place
        tokens        (T,) int32        a stretch of text, after subsampling
        left, right   (T,) int32        the window of token i: positions left[i] to right[i] - 1, but i
        negatives     (C, K) int32      noise words of each chunk (of each pair, for ``pair``)
α       alphas        (C,) float32      learning rate of each chunk (of each token, for ``pair``)
======= ============= ================= ==============================================================

C is the number of chunks, T / 16 rounded up. Every function returns the summed loss before each update, in float64.

Mikolov, Chen, Corrado & Dean, "Efficient Estimation of Word Representations in Vector Space", 2013a; Mikolov,
Sutskever, Chen, Corrado & Dean, "Distributed Representations of Words and Phrases and their Compositionality", 2013b.
"""

import functools

import numpy as np

from kernels.compile import compiled
from kernels.runs import THREADS, chunk_kernel, single_kernel, train_chunks, train_singly
from kernels.simd import fetch_row, lanes_of_zeros, sigmoid_softplus
from kernels.tiles import add_products, gather, gradient, multiply_tile

CHUNK = 16


def sigmoid_numpy(x):
    """1 / (1 + e^-x), without overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def softplus_numpy(x):
    """log(1 + e^x) = -log σ(-x), without overflow."""
    return np.logaddexp(0, x)


# One pair at a time --------------------------------------------------------------------------------------------------


def pair_numpy(W_in, W_out, tokens, left, right, negatives, alphas):
    """The textbook update, pair by pair; ``negatives`` has a row for each pair. Returns the loss.

    Examples
    --------
    Two words that see each other, v_0 = (1, 0, …), u_1 = 0: σ(0) = 1/2, so u_1 moves by α/2 · v_0.

    >>> W_in, W_out = np.eye(2, 16, dtype=np.float32), np.zeros((2, 16), np.float32)
    >>> window = np.array([0, 0]), np.array([2, 2])
    >>> loss = pair_numpy(W_in, W_out, np.array([0, 1]), *window, np.empty((2, 0), int), np.array([0.5, 0.5]))
    >>> W_out[1, 0].item(), round(loss / 2, 4)
    (0.25, 0.6931)
    """
    loss, pair = 0.0, 0
    for i in range(len(tokens)):
        for j in range(left[i], right[i]):
            if j == i:
                continue
            v = W_in[tokens[i]]  # (P,)
            gradient = np.zeros_like(v)
            for target, label in [(tokens[j], 1)] + [(n, 0) for n in negatives[pair] if n != tokens[j]]:
                u = W_out[target]  # (P,)
                score = u @ v
                loss += softplus_numpy(-score if label else score)
                g = alphas[i] * (label - sigmoid_numpy(score))
                gradient += g * u
                u += g * v
            v += gradient
            pair += 1
    return float(loss)


@compiled
def pair_cpu(W_in, W_out, tokens, left, right, negatives, alphas):
    """Compiled :func:`pair_numpy`."""
    P = W_in.shape[1]
    K = negatives.shape[1]
    step = np.empty(P, np.float32)
    loss = 0.0
    pair = 0
    for i in range(tokens.shape[0]):
        v = W_in[tokens[i]]
        for j in range(left[i], right[i]):
            if j == i:
                continue
            step[:] = 0
            for k in range(-1, K):
                target = tokens[j] if k < 0 else negatives[pair, k]
                if k >= 0 and target == tokens[j]:
                    continue
                u = W_out[target]
                score = np.float32(0)
                for d in range(P):
                    score += u[d] * v[d]
                # σ(-x) = 1 - σ(x)
                p, missed = sigmoid_softplus(score if k < 0 else -score)
                loss += missed
                g = alphas[i] * (np.float32(1) - p if k < 0 else p - np.float32(1))
                for d in range(P):
                    step[d] += g * u[d]
                for d in range(P):
                    u[d] += g * v[d]
            for d in range(P):
                v[d] += step[d]
            pair += 1
    return loss


# A chunk of centres at a time ----------------------------------------------------------------------------------------


def block_numpy(W_in, W_out, tokens, left, right, negatives, alphas, negative):
    """The shared-noise update, chunk by chunk. Returns the loss.

    Parameters
    ----------
    W_in, W_out, tokens, left, right, negatives, alphas
        See the table at the top of this file.
    negative : int
        Noise words of one pair; each of a chunk's K stands for ``negative / K`` of them.
    """
    loss = 0.0
    for chunk in range(len(negatives)):
        centres = tokens[CHUNK * chunk : CHUNK * (chunk + 1)]
        step, lost = chunk_numpy(W_in[centres], W_out, tokens, left, right, negatives, chunk, alphas[chunk], negative)
        np.add.at(W_in, centres, step)
        loss += lost
    return float(loss)


def chunk_numpy(X, W_out, tokens, left, right, negatives, chunk, alpha, negative):
    """Train W_out on one chunk, whose centres have the vectors X. Returns the step of X, (C, P), and the loss."""
    K = negatives.shape[1]
    first, last = CHUNK * chunk, CHUNK * chunk + len(X)
    low, high = left[first:last].min(), right[first:last].max()
    contexts, noise = tokens[low:high], negatives[chunk]
    position, place = np.arange(first, last)[:, None], np.arange(low, high)
    seen = (place >= left[first:last, None]) & (place < right[first:last, None]) & (place != position)  # (C, J)
    pairs = seen.sum(axis=1, keepdims=True)  # (C, 1)
    same = seen.astype(int) @ (contexts[:, None] == noise).astype(int)  # (C, K): a context is not its own noise
    weight = (pairs - same) * (negative / K)  # (C, K)

    Y, N = W_out[contexts], W_out[noise]  # (J, P), (K, P)
    scores, noise_scores = X @ Y.T, X @ N.T  # (C, J), (C, K)
    loss = (seen * softplus_numpy(-scores)).sum() + (weight * softplus_numpy(noise_scores)).sum()
    G = alpha * seen * (1 - sigmoid_numpy(scores))  # (C, J)
    H = -alpha * weight * sigmoid_numpy(noise_scores)  # (C, K)
    np.add.at(W_out, contexts, G.T @ X)
    np.add.at(W_out, noise, H.T @ X)
    return G @ Y + H @ N, loss


@compiled
def block_cpu(W_in, W_out, tokens, left, right, negatives, alphas, negative):
    """Compiled :func:`block_numpy`: products of tiles whose sums stay in registers."""
    T = tokens.shape[0]
    P = W_in.shape[1]
    v, u = W_in.reshape(-1), W_out.reshape(-1)
    room = room_for_chunks(left, right, T, negatives.shape[1], P)
    J, X, Y, G = room[0], room[1], room[2], room[3].reshape(-1)
    centres = np.zeros(CHUNK, np.int64)
    loss = 0.0
    for chunk in range(negatives.shape[0]):
        first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), T)
        for r in range(CHUNK):
            centres[r] = tokens[first + r] if first + r < last else 0
        gather(v, centres, last - first, P, X)
        for i in range(last, min(last + CHUNK, T)):
            fetch_row(v, tokens[i], P)
        loss += chunk_gradient(u, P, tokens, left, right, negatives, chunk, alphas[chunk], negative, room)
        low, _ = seen_from(left, right, first, last, 0, CHUNK)
        for row in range(0, CHUNK, 8):
            begin, end = seen_from(left, right, first, last, row, 8)
            add_products(v, centres, last - first, G, G.shape[0] // CHUNK, 1, Y, P, row, begin - low, end - low, J)
        update_targets(u, P, left, right, first, last, negatives.shape[1], room)
    return loss


@compiled
def room_for_chunks(left, right, T, K, P):
    """Blocks that chunk after chunk is worked on in: J, X, Y, G, and what else :func:`chunk_gradient` needs."""
    widest = 0
    for first in range(0, T, CHUNK):
        low, high = seen_from(left, right, first, min(first + CHUNK, T), 0, CHUNK)
        widest = max(widest, high - low)
    J = (widest + 7) // 8 * 8
    M = (K + 7) // 8 * 8
    # +1 for contexts, -1 for noise: σ(-x) = 1 - σ(x) lets one formula serve both.
    sign = np.ones((CHUNK, J + M), np.float32)
    sign[:, J:] = -1
    shape = CHUNK, J + M
    G, scores, weight = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    X, Y = lanes_of_zeros(CHUNK * P), lanes_of_zeros((J + M) * P)
    return J, X, Y, G, scores, weight, sign, np.zeros(J + M, np.int64)


@compiled
def chunk_gradient(u, P, tokens, left, right, negatives, chunk, alpha, negative, room):
    """Fill Y and G of the room for the chunk whose centres' vectors are in X. Returns the loss."""
    J, X, Y, G, scores, weight, sign, targets = room
    T = tokens.shape[0]
    K = negatives.shape[1]
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), T)
    low, high = seen_from(left, right, first, last, 0, CHUNK)
    n_contexts = high - low
    # Targets: the contexts, then the noise; gaps between them are filled with zeros of no weight.
    for r in range(n_contexts):
        targets[r] = tokens[low + r]
    for k in range(K):
        targets[J + k] = negatives[chunk, k]
    if last < T:
        for k in range(K):
            fetch_row(u, negatives[chunk + 1, k], P)
        for i in range(high, min(high + CHUNK, T)):
            fetch_row(u, tokens[i], P)
    gather(u, targets, n_contexts, P, Y[: J * P])
    gather(u, targets[J:], K, P, Y[J * P :])

    weight[:] = 0
    share = np.float32(negative) / np.float32(K)
    for i in range(first, last):
        r = i - first
        for j in range(left[i], right[i]):
            weight[r, j - low] = 1
        weight[r, i - low] = 0
        for k in range(K):
            weight[r, J + k] = share * (right[i] - left[i] - 1)
    for k in range(K):
        for r in range(n_contexts):
            if targets[r] == targets[J + k]:
                for i in range(first, last):
                    weight[i - first, J + k] -= share * weight[i - first, r]

    for row in range(0, CHUNK, 4):
        begin, end = seen_from(left, right, first, last, row, 4)
        for column in range((begin - low) // 4 * 4, end - low, 4):
            multiply_tile(X, Y, P, row * P, column * P, scores, row, column)
        for column in range(J, scores.shape[1], 4):
            multiply_tile(X, Y, P, row * P, column * P, scores, row, column)
    return gradient(scores.reshape(-1), weight.reshape(-1), sign.reshape(-1), G.reshape(-1), alpha)


@compiled
def update_targets(u, P, left, right, first, last, K, room):
    """Add the chunk's gradient of its contexts and noise to their rows."""
    J, X, G, targets = room[0], room[1], room[3].reshape(-1), room[7]
    low, high = seen_from(left, right, first, last, 0, CHUNK)
    width = targets.shape[0]
    for row in range(0, high - low, 8):
        # The centres that see these eight contexts.
        begin, end = last, first
        for i in range(first, last):
            if left[i] < low + row + 8 and right[i] > low + row:
                begin, end = min(begin, i), i + 1
        add_products(u, targets, high - low, G, 1, width, X, P, row, begin - first, end - first, CHUNK)
    for row in range(J, width, 8):
        add_products(u, targets, J + K, G, 1, width, X, P, row, 0, CHUNK, CHUNK)


@compiled
def seen_from(left, right, first, last, row, rows):
    """Where the windows of the chunk's centres row, row + 1, … begin and end."""
    start = min(first + row, last - 1)
    begin, end = left[start], right[start]
    for i in range(start, min(first + row + rows, last)):
        begin, end = min(begin, left[i]), max(end, right[i])
    return begin, end


# On a GPU ------------------------------------------------------------------------------------------------------------


@functools.cache
def centre_functions():
    """Device functions, as ``kernels/runs.py`` has them: a token has one row, its own."""
    from numba import cuda

    @cuda.jit(device=True)
    def count(i, text):
        return 1

    @cuda.jit(device=True)
    def row(i, p, text):
        return text[0][i]

    return count, row


@functools.cache
def window_functions():
    """Device functions: a token has the rows of the words in its window."""
    from numba import cuda

    @cuda.jit(device=True)
    def count(i, text):
        return text[2][i] - text[1][i] - 1

    @cuda.jit(device=True)
    def row(i, p, text):
        j = text[1][i] + p
        return text[0][j + 1 if j >= i else j]

    return count, row


@functools.cache
def weigh_window():
    """Device function: a token is to tell the words of its window; noise counts for each of them, but for itself."""
    from numba import cuda

    @cuda.jit(device=True)
    def weigh(i, c, low, J, text, noise, share):
        tokens, begin, end = text[0], text[1][i], text[2][i]
        if c < J:
            return np.float32(1 if begin <= low + c < end and low + c != i else 0)
        pairs = 0
        for j in range(begin, end):
            pairs += 1 if j != i and tokens[j] != noise[c - J] else 0
        return share * np.float32(pairs)

    return weigh


@functools.cache
def _span_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def span(left, right, spans):
        chunk = cuda.grid(1)
        if chunk < spans.shape[0]:
            first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), left.shape[0])
            low, high = left[first], right[first]
            for i in range(first, last):
                low, high = min(low, left[i]), max(high, right[i])
            spans[chunk, 0], spans[chunk, 1] = low, high

    return span


def spans_cuda(left, right, chunks):
    """Where the windows of each chunk begin and end: an array of the host, (C, 2), int32."""
    if chunks == 0:
        return np.empty((0, 2), np.int32)
    from numba import cuda

    spans = cuda.device_array((chunks, 2), np.int32)
    _span_kernel()[-(-chunks // THREADS), THREADS](left, right, spans)
    return spans.copy_to_host()


@functools.cache
def _pair_kernel():
    return single_kernel(*centre_functions(), *window_functions())


def pair_cuda(W_in, W_out, tokens, left, right, negatives, alphas):
    """:func:`pair_numpy` on a GPU: runs of 1024 tokens, which race with each other (``kernels/runs.py``)."""
    return train_singly(_pair_kernel(), W_in, W_out, (tokens, left, right), negatives, alphas, False, False)


@functools.cache
def _block_kernel():
    return chunk_kernel(CHUNK, *centre_functions(), weigh_window())


def block_cuda(W_in, W_out, tokens, left, right, negatives, alphas, negative):
    """:func:`block_numpy` on a GPU: runs of 64 chunks, which race with each other (``kernels/runs.py``)."""
    spans = spans_cuda(left, right, len(negatives))
    text = tokens, left, right
    return train_chunks(_block_kernel(), CHUNK, W_in, W_out, text, negatives, alphas, negative, False, False, spans)


IMPLEMENTATIONS = {"numpy": block_numpy, "cpu": block_cpu, "cuda": block_cuda}
PAIR_IMPLEMENTATIONS = {"numpy": pair_numpy, "cpu": pair_cpu, "cuda": pair_cuda}
