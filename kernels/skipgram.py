"""Skip-gram with negative sampling: learn a word's vector by predicting the words around it.

For a centre word w with a word c in its window, and K noise words n drawn from the unigram distribution to the power
3/4, the loss is (Mikolov et al. 2013b, equation 4)

    L = -log σ(u_c · v_w) - Σ_n log σ(-u_n · v_w)

    ∂L/∂v_w = (σ(u_c · v_w) - 1) u_c + Σ_n σ(u_n · v_w) u_n
    ∂L/∂u_c = (σ(u_c · v_w) - 1) v_w
    ∂L/∂u_n =  σ(u_n · v_w)      v_w

``pair`` makes these updates one pair at a time, as the paper does. ``block`` takes CHUNK = 16 neighbouring centres at
once: they share their noise words, which makes every sum above a product of small matrices; each noise word counts
(pairs of the centre) · negative / K times, so that the expected gradient is the same (Ji et al. 2016, "Parallelizing
Word2Vec in Shared and Distributed Memory", section III). All gradients of a batch of chunks come from the values before
it; so threads can share a batch out, and their number changes nothing.

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

from kernels.compile import UNCOUNTED, compiled
from kernels.runs import THREADS, chunk_kernel, single_kernel, train_chunks, train_singly
from kernels.simd import LANES, fetch, fetch_all, lanes_of_zeros, load, store
from kernels.team import run_team, wait
from kernels.tiles import (
    CHUNK,
    PARTS,
    add_products,
    clear,
    gather,
    gradient,
    in_parts,
    multiply,
    own_columns,
    stride_of,
    turn,
)


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
                x = score if k < 0 else -score
                loss += np.log1p(np.exp(-abs(x))) + max(-x, np.float32(0))
                wrong = np.float32(1) / (np.float32(1) + np.exp(x))
                g = alphas[i] * (wrong if k < 0 else -wrong)
                for d in range(P):
                    step[d] += g * u[d]
                for d in range(P):
                    u[d] += g * v[d]
            for d in range(P):
                v[d] += step[d]
            pair += 1
    return loss


# A batch of chunks at a time ------------------------------------------------------------------------------------------


def block_numpy(W_in, W_out, tokens, left, right, negatives, alphas, negative, together):
    """The shared-noise update: `together` chunks see the same vectors, then all steps are added. Returns the loss.

    Parameters
    ----------
    W_in, W_out, tokens, left, right, negatives, alphas
        See the table at the top of this file.
    negative : int
        Noise words of one pair; each of a chunk's K stands for ``negative / K`` of them.
    together : int
        Chunks in a batch.
    """
    loss = 0.0
    for start in range(0, len(negatives), together):
        chunks = range(start, min(start + together, len(negatives)))
        centres = [tokens[CHUNK * chunk : CHUNK * (chunk + 1)] for chunk in chunks]
        results = [
            chunk_numpy(W_in[c], W_out, tokens, left, right, negatives, chunk, alphas[chunk], negative)
            for c, chunk in zip(centres, chunks, strict=True)
        ]
        for c, (step, targets, target_step, lost) in zip(centres, results, strict=True):
            np.add.at(W_in, c, step)
            np.add.at(W_out, targets, target_step)
            loss += lost
    return float(loss)


def chunk_numpy(X, W_out, tokens, left, right, negatives, chunk, alpha, negative):
    """What the chunk whose centres have the vectors X wants to change.

    Returns
    -------
    step : array, shape (C, P)
        To be added to the centres.
    targets : array, shape (J + K,)
        Contexts and noise words.
    target_step : array, shape (J + K, P)
        To be added to them.
    loss : float
    """
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
    return G @ Y + H @ N, np.concatenate([contexts, noise]), np.concatenate([G.T @ X, H.T @ X]), loss


def block_cpu(W_in, W_out, tokens, left, right, negatives, alphas, negative, together, workers=1):
    """:func:`block_numpy` on so many threads; their number changes not one bit.

    Each stage of a batch is shared out in another way: the scores by columns and chunks, their gradients by chunks, and
    what is added to the matrices by columns. For several threads, the matrices come as ``in_parts`` makes them.
    """
    W_in, W_out = (W if isinstance(W, tuple) else in_parts(W) for W in (W_in, W_out))
    losses = np.zeros(len(negatives))
    width = whole(negatives.shape[1]) + whole(widest_chunk(left, right))
    room = batch_room(W_in, width, min(together, max(len(negatives), 1)))
    run_team(workers, _train, W_in, W_out, tokens, left, right, negatives, alphas, negative, losses, *room)
    return float(losses.sum())


@compiled
def _train(
    worker, workers, arrivals, W_in, W_out, tokens, left, right, negatives, alphas, negative, losses, X, Y, parts, G
):
    weight, turned = lanes_of_zeros(G.shape[1]), lanes_of_zeros(CHUNK * max(W_in[0].shape[1], W_in[1].shape[1]))
    numbers, room = (tokens, left, right, negatives, alphas, negative, losses), (X, Y, parts, G, weight, turned)
    _train_in(worker, workers, arrivals, W_in, W_out, *numbers, *room)
    return 0


@compiled(**UNCOUNTED)
def _train_in(worker, workers, arrivals, W_in, W_out, tokens, left, right, negatives, alphas, negative, losses, X, Y,
              parts, G, weight, turned):  # fmt: skip
    C, K = negatives.shape
    together = G.shape[0]
    stage = 0
    for start in range(0, C, together):
        size = min(together, C - start)
        for n in range(worker * PARTS * size // workers, (worker + 1) * PARTS * size // workers):
            part, c = n // size, n % size
            if workers > 1 and c + 1 < size:
                fetch_all(parts[part, c + 1])
            first, last = CHUNK * (start + c), min(CHUNK * (start + c + 1), tokens.shape[0])
            v, centres = W_in[part], X[part][c]
            gather(v, stride_of(v), tokens[first:last], last - first, v.shape[1], centres)
            turn(centres, v.shape[1], turned)
            score(W_out[part], tokens, left, right, negatives, start + c, turned, Y[part][c], parts[part, c])
        stage = wait(arrivals, workers, stage)
        gradients(
            worker, workers, start, size, tokens, left, right, negatives, alphas, negative, parts, weight, losses, G
        )
        stage = wait(arrivals, workers, stage)
        for part in range(PARTS):
            begin, end = own_columns(worker, workers, part, W_in)
            for c in range(size if end > begin else 0):
                if workers > 1 and c + 1 < size:
                    fetch_all(G[c + 1])
                chunk = start + c
                rows = tokens[CHUNK * chunk : CHUNK * (chunk + 1)]
                add_to_centres(W_in[part], rows, left, right, K, chunk, G[c], Y[part][c], begin, end)
                add_to_targets(W_out[part], tokens, left, right, negatives, chunk, G[c], X[part][c], begin, end)
        if workers > PARTS:
            # Others may read these columns next.
            stage = wait(arrivals, workers, stage)
    return 0


def batch_room(W, width, together):
    """What the chunks of a batch need: centres, targets, parts of their scores, and G."""
    X = tuple(lanes_of_zeros(together * CHUNK * part.shape[1]).reshape(together, -1) for part in W)
    Y = tuple(lanes_of_zeros(together * width * part.shape[1]).reshape(together, -1) for part in W)
    parts = lanes_of_zeros(PARTS * together * CHUNK * width).reshape(PARTS, together, -1)
    return X, Y, parts, lanes_of_zeros(together * CHUNK * width).reshape(together, -1)


@compiled
def widest_chunk(left, right):
    """The most contexts that a chunk has."""
    widest, T = 0, left.shape[0]
    for first in range(0, T, CHUNK):
        low, high = seen_from(left, right, first, min(first + CHUNK, T))
        widest = max(widest, high - low)
    return widest


@compiled
def whole(n):
    """The next multiple of 8."""
    return (n + 7) // 8 * 8


@compiled(**UNCOUNTED)
def score(u, tokens, left, right, negatives, chunk, turned, Y, scores):
    """Scores of a chunk's centres with its targets: first the noise words, then the contexts.

    Y is filled with the targets; u, Y and the centres, which come turned, may be a part of the columns.
    """
    T, K = tokens.shape[0], negatives.shape[1]
    P, stride = u.shape[1], stride_of(u)
    M = whole(K)
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), T)
    low, high = seen_from(left, right, first, last)
    if last < T:
        for d in range(0, P, LANES):
            for k in range(K):
                fetch(u, negatives[chunk + 1, k] * stride + d)
            for i in range(high, min(high + CHUNK, T)):
                fetch(u, tokens[i] * stride + d)
    gather(u, stride, negatives[chunk], K, P, Y[: M * P])
    gather(u, stride, tokens[low:high], high - low, P, Y[M * P :])
    for target in range(0, M + high - low, 8):
        multiply(turned, Y, P, target, scores)


@compiled(fastmath=False, **UNCOUNTED)
def weigh(tokens, left, right, negatives, chunk, negative, weight):
    """How often each target counts for each centre."""
    K = negatives.shape[1]
    M = whole(K)
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), tokens.shape[0])
    low, high = seen_from(left, right, first, last)
    share = np.float32(negative) / np.float32(K)
    clear(weight, weight.shape[0])
    for i in range(first, last):
        weight[i - first] = share * np.float32(right[i] - left[i] - 1)
        at = CHUNK * (M - low) + i - first
        for j in range(left[i], right[i]):
            weight[at + CHUNK * j] = 1
        weight[at + CHUNK * i] = 0
    # Every noise word weighs the same at first.
    pairs = load(weight, 0)
    for k in range(1, K):
        store(weight, CHUNK * k, pairs)
    for k in range(K):
        noise = negatives[chunk, k]
        n_same = 0
        for j in range(low, high):
            n_same += tokens[j] == noise
        if n_same:
            for j in range(low, high):
                if tokens[j] == noise:
                    # A context is not its own noise.
                    for r in range(CHUNK):
                        weight[CHUNK * k + r] -= share * weight[CHUNK * (M + j - low) + r]


@compiled(**UNCOUNTED)
def gradients(worker, workers, start, size, tokens, left, right, negatives, alphas, negative, parts, weight, losses, G):
    """Fill G and `losses` of a worker's share of the `size` chunks of a batch, which begins with chunk `start`."""
    K = negatives.shape[1]
    for c in range(worker * size // workers, (worker + 1) * size // workers):
        if workers > 1 and c + 1 < size:
            for part in range(PARTS):
                fetch_all(parts[part, c + 1])
        chunk = start + c
        weigh(tokens, left, right, negatives, chunk, negative, weight)
        losses[chunk] = chunk_gradient(left, right, K, chunk, alphas[chunk], parts[:, c], weight, G[c])


@compiled(fastmath=False, **UNCOUNTED)
def chunk_gradient(left, right, K, chunk, alpha, parts, weight, G):
    """Fill G. Returns the loss."""
    low, high = seen_from(left, right, CHUNK * chunk, min(CHUNK * (chunk + 1), left.shape[0]))
    M = whole(K)
    loss = gradient(parts, weight, 0, K, np.float32(-1), alpha, G)
    return loss + gradient(parts, weight, M, M + high - low, np.float32(1), alpha, G)


@compiled(**UNCOUNTED)
def add_to_centres(W, rows, left, right, K, chunk, G, Y, begin, end):
    """Add a chunk's steps to the rows of its centres, columns begin to end."""
    M, P = whole(K), W.shape[1]
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), left.shape[0])
    low, _ = seen_from(left, right, first, last)
    for r in range(0, last - first, 8):
        start, stop = seen_from(left, right, first + r, min(first + r + 8, last))
        start, stop, count = M + start - low, M + stop - low, last - first - r
        add_products(W, stride_of(W), rows[r:], count, G, r, 1, CHUNK, Y, P, 0, K, start, stop, begin, end)


