"""Skip-gram whose words are made of subwords: a centre's vector is the mean of a row of its own and its n-grams' rows.

    v_w = 1/|G_w| Σ z_g   over g in G_w = {w itself} and its n-grams

and the loss is that of ``skipgram.py``. Each row of G_w takes the whole step of v_w, not 1/|G_w| of it, as the
published program does (Bojanowski et al. 2017, section 3.2): their mean then moves as far as a word2vec vector would,
and rare words learn from the n-grams that they share.

======= ============= ================= ==============================================================
symbol  variable      shape             what it is
======= ============= ================= ==============================================================
z       W_in          (Z, P) float32    rows of words and n-grams, updated in place; P is a multiple of 16
u       W_out         (V, P) float32    output vectors, updated in place
G       pieces        (R,) int32        rows of each word, one word after the other
        offsets       (V + 1,) int64    where each word's pieces begin and end
======= ============= ================= ==============================================================

All else is as in ``skipgram.py``.

Bojanowski, Grave, Joulin & Mikolov, "Enriching Word Vectors with Subword Information", TACL 2017.
"""

import functools

import numpy as np

from kernels.compile import compiled
from kernels.runs import THREADS, chunk_kernel, train_chunks
from kernels.simd import LANES, fetch_row, fma, lanes_of_zeros, load, splat, store
from kernels.skipgram import (
    CHUNK,
    chunk_gradient,
    chunk_numpy,
    room_for_chunks,
    seen_from,
    spans_cuda,
    update_targets,
    weigh_window,
)
from kernels.tiles import add_products


