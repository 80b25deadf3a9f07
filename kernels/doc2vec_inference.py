"""Paragraph vectors of unseen documents: a new vector takes the steps of ``kernels/doc2vec.py``, and all else stays.

    d ← d + Σ_i α e_i        over the words i of a chunk, with the input h_i of PV-DM or PV-DBOW (Le & Mikolov 2014,
                             section 2.2, "the inference step")

Documents know nothing of each other: the noise of a chunk depends on its place in the document alone, so that one gets
the same vector in any company, and threads can share documents out as they like.

======= ============= ================= ==============================================================================
symbol  variable      shape             what it is
======= ============= ================= ==============================================================================
d       D             (N, P) float32    vectors of the documents, updated in place
        documents     (T,) int32        which document token i belongs to
        starts        (N + 1,) int64    where each document begins and ends in `tokens`
        negatives     (S, K) int32      row s is the noise of a document's words 16 s to 16 s + 15
        window                          0: inputs are sums, or means; else concatenations of so many words to both sides
======= ============= ================= ==============================================================================

All else is as in ``kernels/doc2vec.py``. Every function makes one pass over all documents with the learning rate alpha
and returns the summed loss before each update, in float64.
"""

import functools

import numpy as np

from kernels.cbow import predict_numpy
from kernels.compile import UNCOUNTED, compiled
from kernels.doc2vec import add_up_inputs, input_functions, join_inputs, place_functions, sums_room
from kernels.running_sums import four_lots, load_lots, store_lots
from kernels.runs import THREADS, error_and_loss
from kernels.simd import (
    LANES,
    add_lanes,
    fetch,
    fma,
    lanes_of_zeros,
    load,
    sigmoid_softplus,
    splat,
    spread,
    store,
    unequal,
)
from kernels.skipgram import whole
from kernels.tiles import CHUNK, clear, gather, gradient, in_parts, multiply, stride_of, turn

# So many steps of a document have their noise laid out once, for all documents.
LAID_OUT = 256


def infer_numpy(D, W_in, W_out, tokens, left, right, documents, starts, negatives, alpha, negative, mean, window,
                null):  # fmt: skip
    """Document after document, 16 words at a time.

    Examples
    --------
    A document (1, 0, …) of the word u = (1, 0, …): σ(1) = 0.73, so it moves by α · 0.27 · u.

    >>> D, u = np.eye(1, 16, dtype=np.float32), np.eye(1, 16, dtype=np.float32)
    >>> text = np.array([[0], [0], [1], [0]])  # the word, its window, its document
    >>> noise = np.empty((1, 0), int)
    >>> loss = infer_numpy(D, u, u, *text, np.array([0, 1]), noise, 1.0, 0, True, 0, 0)
    >>> round(D[0, 0].item(), 2), round(loss, 2)
    (1.27, 0.31)
    """
    loss = 0.0
    for n, (begin, end) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        for step, first in enumerate(range(begin, end, CHUNK)):
            places, inputs = range(first, min(first + CHUNK, end)), []
            for i in places:
                if window:
                    around = [j for j in range(i - window, i + window + 1) if j != i]
                    rows = [tokens[j] if left[i] <= j < right[i] else null for j in around]
                    inputs.append(np.concatenate([D[n], W_in[rows].reshape(-1)]))
                else:
                    rows = np.concatenate([tokens[left[i] : i], tokens[i + 1 : right[i]]])
                    inputs.append((D[n] + W_in[rows].sum(axis=0)) / (len(rows) + 1 if mean else 1))
            words = np.ones((len(places), 1)), W_out, tokens[places], negatives[step]
            steps, _, _, lost = predict_numpy(np.stack(inputs), *words, alpha, negative)
            D[n] += steps[:, : D.shape[1]].sum(axis=0)
            loss += lost
    return float(loss)


def infer_cpu(D, W_in, W_out, tokens, left, right, documents, starts, negatives, alpha, negative, mean, window,
              null):  # fmt: skip
    """Compiled :func:`infer_numpy`, for one thread: others may have documents of their own."""
    text = tokens, left, right, documents, np.arange(len(D), dtype=np.int32), np.arange(len(D) + 1)
    halves = in_parts(W_in), in_parts(D)  # as concatenations are made
    return _infer(D, W_in, halves, W_out, text, starts, negatives, np.float32(alpha), negative, mean, window, null)