@compiled(**UNCOUNTED)
def add_to_targets(W, tokens, left, right, negatives, chunk, G, X, begin, end):
    """Add a chunk's steps to its noise words and contexts, columns begin to end."""
    K, stride, P = negatives.shape[1], stride_of(W), W.shape[1]
    M = whole(K)
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), tokens.shape[0])
    low, high = seen_from(left, right, first, last)
    for k in range(0, K, 8):
        noise = negatives[chunk, k:]
        add_products(W, stride, noise, K - k, G, CHUNK * k, CHUNK, 1, X, P, 0, last - first, 0, 0, begin, end)
    # The first eight centres see none of the last contexts, and the others none of the first ones.
    middle = min(first + 8, last)
    _, seen_by_first = seen_from(left, right, first, middle)
    seen_by_others = seen_from(left, right, middle, last)[0] if middle < last else high
    for j in range(low, high, 8):
        start = 0 if j < seen_by_first else middle - first
        stop = last - first if j + 8 > seen_by_others else middle - first
        g, contexts = CHUNK * (M + j - low), tokens[j:high]
        add_products(W, stride, contexts, high - j, G, g, CHUNK, 1, X, P, start, stop, 0, 0, begin, end)


@compiled(**UNCOUNTED)
def seen_from(left, right, first, last):
    """Where the windows of the words first to last - 1 begin and end."""
    begin, end = left[first], right[first]
    for i in range(first, last):
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


def block_cuda(W_in, W_out, tokens, left, right, negatives, alphas, negative, together):
    """:func:`block_numpy` on a GPU, a thread block for each chunk of a batch (``kernels/runs.py``)."""
    spans = spans_cuda(left, right, len(negatives))
    arguments = (tokens, left, right), negatives, alphas, negative, together, False, False, spans
    return train_chunks(_block_kernel(), CHUNK, W_in, W_out, *arguments)


IMPLEMENTATIONS = {"numpy": block_numpy, "cpu": block_cpu, "cuda": block_cuda}
PAIR_IMPLEMENTATIONS = {"numpy": pair_numpy, "cpu": pair_cpu, "cuda": pair_cuda}
