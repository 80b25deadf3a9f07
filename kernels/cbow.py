"""CBOW with negative sampling: predict a word from the mean of the words around it.

For a centre word w whose window holds n words c, with h = (1/n) Σ_c v_c and K noise words (Mikolov et al. 2013a,
section 3.1; the objective of 2013b, equation 4, with h for the input vector):

    L = -log σ(u_w · h) - Σ_k log σ(-u_k · h)

    e = -∂L/∂h = (1 - σ(u_w · h)) u_w - Σ_k σ(u_k · h) u_k        ∂L/∂v_c = -e / n

The published word2vec.c, and gensim after it, leave the division by n out of the last formula; ``legacy`` does as they
do (İrsoy, Benton & Stratos 2021, "Corrected CBOW Performs as well as Skip-gram", section 3). With ``mean=False``, h is
the sum, and both agree.

``word`` makes the update one centre at a time; ``block`` takes CHUNK = 8 centres, which share their noise, as in
``kernels/skipgram.py``, whose table of symbols holds here, too. Every function returns the summed loss.
"""

import functools

import numpy as np

from kernels.compile import compiled
from kernels.runs import chunk_kernel, single_kernel, train_chunks, train_singly
from kernels.simd import LANES, add_lanes, fetch_row, fma, lanes_of_zeros, load, sigmoid_softplus, splat, store
from kernels.skipgram import centre_functions, seen_from, sigmoid_numpy, softplus_numpy, window_functions
from kernels.tiles import add_products, gather, gradient, multiply_tile

CHUNK = 8


def word_numpy(W_in, W_out, tokens, left, right, negatives, alphas, mean, legacy):
    """One centre after the other; ``negatives`` has a row for each centre that has a context. Returns the loss.

    Examples
    --------
    The context 0, 2 of the word 1: h = (1, 1) / 2, and σ(0) = 1/2.

    >>> W_in, W_out = np.eye(3, 16, dtype=np.float32), np.zeros((3, 16), np.float32)
    >>> window = np.array([0, 0, 2]), np.array([1, 3, 3])
    >>> _ = word_numpy(W_in, W_out, np.array([0, 1, 2]), *window, np.empty((1, 0), int), np.full(3, 0.5), True, False)
    >>> W_out[1, :3].tolist()
    [0.125, 0.0, 0.125]
    """
    loss, row = 0.0, 0
    for i in range(len(tokens)):
        contexts = np.concatenate([tokens[left[i] : i], tokens[i + 1 : right[i]]])
        if len(contexts) == 0:
            continue
        h = W_in[contexts].mean(axis=0) if mean else W_in[contexts].sum(axis=0)  # (P,)
        e = np.zeros_like(h)
        for target, label in [(tokens[i], 1)] + [(n, 0) for n in negatives[row] if n != tokens[i]]:
            u = W_out[target]
            score = u @ h
            loss += softplus_numpy(-score if label else score)
            g = alphas[i] * (label - sigmoid_numpy(score))
            e += g * u
            u += g * h
        np.add.at(W_in, contexts, e / len(contexts) if mean and not legacy else e)
        row += 1
    return float(loss)


@compiled
def word_cpu(W_in, W_out, tokens, left, right, negatives, alphas, mean, legacy):
    """Compiled :func:`word_numpy`."""
    P = W_in.shape[1]
    h, e = np.empty(P, np.float32), np.empty(P, np.float32)
    loss = 0.0
    row = 0
    for i in range(tokens.shape[0]):
        n = right[i] - left[i] - 1
        if n < 1:
            continue
        h[:] = 0
        e[:] = 0
        for j in range(left[i], right[i]):
            if j != i:
                v = W_in[tokens[j]]
                for d in range(P):
                    h[d] += v[d]
        if mean:
            for d in range(P):
                h[d] /= np.float32(n)
        for k in range(-1, negatives.shape[1]):
            target = tokens[i] if k < 0 else negatives[row, k]
            if k >= 0 and target == tokens[i]:
                continue
            u = W_out[target]
            score = np.float32(0)
            for d in range(P):
                score += u[d] * h[d]
            p, missed = sigmoid_softplus(score if k < 0 else -score)
            loss += missed
            g = alphas[i] * (np.float32(1) - p if k < 0 else p - np.float32(1))
            for d in range(P):
                e[d] += g * u[d]
            for d in range(P):
                u[d] += g * h[d]
        share = np.float32(1) / np.float32(n) if mean and not legacy else np.float32(1)
        for j in range(left[i], right[i]):
            if j != i:
                v = W_in[tokens[j]]
                for d in range(P):
                    v[d] += share * e[d]
        row += 1
    return loss


