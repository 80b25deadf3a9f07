"""PV-DBOW: a document's vector alone predicts the document's words (Le & Mikolov 2014, section 2.3).

    L = -log σ(u_w · d) - Σ_k log σ(-u_k · d)

    -∂L/∂d = (1 - σ(u_w · d)) u_w - Σ_k σ(u_k · d) u_k        -∂L/∂u_w = (1 - σ(u_w · d)) d

All words of a document are predicted from one and the same vector. So a chunk is made of 16 documents and R words of
each, and takes its K noise words once for each document, not for each word: 16 (R + K) scores for 16 R words. Documents
of a chunk should be different ones; ``embeddings/text/doc2vec_training.py`` sees to it.

======= ============= ================= ==============================================================================
symbol  variable      shape             what it is
======= ============= ================= ==============================================================================
d       W_in          (Z, P) float32    vectors, those of documents among them; P is a multiple of 16
u       W_out         (V, P) float32    output vectors
        rows          (C, 16) int32     the documents of each chunk, rows of W_in
w       words         (C, R, 16) int32  ``words[c, t, r]`` is the t-th word of document r
n       counts        (C, 16) int32     how many there are, up to R; any words stand behind them
        negatives     (C, K) int32      noise words of each chunk
α       alphas        (C,) float32      learning rate of each chunk
======= ============= ================= ==============================================================================

All gradients of a chunk come from the vectors before it. Each of a document's n words has ``negative`` noise words, for
which the chunk's K stand: a noise word counts ``negative / K`` times for each of the n that is another word. Every
function returns the summed loss before each update, in float64.

Le & Mikolov, "Distributed Representations of Sentences and Documents", ICML 2014.
"""

import functools

import numpy as np

from kernels.compile import UNCOUNTED, compiled
from kernels.runs import chunk_kernel, train_chunks
from kernels.simd import LANES, add_lanes, fetch, fma, lanes_of_zeros, load, splat, spread, store
from kernels.skipgram import centre_functions, sigmoid_numpy, softplus_numpy, whole
from kernels.team import run_team, wait
from kernels.tiles import (
    CHUNK,
    PARTS,
    add_products,
    add_row,
    gradient,
    in_parts,
    multiply,
    own_columns,
    stride_of,
    turn,
)

# Targets that one thread takes at a time.
SOME = 8


def dbow_numpy(W_in, W_out, words, counts, rows, negatives, alphas, negative):
    """Chunk after chunk. Returns the loss.

    Examples
    --------
    By hand: a document d = (1, 0, …) of one word u = 0. σ(0) = 1/2, so u moves by α/2 · d, and d by nothing.

    >>> W_in, W_out = np.eye(1, 16, dtype=np.float32), np.zeros((1, 16), np.float32)
    >>> words, counts, rows = np.zeros((1, 1, 16), int), np.eye(1, 16, dtype=int), np.zeros((1, 16), int)
    >>> loss = dbow_numpy(W_in, W_out, words, counts, rows, np.empty((1, 0), int), np.array([0.5]), 0)
    >>> W_out[0, 0].item(), W_in[0, 0].item(), round(loss, 4)
    (0.25, 1.0, 0.6931)
    """
    loss = 0.0
    for w, n, own, noise, alpha in zip(words, counts, rows, negatives, alphas, strict=True):
        X, Y, N = W_in[own], W_out[w], W_out[noise]  # (16, P), (R, 16, P), (K, P)
        is_word = np.arange(len(w))[:, None] < n  # (R, 16)
        differ = (is_word[:, None] & (w[:, None] != noise[:, None])).sum(axis=0)  # (K, 16)
        weight = differ * (negative / max(len(noise), 1))
        scores, noise_scores = (Y * X).sum(axis=2), N @ X.T  # (R, 16), (K, 16)
        loss += (is_word * softplus_numpy(-scores)).sum() + (weight * softplus_numpy(noise_scores)).sum()
        G = alpha * is_word * (1 - sigmoid_numpy(scores))  # (R, 16)
        G_noise = -alpha * weight * sigmoid_numpy(noise_scores)  # (K, 16)
        np.add.at(W_in, own, (G[:, :, None] * Y).sum(axis=0) + G_noise.T @ N)
        np.add.at(W_out, w[is_word], (G[:, :, None] * X)[is_word])
        np.add.at(W_out, noise, G_noise @ X)
    return float(loss)