@compiled(fastmath=False)
def _infer(D, W_in, halves, W_out, text, starts, negatives, alpha, negative, mean, window, null):
    P, (S, K) = W_out.shape[1], negatives.shape
    width = (K + LANES - 1) // LANES * LANES
    # The last place is for all steps that come behind those that are laid out once.
    places = min(S, LAID_OUT) + 1
    columns, ids = lanes_of_zeros(places * width * P).reshape(places, -1), np.full((places, width), -1, np.int32)
    share = lanes_of_zeros(width)
    share[:K] = np.float32(negative) / np.float32(max(K, 1))
    noise = negatives, columns, ids, np.full(places, -1), share
    sums = sums_room(W_in.shape[1], text[1], text[2], CHUNK)
    room = lanes_of_zeros(CHUNK * P), lanes_of_zeros(CHUNK * LANES), lanes_of_zeros(CHUNK), lanes_of_zeros(width), sums
    alone = lanes_of_zeros(CHUNK + width).reshape(1, -1), lanes_of_zeros(CHUNK + width), lanes_of_zeros(CHUNK + width)
    numbers = alpha, negative, mean, window, null
    return _infer_in(D, W_in, halves, W_out, text, np.arange(text[0].shape[0]), starts, *noise, *numbers, *room, *alone)