def block_numpy(W_in, W_out, tokens, left, right, negatives, alphas, negative, mean, legacy):
    """Chunk by chunk, with K shared noise words that count ``negative / K`` times. Returns the loss."""
    T, K = len(tokens), negatives.shape[1]
    loss = 0.0
    for chunk in range(len(negatives)):
        first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), T)
        low, high = left[first:last].min(), right[first:last].max()
        centres, contexts, noise = tokens[first:last], tokens[low:high], negatives[chunk]
        position, place = np.arange(first, last)[:, None], np.arange(low, high)
        seen = (place >= left[first:last, None]) & (place < right[first:last, None]) & (place != position)  # (C, J)
        n = seen.sum(axis=1, keepdims=True)  # (C, 1)
        has_context = n > 0
        average = seen / np.maximum(n, 1) if mean else seen.astype(float)  # (C, J)
        H = average @ W_in[contexts]  # (C, P)
        Y, N = W_out[centres], W_out[noise]  # (C, P), (K, P)
        scores = (H * Y).sum(axis=1, keepdims=True)  # (C, 1)
        noise_scores = H @ N.T  # (C, K)
        weight = has_context * (noise != centres[:, None]) * (negative / K)  # (C, K)
        loss += (has_context * softplus_numpy(-scores)).sum() + (weight * softplus_numpy(noise_scores)).sum()
        G = alphas[chunk] * has_context * (1 - sigmoid_numpy(scores))  # (C, 1)
        G_noise = -alphas[chunk] * weight * sigmoid_numpy(noise_scores)  # (C, K)
        E = G * Y + G_noise @ N  # (C, P)
        np.add.at(W_out, centres, G * H)
        np.add.at(W_out, noise, G_noise.T @ H)
        np.add.at(W_in, contexts, (average if mean and not legacy else seen.astype(float)).T @ E)
    return float(loss)


@compiled
def block_cpu(W_in, W_out, tokens, left, right, negatives, alphas, negative, mean, legacy):
    """Compiled :func:`block_numpy`."""
    T = tokens.shape[0]
    P = W_in.shape[1]
    K = negatives.shape[1]
    v, u = W_in.reshape(-1), W_out.reshape(-1)
    widest = 0
    for first in range(0, T, CHUNK):
        low, high = seen_from(left, right, first, min(first + CHUNK, T), 0, CHUNK)
        widest = max(widest, high - low)
    M = (K + 7) // 8 * 8
    # Column 0 is the centre itself; the noise stands from column M0 on.
    M0 = 8
    X, sums = lanes_of_zeros(widest * P), lanes_of_zeros((widest + 1) * P)
    H, E, Y, N = lanes_of_zeros(CHUNK * P), lanes_of_zeros(CHUNK * P), lanes_of_zeros(CHUNK * P), lanes_of_zeros(M * P)
    own, noise, rows = np.zeros(CHUNK, np.int64), np.zeros(M, np.int64), np.arange(CHUNK)
    scores = np.zeros((CHUNK, M0 + M), np.float32)
    weight = np.zeros((CHUNK, M0 + M), np.float32)
    G = np.zeros((CHUNK, M0 + M), np.float32)
    sign = np.ones((CHUNK, M0 + M), np.float32)
    sign[:, M0:] = -1
    flat_G = G.reshape(-1)
    W = M0 + M
    one, minus = splat(1), splat(-1)
    loss = 0.0
    for chunk in range(negatives.shape[0]):
        first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), T)
        low, high = seen_from(left, right, first, last, 0, CHUNK)
        for r in range(CHUNK):
            own[r] = tokens[first + r] if first + r < last else 0
        for k in range(K):
            noise[k] = negatives[chunk, k]
        if last < T:
            for k in range(K):
                fetch_row(u, negatives[chunk + 1, k], P)
            for i in range(last, min(last + CHUNK, T)):
                fetch_row(u, tokens[i], P)
            for i in range(high, min(high + CHUNK, T)):
                fetch_row(v, tokens[i], P)
        gather(u, own, last - first, P, Y)
        gather(u, noise, K, P, N)
        gather(v, tokens[low:high], high - low, P, X)
        # The sum over a window is the difference of two running sums: the same work for every reach.
        for d in range(0, P, LANES):
            s = splat(0)
            for j in range(high - low):
                s = fma(one, load(X, j * P + d), s)
                store(sums, (j + 1) * P + d, s)
        weight[:] = 0
        for r in range(last - first):
            i = first + r
            n = right[i] - left[i] - 1
            scale = splat((np.float32(1) / np.float32(n) if mean else np.float32(1)) if n > 0 else np.float32(0))
            begin, end, itself = (left[i] - low) * P, (right[i] - low) * P, (i - low) * P
            s = splat(0)
            for d in range(0, P, LANES):
                h = fma(minus, load(sums, begin + d), load(sums, end + d))
                h = fma(scale, fma(minus, load(X, itself + d), h), splat(0))
                store(H, r * P + d, h)
                s = fma(h, load(Y, r * P + d), s)
            scores[r, 0] = add_lanes(s)
            if n > 0:
                weight[r, 0] = 1
                for k in range(K):
                    weight[r, M0 + k] = np.float32(negative) / np.float32(K) if noise[k] != own[r] else 0
        for row in range(0, CHUNK, 4):
            for column in range(0, M, 4):
                multiply_tile(H, N, P, row * P, column * P, scores[:, M0:], row, column)
        loss += gradient(scores.reshape(-1), weight.reshape(-1), sign.reshape(-1), flat_G, alphas[chunk])

        for r in range(CHUNK):
            g = splat(G[r, 0])
            for d in range(r * P, r * P + P, LANES):
                store(E, d, fma(g, load(Y, d), splat(0)))
        for row in range(0, CHUNK, 8):
            add_products(E, rows, CHUNK, flat_G[M0:], W, 1, N, P, row, 0, M, M)
        for r in range(last - first):
            g = splat(G[r, 0])
            for d in range(0, P, LANES):
                w = own[r] * P + d
                store(u, w, fma(g, load(H, r * P + d), load(u, w)))
        for row in range(0, M, 8):
            add_products(u, noise, K, flat_G[M0:], 1, W, H, P, row, 0, CHUNK, CHUNK)

        # The other way round: a step begins at a window's first word and ends behind its last one.
        for j in range(high - low + 1):
            for d in range(0, P, LANES):
                store(sums, j * P + d, splat(0))
        for r in range(last - first):
            i = first + r
            n = right[i] - left[i] - 1
            share = splat(np.float32(1) / np.float32(max(n, 1)) if mean and not legacy else np.float32(1))
            begin, end = (left[i] - low) * P, (right[i] - low) * P
            for d in range(0, P, LANES):
                e = fma(share, load(E, r * P + d), splat(0))
                store(E, r * P + d, e)
                store(sums, begin + d, fma(one, e, load(sums, begin + d)))
                store(sums, end + d, fma(minus, e, load(sums, end + d)))
        for d in range(0, P, LANES):
            s = splat(0)
            for j in range(high - low):
                s = fma(one, load(sums, j * P + d), s)
                store(sums, j * P + d, s)
        for j in range(low, high):
            w = np.int64(tokens[j]) * P
            own_step = first <= j < last
            for d in range(0, P, LANES):
                x = fma(one, load(sums, (j - low) * P + d), load(v, w + d))
                if own_step:
                    x = fma(minus, load(E, (j - first) * P + d), x)
                store(v, w + d, x)
        # The first running sum is that of nothing.
        for d in range(0, P, LANES):
            store(sums, d, splat(0))
    return loss