def compose_numpy(W_in, pieces, offsets):
    """The vectors of all words, (V, P): the means of their pieces' rows; zeros for a word without pieces.

    Examples
    --------
    >>> compose_numpy(np.eye(3), np.array([0, 1, 2]), np.array([0, 2, 3])).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    words = [W_in[pieces[start:stop]] for start, stop in zip(offsets[:-1], offsets[1:], strict=True)]
    return np.array([rows.sum(axis=0) / max(len(rows), 1) for rows in words], W_in.dtype).reshape(-1, W_in.shape[1])


@compiled
def compose_cpu(W_in, pieces, offsets):
    """Compiled :func:`compose_numpy`."""
    W = offsets.shape[0] - 1
    P = W_in.shape[1]
    composed = np.zeros((W, P), W_in.dtype)
    for w in range(W):
        for piece in range(offsets[w], offsets[w + 1]):
            row = pieces[piece]
            for d in range(P):
                composed[w, d] += W_in[row, d]
        n = np.float32(max(offsets[w + 1] - offsets[w], 1))
        for d in range(P):
            composed[w, d] /= n
    return composed


def block_numpy(W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas, negative):
    """The shared-noise update, chunk by chunk: compose the centres, take skip-gram's step, hand it to their pieces.

    Returns the loss.
    """
    loss = 0.0
    for chunk in range(len(negatives)):
        rows = [pieces[offsets[t] : offsets[t + 1]] for t in tokens[CHUNK * chunk : CHUNK * (chunk + 1)]]
        X = np.stack([W_in[r].mean(axis=0) for r in rows])  # (C, P)
        steps, lost = chunk_numpy(X, W_out, tokens, left, right, negatives, chunk, alphas[chunk], negative)
        for r, step in zip(rows, steps, strict=True):
            np.add.at(W_in, r, step)
        loss += lost
    return float(loss)


@compiled
def block_cpu(W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas, negative):
    """Compiled :func:`block_numpy`."""
    T = tokens.shape[0]
    P = W_in.shape[1]
    z, u = W_in.reshape(-1), W_out.reshape(-1)
    room = room_for_chunks(left, right, T, negatives.shape[1], P)
    J, X, Y, G = room[0], room[1], room[2], room[3].reshape(-1)
    steps = lanes_of_zeros(CHUNK * P)
    itself = np.arange(CHUNK)
    loss = 0.0
    for chunk in range(negatives.shape[0]):
        first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), T)
        X[:] = 0
        for i in range(first, last):
            mean_row(z, P, pieces, offsets[tokens[i]], offsets[tokens[i] + 1], X, i - first)
        loss += chunk_gradient(u, P, tokens, left, right, negatives, chunk, alphas[chunk], negative, room)
        low, _ = seen_from(left, right, first, last, 0, CHUNK)
        steps[:] = 0
        for row in range(0, CHUNK, 8):
            begin, end = seen_from(left, right, first, last, row, 8)
            add_products(steps, itself, CHUNK, G, G.shape[0] // CHUNK, 1, Y, P, row, begin - low, end - low, J)
        update_targets(u, P, left, right, first, last, negatives.shape[1], room)
        for i in range(first, last):
            # While this centre's pieces are written, those of its successor in the next chunk are fetched.
            ahead = tokens[min(i + CHUNK, T - 1)]
            for piece in range(offsets[ahead], offsets[ahead + 1]):
                fetch_row(z, pieces[piece], P)
            add_row(z, P, pieces, offsets[tokens[i]], offsets[tokens[i] + 1], steps, i - first)
    return loss


@compiled
def mean_row(z, P, pieces, start, stop, X, r):
    """X[r] = mean of z[pieces[start:stop]]."""
    share = splat(np.float32(1) / np.float32(stop - start))
    one, zero = splat(1), splat(0)
    for d in range(0, P, LANES):
        total = splat(0)
        for piece in range(start, stop):
            total = fma(one, load(z, np.int64(pieces[piece]) * P + d), total)
        store(X, r * P + d, fma(share, total, zero))


@compiled
def add_row(z, P, pieces, start, stop, steps, r):
    """z[pieces[start:stop]] += steps[r], one after the other: an n-gram may come twice."""
    one = splat(1)
    for piece in range(start, stop):
        row = np.int64(pieces[piece]) * P
        for d in range(0, P, LANES):
            store(z, row + d, fma(one, load(z, row + d), load(steps, r * P + d)))


@functools.cache
def _compose_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def compose(W_in, pieces, offsets, composed):
        word = cuda.blockIdx.x
        start, stop = offsets[word], offsets[word + 1]
        for d in range(cuda.threadIdx.x, W_in.shape[1], THREADS):
            total = np.float32(0)
            for piece in range(start, stop):
                total += W_in[pieces[piece], d]
            composed[word, d] = total / np.float32(max(stop - start, 1))

    return compose


def compose_cuda(W_in, pieces, offsets):
    """:func:`compose_numpy` on a GPU, for float32: a thread block for each word. Returns an array on the device."""
    from numba import cuda

    composed = cuda.device_array((len(offsets) - 1, W_in.shape[1]), W_in.dtype)
    if len(composed):
        _compose_kernel()[len(composed), THREADS](W_in, pieces, offsets, composed)
    return composed


@functools.cache
def _piece_functions():
    """Device functions, as ``kernels/runs.py`` has them: a token has the rows of its pieces."""
    from numba import cuda

    @cuda.jit(device=True)
    def count(i, text):
        tokens, offsets = text[0], text[4]
        return offsets[tokens[i] + 1] - offsets[tokens[i]]

    @cuda.jit(device=True)
    def row(i, p, text):
        tokens, pieces, offsets = text[0], text[3], text[4]
        return pieces[offsets[tokens[i]] + p]

    return count, row


@functools.cache
def _block_kernel():
    return chunk_kernel(CHUNK, *_piece_functions(), weigh_window())


def block_cuda(W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas, negative):
    """:func:`block_numpy` on a GPU: runs of 64 chunks, which race with each other (``kernels/runs.py``)."""
    spans = spans_cuda(left, right, len(negatives))
    text = tokens, left, right, pieces, offsets
    return train_chunks(_block_kernel(), CHUNK, W_in, W_out, text, negatives, alphas, negative, True, False, spans)


COMPOSE_IMPLEMENTATIONS = {"numpy": compose_numpy, "cpu": compose_cpu, "cuda": compose_cuda}
IMPLEMENTATIONS = {"numpy": block_numpy, "cpu": block_cpu, "cuda": block_cuda}