@compiled(fastmath=False, **UNCOUNTED)
def _infer_in(D, W_in, halves, W_out, text, order, starts, negatives, columns, ids, laid_out, share, alpha, negative,
              mean, window, null, X, scores, own, G, sums, parts, weight, alone):  # fmt: skip
    tokens, left, right = text[0], text[1], text[2]
    loss = 0.0
    for n in range(starts.shape[0] - 1):
        for step in range((starts[n + 1] - starts[n] + CHUNK - 1) // CHUNK):
            first = starts[n] + CHUNK * step
            last = min(first + CHUNK, starts[n + 1])
            words = tokens[first:last]
            for i in range(last, min(last + CHUNK, starts[n + 1])):
                for d in range(0, W_out.shape[1], LANES):
                    fetch(W_out, tokens[i] * stride_of(W_out) + d)
            if not window and are_alone(left, right, first, last):
                loss += step_alone(D, n, W_out, words, negatives[step], negative, alpha, parts, weight, alone)
                continue
            if window:
                join_inputs(*halves, 0, text, order, window, null, first, last, X)
            else:
                add_up_inputs(W_in, D, text, order, first, 0, 1, last, mean, sums, X)
            place = min(step, laid_out.shape[0] - 1)
            if laid_out[place] != step:
                lay_out(W_out, negatives[step], columns[place], ids[place])
                laid_out[place] = step
            loss += chunk_steps(W_out, words, columns[place], ids[place], share, alpha, X, scores, own, G)
            add_to_document(D, n, W_out, words, negatives[step], own, G)
    return loss


@compiled(**UNCOUNTED)
def lay_out(W, noise, columns, ids):
    """The noise words' rows as columns, sixteen beside each other, and their numbers; zeros and -1 behind the last."""
    K, P = noise.shape[0], W.shape[1]
    rows = lanes_of_zeros(LANES * P)
    for k in range(0, ids.shape[0], LANES):
        gather(W, stride_of(W), noise[k:], K - k, P, rows)
        turn(rows, P, columns[k * P :])
    for k in range(K):
        ids[k] = noise[k]


@compiled(fastmath=False, **UNCOUNTED)
def chunk_steps(W, words, columns, ids, share, alpha, X, scores, own, G):
    """The steps of a chunk's inputs towards each one's word, `own`, and of all together from each noise word, G.

    Returns the loss.
    """
    P, stride, count = W.shape[1], stride_of(W), words.shape[0]
    store(scores, 0, splat(0))
    store(own, 0, splat(0))
    for r in range(count):
        product = splat(0)
        for d in range(0, P, LANES):
            product = fma(load(X, r * P + d), load(W, words[r] * stride + d), product)
        scores[r] = add_lanes(product)
        own[r] = 1
    wrong, missed = sigmoid_softplus(load(scores, 0))
    loss = load(own, 0) * missed
    store(own, 0, splat(alpha) * load(own, 0) * wrong)
    for k in range(0, ids.shape[0], LANES):
        for r in range(0, count, 8):
            multiply(columns[k * P :], X, P, r, scores)
        total = splat(0)
        for r in range(count):
            wrong, missed = sigmoid_softplus(splat(-1) * load(scores, LANES * r))
            weight = load(share, k) * unequal(ids, k, words[r])
            loss = fma(weight, missed, loss)
            total = fma(weight, wrong, total)
        store(G, k, splat(-alpha) * total)
    return add_lanes(loss)


@compiled(fastmath=False, **UNCOUNTED)
def add_to_document(D, n, W, words, noise, own, G):
    """Add to document n the steps of its chunk; of concatenations, the columns that are its own, which come first."""
    stride, row = stride_of(W), n * stride_of(D)
    for column in range(0, D.shape[1], 4 * LANES):
        lots = four_lots(column, D.shape[1])
        s, t, u, v = load_lots(D, row, lots)
        for i in range(words.shape[0] + noise.shape[0]):
            k = i - words.shape[0]
            w = np.int64(words[i] if k < 0 else noise[k]) * stride
            g = spread(own, i) if k < 0 else spread(G, k)
            a, b, c, d = load_lots(W, w, lots)
            s, t, u, v = fma(g, a, s), fma(g, b, t), fma(g, c, u), fma(g, d, v)
        store_lots(D, row, lots, (s, t, u, v))


@compiled(**UNCOUNTED)
def are_alone(left, right, first, last):
    """Whether the tokens first to last - 1 see no others."""
    others = 0
    for i in range(first, last):
        others += right[i] - left[i] - 1
    return others == 0


@compiled(fastmath=False, **UNCOUNTED)
def step_alone(D, n, W, words, noise, negative, alpha, scores, weight, G):
    """A chunk whose words see the document alone: all sixteen inputs are one, and a score serves them all.

    The first lanes are the words', the others the noise's. Returns the loss.
    """
    K, P, count = noise.shape[0], W.shape[1], words.shape[0]
    row, stride = n * stride_of(D), stride_of(W)
    for t in range(count + K):
        w = np.int64(words[t] if t < count else noise[t - count]) * stride
        product = splat(0)
        for d in range(0, P, LANES):
            product = fma(load(D, row + d), load(W, w + d), product)
        scores[0, t if t < count else CHUNK + t - count] = add_lanes(product)
    clear(weight, whole(K) + CHUNK)
    for t in range(count):
        weight[t] = 1
    share = np.float32(negative) / np.float32(K)
    for k in range(K):
        n_differ = 0
        for t in range(count):
            n_differ += words[t] != noise[k]
        weight[CHUNK + k] = share * np.float32(n_differ)
    loss = gradient(scores, weight, 0, 1, np.float32(1), alpha, G)
    loss += gradient(scores, weight, 1, 1 + (K + LANES - 1) // LANES, np.float32(-1), alpha, G)
    add_to_document(D, n, W, words, noise, G, G[CHUNK:])
    return loss


@functools.cache
def _infer_kernel(joined):
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    both, row = error_and_loss(), (place_functions() if joined else input_functions())[1]
    float32 = np.float32

    @cuda.jit
    def infer(D, W_in, W_out, text, starts, negatives, alpha, share, mean, X, G, losses):
        n, thread = cuda.blockIdx.x, cuda.threadIdx.x
        P, width, K = W_out.shape[1], W_in.shape[1], negatives.shape[1]
        begin, end = starts[n], starts[n + 1]
        loss = 0.0
        for step in range((end - begin + CHUNK - 1) // CHUNK):
            first = begin + CHUNK * step
            size = min(CHUNK, end - first)
            for d in range(thread, P, THREADS):
                for r in range(size):
                    i = first + r
                    if joined:
                        place = d // width
                        X[n, r, d] = D[n, d] if place == 0 else W_in[row(i, place, text), d % width]
                    else:
                        total, others = D[n, d], text[2][i] - text[1][i] - 1
                        for p in range(others):
                            total += W_in[row(i, p, text), d]
                        X[n, r, d] = total / float32(others + 1) if mean else total
            cuda.syncthreads()
            # The last target of a token is itself.
            for pair in range(thread, size * (K + 1), THREADS):
                r, k = pair // (K + 1), pair % (K + 1)
                token = text[0][first + r]
                target = token if k == K else negatives[step, k]
                product = float32(0)
                for d in range(P):
                    product += X[n, r, d] * W_out[target, d]
                weight = float32(1) if k == K else (float32(0) if target == token else share)
                error, missed = both(-product if k == K else product)
                loss += weight * missed
                G[n, r, k] = alpha * weight * (error if k == K else -error)
            cuda.syncthreads()
            for d in range(thread, width, THREADS):
                total = D[n, d]
                for r in range(size):
                    total += G[n, r, K] * W_out[text[0][first + r], d]
                    for k in range(K):
                        total += G[n, r, k] * W_out[negatives[step, k], d]
                D[n, d] = total
            cuda.syncthreads()
        losses[n, thread] = loss

    return infer


def infer_cuda(D, W_in, W_out, tokens, left, right, documents, starts, negatives, alpha, negative, mean, window,
               null):  # fmt: skip
    """:func:`infer_numpy` on a GPU: a document is a thread block's."""
    from numba import cuda

    N, K = len(D), negatives.shape[1]
    if N == 0:
        return 0.0
    rows, ends, order = np.arange(N, dtype=np.int32), np.arange(N + 1), np.arange(len(tokens))
    text = tokens, left, right, documents, *map(cuda.to_device, (rows, ends, order))
    text = *text, tokens, cuda.to_device(np.array([window, null]))
    X = cuda.device_array((N, CHUNK, W_out.shape[1]), np.float32)
    G, losses = cuda.device_array((N, CHUNK, K + 1), np.float32), cuda.device_array((N, THREADS), np.float64)
    numbers = np.float32(alpha), np.float32(negative / K), mean
    _infer_kernel(window > 0)[N, THREADS](D, W_in, W_out, text, starts, negatives, *numbers, X, G, losses)
    return float(losses.copy_to_host().sum())


IMPLEMENTATIONS = {"numpy": infer_numpy, "cpu": infer_cpu, "cuda": infer_cuda}