@functools.cache
def _weigh_itself():
    """Device function, as ``kernels/runs.py`` has it: a token that has a context is to tell itself from noise."""
    from numba import cuda

    @cuda.jit(device=True)
    def weigh(i, c, low, J, text, noise, share):
        tokens, left, right = text
        if right[i] - left[i] < 2:
            return np.float32(0)
        if c < J:
            return np.float32(1 if low + c == i else 0)
        return share if noise[c - J] != tokens[i] else np.float32(0)

    return weigh


@functools.cache
def _word_kernel():
    return single_kernel(*window_functions(), *centre_functions())


def word_cuda(W_in, W_out, tokens, left, right, negatives, alphas, mean, legacy):
    """:func:`word_numpy` on a GPU: runs of 1024 tokens, which race with each other (``kernels/runs.py``)."""
    text, divide = (tokens, left, right), mean and not legacy
    return train_singly(_word_kernel(), W_in, W_out, text, negatives, alphas, mean, divide)


@functools.cache
def _block_kernel():
    return chunk_kernel(CHUNK, *window_functions(), _weigh_itself())


def block_cuda(W_in, W_out, tokens, left, right, negatives, alphas, negative, mean, legacy):
    """:func:`block_numpy` on a GPU: runs of 64 chunks, which race with each other (``kernels/runs.py``)."""
    # The targets of a chunk are its own tokens.
    bounds = np.append(CHUNK * np.arange(len(negatives)), len(tokens)).astype(np.int32)
    spans, text = np.stack([bounds[:-1], bounds[1:]], axis=1), (tokens, left, right)
    arguments = text, negatives, alphas, negative, mean, mean and not legacy
    return train_chunks(_block_kernel(), CHUNK, W_in, W_out, *arguments, spans)


IMPLEMENTATIONS = {"numpy": block_numpy, "cpu": block_cpu, "cuda": block_cuda}
WORD_IMPLEMENTATIONS = {"numpy": word_numpy, "cpu": word_cpu, "cuda": word_cuda}
