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

from kernels.compile import UNCOUNTED, compiled
from kernels.runs import THREADS, chunk_kernel, train_chunks
from kernels.simd import LANES, fetch, fetch_all, lanes_of_zeros, load, splat, store
from kernels.skipgram import (
    add_to_centres,
    add_to_targets,
    batch_room,
    chunk_numpy,
    gradients,
    score,
    spans_cuda,
    weigh_window,
    whole,
    widest_chunk,
)
from kernels.team import run_team, wait
from kernels.tiles import CHUNK, PARTS, add_row, clear, in_parts, own_columns, stride_of, turn


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


def block_numpy(W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas, negative, together):
    """The shared-noise update: compose the centres, take skip-gram's steps, hand them to the pieces; a batch at a time.

    Returns the loss.
    """
    loss = 0.0
    for start in range(0, len(negatives), together):
        results = []
        for chunk in range(start, min(start + together, len(negatives))):
            rows = [pieces[offsets[t] : offsets[t + 1]] for t in tokens[CHUNK * chunk : CHUNK * (chunk + 1)]]
            X = np.stack([W_in[r].mean(axis=0) for r in rows])  # (C, P)
            changes = chunk_numpy(X, W_out, tokens, left, right, negatives, chunk, alphas[chunk], negative)
            results.append((rows, *changes))
        for rows, steps, targets, target_steps, lost in results:
            for r, step in zip(rows, steps, strict=True):
                np.add.at(W_in, r, step)
            np.add.at(W_out, targets, target_steps)
            loss += lost
    return float(loss)


def block_cpu(W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas, negative, together, workers=1):
    """:func:`block_numpy` on so many threads, with the same bits; see skip-gram's ``block_cpu``."""
    W_in, W_out = (W if isinstance(W, tuple) else in_parts(W) for W in (W_in, W_out))
    losses = np.zeros(len(negatives))
    width = whole(negatives.shape[1]) + whole(widest_chunk(left, right))
    room = batch_room(W_in, width, min(together, max(len(negatives), 1)))
    arguments = W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas, negative, losses
    run_team(workers, _train, *arguments, *room)
    return float(losses.sum())


@compiled
def _train(worker, workers, arrivals, W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas, negative,
           losses, X, Y, parts, G):  # fmt: skip
    widest = max(W_in[0].shape[1], W_in[1].shape[1])
    steps, turned = lanes_of_zeros(CHUNK * widest), lanes_of_zeros(CHUNK * widest)
    weight, itself = lanes_of_zeros(G.shape[1]), np.arange(CHUNK)
    numbers = pieces, offsets, tokens, left, right, negatives, alphas, negative, losses
    room = X, Y, parts, G, weight, steps, turned, itself
    _train_in(worker, workers, arrivals, W_in, W_out, *numbers, *room)
    return 0


@compiled(**UNCOUNTED)
def _train_in(worker, workers, arrivals, W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas,
              negative, losses, X, Y, parts, G, weight, steps, turned, itself):  # fmt: skip
    T, (C, K) = tokens.shape[0], negatives.shape
    together = G.shape[0]
    stage = 0
    for start in range(0, C, together):
        size = min(together, C - start)
        for n in range(worker * PARTS * size // workers, (worker + 1) * PARTS * size // workers):
            part, c = n // size, n % size
            if workers > 1 and c + 1 < size:
                fetch_all(parts[part, c + 1])
            first, last = CHUNK * (start + c), min(CHUNK * (start + c + 1), T)
            compose_centres(W_in[part], pieces, offsets, tokens, first, last, X[part][c])
            turn(X[part][c], W_in[part].shape[1], turned)
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
                part_steps = steps[: CHUNK * W_in[part].shape[1]]
                clear(part_steps, part_steps.shape[0])
                sums = part_steps.reshape(CHUNK, -1)
                add_to_centres(sums, itself, left, right, K, chunk, G[c], Y[part][c], begin, end)
                hand_to_pieces(W_in[part], pieces, offsets, tokens, chunk, part_steps, begin, end)
                add_to_targets(W_out[part], tokens, left, right, negatives, chunk, G[c], X[part][c], begin, end)
        if workers > PARTS:
            # Others may read these columns next.
            stage = wait(arrivals, workers, stage)
    return 0


@compiled(fastmath=False, **UNCOUNTED)
def compose_centres(W, pieces, offsets, tokens, first, last, X):
    """X[r] = mean of the pieces of the word first + r; zeros behind the last one."""
    P, stride = W.shape[1], stride_of(W)
    clear(X, X.shape[0])
    for i in range(first, last):
        begin, end = offsets[tokens[i]], offsets[tokens[i] + 1]
        share = splat(np.float32(1) / np.float32(end - begin))
        for d in range(0, P, LANES):
            total = splat(0)
            for piece in range(begin, end):
                total = total + load(W, pieces[piece] * stride + d)
            store(X, (i - first) * P + d, share * total)
        # The pieces of the word that stands here in the next chunk.
        ahead = tokens[min(i + CHUNK, tokens.shape[0] - 1)]
        for piece in range(offsets[ahead], offsets[ahead + 1]):
            for d in range(0, P, LANES):
                fetch(W, pieces[piece] * stride + d)


@compiled(**UNCOUNTED)
def hand_to_pieces(W, pieces, offsets, tokens, chunk, steps, begin, end):
    """Add each centre's step to all of its pieces, one after the other: an n-gram may come twice."""
    P, stride = W.shape[1], stride_of(W)
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), tokens.shape[0])
    for i in range(first, last):
        for piece in range(offsets[tokens[i]], offsets[tokens[i] + 1]):
            add_row(W, pieces[piece] * stride, steps, (i - first) * P, begin, end)


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


def block_cuda(W_in, W_out, pieces, offsets, tokens, left, right, negatives, alphas, negative, together):
    """:func:`block_numpy` on a GPU, a thread block for each chunk of a batch (``kernels/runs.py``)."""
    spans = spans_cuda(left, right, len(negatives))
    arguments = (tokens, left, right, pieces, offsets), negatives, alphas, negative, together, True, False, spans
    return train_chunks(_block_kernel(), CHUNK, W_in, W_out, *arguments)


COMPOSE_IMPLEMENTATIONS = {"numpy": compose_numpy, "cpu": compose_cpu, "cuda": compose_cuda}
IMPLEMENTATIONS = {"numpy": block_numpy, "cpu": block_cpu, "cuda": block_cuda}