def dbow_cpu(W_in, W_out, words, counts, rows, negatives, alphas, negative, workers=1):
    """:func:`dbow_numpy` on so many threads, with the same bits.

    Threads share out the scores by documents and noise words, their gradients by targets, and what is added to the
    matrices by columns. For several threads, the matrices come as ``in_parts`` makes them.
    """
    W_in, W_out = (W if isinstance(W, tuple) else in_parts(W) for W in (W_in, W_out))
    C, R, _ = words.shape
    n_targets = whole(negatives.shape[1]) + whole(R)
    losses = np.zeros((C, n_targets // SOME))
    parts, G = lanes_of_zeros(PARTS * n_targets * CHUNK).reshape(PARTS, -1), lanes_of_zeros(n_targets * CHUNK)
    text = words.reshape(C, CHUNK * R), counts, rows
    run_team(workers, _train, W_in, W_out, text, negatives, alphas, negative, losses, parts, G)
    return float(losses.sum())


@compiled(fastmath=False)
def _train(worker, workers, arrivals, W_in, W_out, text, negatives, alphas, negative, losses, parts, G):
    M, widest = whole(negatives.shape[1]), max(W_in[0].shape[1], W_in[1].shape[1])
    X, E, turned = lanes_of_zeros(CHUNK * widest), lanes_of_zeros(CHUNK * widest), lanes_of_zeros(CHUNK * widest)
    room = X, E, turned, lanes_of_zeros(M * widest), lanes_of_zeros(CHUNK * SOME), np.arange(CHUNK)
    _train_in(worker, workers, arrivals, W_in, W_out, text, negatives, alphas, negative, losses, parts, G, *room)
    return 0


@compiled(fastmath=False, **UNCOUNTED)
def _train_in(worker, workers, arrivals, W_in, W_out, text, negatives, alphas, negative, losses, parts, G, X, E, turned,
              Y, weight, itself):  # fmt: skip
    words, counts, rows = text
    (C, K), M = negatives.shape, whole(negatives.shape[1])
    n_scores, n_losses = CHUNK + M // SOME, losses.shape[1]
    stage = 0
    for chunk in range(C):
        part_turned = -1
        for n in range(worker * PARTS * n_scores // workers, (worker + 1) * PARTS * n_scores // workers):
            part, unit = n // n_scores, n % n_scores
            d, u, P = W_in[part], W_out[part], W_in[part].shape[1]
            if unit < CHUNK:
                score_words(d, u, text, chunk, unit, M, parts[part])
                continue
            if part_turned < part:
                gather(d, rows[chunk], CHUNK, 0, P, X)
                turn(X, P, turned)
                part_turned = part
            k = SOME * (unit - CHUNK)
            if chunk + 1 < C:
                fetch_rows(u, negatives[chunk + 1, k:], min(SOME, K - k))
            gather(u, negatives[chunk, k:], min(SOME, K - k), 0, P, Y)
            multiply(turned, Y, P, 0, parts[part, CHUNK * k :])
        stage = wait(arrivals, workers, stage)
        for n in range(worker * n_losses // workers, (worker + 1) * n_losses // workers):
            first = SOME * n
            weigh(words[chunk], counts[chunk], negatives[chunk], first, negative, weight)
            sign = np.float32(1 if first >= M else -1)
            own = parts[:, CHUNK * first :], weight, 0, SOME, sign, alphas[chunk], G[CHUNK * first :]
            losses[chunk, n] = gradient(*own)
        stage = wait(arrivals, workers, stage)
        for part in range(PARTS):
            begin, end = own_columns(worker, workers, part, W_in)
            if end > begin:
                step(W_in[part], W_out[part], text, negatives[chunk], chunk, G, X, E, Y, itself, begin, end)
        if workers > PARTS:
            # Others may read these columns next.
            stage = wait(arrivals, workers, stage)
    return 0


@compiled(**UNCOUNTED)
def gather(W, rows, count, begin, end, block):
    """block[r] = W[rows[r]] for r < count, columns begin to end."""
    P, stride = W.shape[1], stride_of(W)
    for r in range(count):
        w = np.int64(rows[r]) * stride
        for d in range(begin, end, LANES):
            store(block, r * P + d, load(W, w + d))


@compiled(**UNCOUNTED)
def fetch_rows(W, rows, count):
    """Ask for so many rows ahead of time."""
    for r in range(count):
        w = np.int64(rows[r]) * stride_of(W)
        for d in range(0, W.shape[1], LANES):
            fetch(W, w + d)


@compiled(**UNCOUNTED)
def score_words(d, u, text, chunk, r, M, scores):
    """Scores of a document's words, behind those of M noise words."""
    words, counts, rows = text
    P, x, stride = u.shape[1], np.int64(rows[chunk, r]) * stride_of(d), stride_of(u)
    if chunk + 1 < words.shape[0]:
        fetch_rows(u, words[chunk + 1, r::CHUNK], counts[chunk + 1, r])
    for t in range(r, CHUNK * counts[chunk, r], CHUNK):
        w, product = np.int64(words[chunk, t]) * stride, splat(0)
        for column in range(0, P, LANES):
            product = fma(load(d, x + column), load(u, w + column), product)
        scores[CHUNK * M + t] = add_lanes(product)


@compiled(fastmath=False, **UNCOUNTED)
def weigh(words, counts, noise, first, negative, weight):
    """How often each of the targets first to first + 7 counts for each document: noise words come first, then words."""
    K = noise.shape[0]
    M, share = whole(K), np.float32(negative) / np.float32(max(K, 1))
    for n in range(SOME):
        target = first + n
        for r in range(CHUNK):
            if target >= M:
                weight[CHUNK * n + r] = target - M < counts[r]
            else:
                weight[CHUNK * n + r] = share * np.float32(counts[r]) if target < K else 0
        if target < K:
            n_same = 0
            for t in range(words.shape[0]):
                n_same += words[t] == noise[target]
            for t in range(words.shape[0] if n_same else 0):
                if words[t] == noise[target] and t // CHUNK < counts[t % CHUNK]:
                    # A word is not its own noise.
                    weight[CHUNK * n + t % CHUNK] -= share


@compiled(fastmath=False, **UNCOUNTED)
def step(d, u, text, noise, chunk, G, X, E, Y, itself, begin, end):
    """Add the steps of a chunk, columns begin to end; ``itself`` counts from 0 to 15."""
    words, counts, rows = text
    K, P, stride = noise.shape[0], u.shape[1], stride_of(u)
    M = whole(K)
    gather(d, rows[chunk], CHUNK, begin, end, X)
    gather(u, noise, K, begin, end, Y)
    for r in range(CHUNK):
        for column in range(begin, end, LANES):
            e = splat(0)
            for t in range(r, CHUNK * counts[chunk, r], CHUNK):
                e = fma(spread(G, CHUNK * M + t), load(u, np.int64(words[chunk, t]) * stride + column), e)
            store(E, r * P + column, e)
    for r in range(0, CHUNK, 8):
        add_products(E, P, itself[r:], 8, G, r, 1, CHUNK, Y, P, 0, K, 0, 0, begin, end)
    for r in range(CHUNK):
        for t in range(r, CHUNK * counts[chunk, r], CHUNK):
            g, w = spread(G, CHUNK * M + t), np.int64(words[chunk, t]) * stride
            for column in range(begin, end, LANES):
                store(u, w + column, fma(g, load(X, r * P + column), load(u, w + column)))
    for k in range(0, K, 8):
        add_products(u, stride, noise[k:], K - k, G, CHUNK * k, CHUNK, 1, X, P, 0, CHUNK, 0, 0, begin, end)
    for r in range(CHUNK):
        add_row(d, np.int64(rows[chunk, r]) * stride_of(d), E, r * P, begin, end)


# On a GPU ------------------------------------------------------------------------------------------------------------


@functools.cache
def _weigh_words():
    """Device function: a document is to tell its own words; noise counts for each that is another word."""
    from numba import cuda

    @cuda.jit(device=True)
    def weigh(i, c, low, J, text, noise, share):
        count = text[1][i]
        if c < J:
            return np.float32(1 if c % CHUNK == i % CHUNK and c // CHUNK < count else 0)
        differ = 0
        for t in range(count):
            differ += 1 if text[0][low + CHUNK * t + i % CHUNK] != noise[c - J] else 0
        return share * np.float32(differ)

    return weigh


@functools.cache
def _kernel():
    from numba import cuda

    @cuda.jit(device=True)
    def row(i, p, text):
        return text[2][i]

    return chunk_kernel(CHUNK, centre_functions()[0], row, _weigh_words())


def dbow_cuda(W_in, W_out, words, counts, rows, negatives, alphas, negative):
    """:func:`dbow_numpy` on a GPU, a chunk at a time (``kernels/runs.py``)."""
    from numba import cuda

    C, R, _ = words.shape
    text = tuple(cuda.to_device(a.copy_to_host().reshape(-1)) for a in (words, counts, rows))
    ends = np.arange(1, C + 1, dtype=np.int32) * (CHUNK * R)
    spans = np.stack([ends - CHUNK * R, ends], axis=1).astype(np.int32)
    return train_chunks(_kernel(), CHUNK, W_in, W_out, text, negatives, alphas, negative, 1, False, False, spans)


IMPLEMENTATIONS = {"numpy": dbow_numpy, "cpu": dbow_cpu, "cuda": dbow_cuda}
