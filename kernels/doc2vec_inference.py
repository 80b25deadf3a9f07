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

from kernels.cbow import chunk_gradient, predict_numpy, score
from kernels.compile import UNCOUNTED, compiled
from kernels.doc2vec import add_up_inputs, input_functions, join_inputs, place_functions, sums_room, weigh
from kernels.runs import THREADS, error_and_loss
from kernels.simd import LANES, add_lanes, fetch, fma, lanes_of_zeros, load, splat, spread, store
from kernels.skipgram import whole
from kernels.tiles import CHUNK, PARTS, clear, gradient, in_parts, stride_of, turn


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
    matrices = [in_parts(W) for W in (D, W_in, W_out)]
    return _infer(*matrices, text, starts, negatives, np.float32(alpha), negative, mean, window, null)


@compiled(fastmath=False)
def _infer(D, W_in, W_out, text, starts, negatives, alpha, negative, mean, window, null):
    order, M = np.arange(text[0].shape[0]), whole(negatives.shape[1])
    X = lanes_of_zeros(CHUNK * W_out[0].shape[1]), lanes_of_zeros(CHUNK * W_out[1].shape[1])
    Y = lanes_of_zeros((M + CHUNK) * W_out[0].shape[1]), lanes_of_zeros((M + CHUNK) * W_out[1].shape[1])
    parts = lanes_of_zeros(PARTS * CHUNK * (M + CHUNK)).reshape(PARTS, -1)
    G, weight, turned = np.zeros_like(parts[0]), np.zeros_like(parts[0]), np.zeros_like(X[1])
    room = X, Y, parts, G, weight, turned, lanes_of_zeros(M), sums_room(D, text[1], text[2], CHUNK)
    return _infer_in(D, W_in, W_out, text, order, starts, negatives, alpha, negative, mean, window, null, *room)


@compiled(fastmath=False, **UNCOUNTED)
def _infer_in(D, W_in, W_out, text, order, starts, negatives, alpha, negative, mean, window, null, X, Y, parts, G,
              weight, turned, sums, running):  # fmt: skip
    tokens, left, right = text[0], text[1], text[2]
    K, loss = negatives.shape[1], 0.0
    for n in range(starts.shape[0] - 1):
        begin, end = starts[n], starts[n + 1]
        own = tokens[begin:end]
        for step in range((end - begin + CHUNK - 1) // CHUNK):
            first = begin + CHUNK * step
            last = min(first + CHUNK, end)
            if not window and are_alone(left, right, first, last):
                loss += step_alone(D, n, W_out, own, negatives, step, negative, alpha, parts, weight, G)
                continue
            for part in range(PARTS):
                if window:
                    join_inputs(W_in, D, W_out[0].shape[1] * part, text, order, window, null, first, last, X[part])
                else:
                    add_up_inputs(W_in[part], D[part], text, order, first, 0, 1, last, mean, running, X[part])
                turn(X[part], W_out[part].shape[1], turned)
                score(W_out[part], own, negatives, step, step + 1, X[part], turned, Y[part], parts[part])
            weigh(tokens[first:last], negatives[step], negative, weight)
            loss += chunk_gradient(K, alpha, parts, weight, G)
            add_to_document(D, n, G, Y, sums, K, last - first)
    return loss


@compiled(**UNCOUNTED)
def are_alone(left, right, first, last):
    """Whether the tokens first to last - 1 see no others."""
    others = 0
    for i in range(first, last):
        others += right[i] - left[i] - 1
    return others == 0


@compiled(fastmath=False, **UNCOUNTED)
def step_alone(D, n, W_out, tokens, negatives, step, negative, alpha, parts, weight, G):
    """A chunk whose words see the document alone: all sixteen inputs are one, and a score serves them all.

    The first lanes are the words', the others the noise's. Returns the loss.
    """
    T, K = tokens.shape[0], negatives.shape[1]
    first, share = CHUNK * step, np.float32(negative) / np.float32(K)
    count = min(CHUNK, T - first)
    for part in range(PARTS):
        d, u = D[part], W_out[part]
        row, P, stride = n * stride_of(d), u.shape[1], stride_of(u)
        for i in range(first + CHUNK, min(first + 2 * CHUNK, T)):
            for column in range(0, P, LANES):
                fetch(u, tokens[i] * stride + column)
        for t in range(count + K):
            w = np.int64(tokens[first + t] if t < count else negatives[step, t - count]) * stride
            product = splat(0)
            for column in range(0, P, LANES):
                product = fma(load(d, row + column), load(u, w + column), product)
            parts[part, t if t < count else CHUNK + t - count] = add_lanes(product)
    clear(weight, whole(K) + CHUNK)
    for t in range(count):
        weight[t] = 1
    for k in range(K):
        n_differ = 0
        for i in range(first, first + count):
            n_differ += tokens[i] != negatives[step, k]
        weight[CHUNK + k] = share * np.float32(n_differ)
    loss = gradient(parts, weight, 0, 1, np.float32(1), alpha, G)
    loss += gradient(parts, weight, 1, 1 + (K + LANES - 1) // LANES, np.float32(-1), alpha, G)
    for part in range(PARTS):
        d, u = D[part], W_out[part]
        row, P, stride = n * stride_of(d), u.shape[1], stride_of(u)
        for column in range(0, P, LANES):
            total = load(d, row + column)
            for t in range(count):
                total = fma(spread(G, t), load(u, tokens[first + t] * stride + column), total)
            for k in range(K):
                total = fma(spread(G, CHUNK + k), load(u, negatives[step, k] * stride + column), total)
            store(d, row + column, total)
    return loss


@compiled(fastmath=False, **UNCOUNTED)
def add_to_document(D, n, G, Y, sums, K, count):
    """Add to document n the steps of its chunk of so many words; of concatenations, the columns that are its own."""
    M, split = whole(K), D[0].shape[1]
    widths = Y[0].shape[0] // (M + CHUNK), Y[1].shape[0] // (M + CHUNK)
    for k in range(K):
        # How far all words of the chunk want to move from a noise word.
        sums[k] = add_lanes(load(G, CHUNK * k))
    for column in range(0, split + D[1].shape[1], LANES):
        part, side = int(column >= split), int(column >= widths[0])
        y, P, at = Y[side], widths[side], column - widths[0] * side
        d = n * stride_of(D[part]) + column - split * part
        total = load(D[part], d)
        for k in range(K):
            total = fma(spread(sums, k), load(y, k * P + at), total)
        for r in range(count):
            total = fma(spread(G, CHUNK * M + r), load(y, (M + r) * P + at), total)
        store(D[part], d, total)


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
