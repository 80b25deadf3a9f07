"""PV-DM: a document's vector helps to predict its words, and learns from that what the document is about.

Each word is predicted from the words around it and the document (Le & Mikolov 2014, section 2.2); from the document
alone, see ``kernels/dbow.py``. It is CBOW with another input h; the loss, by negative sampling, is CBOW's:

    L = -log σ(u_w · h) - Σ_k log σ(-u_k · h)          e = -∂L/∂h

    h = (1/n) (Σ_t d_t + Σ_c v_c)        n rows, those of the document's tags t and of the words c in the window
    h = [d_t …, v_-r …, v_-1, v_1 …, v_r]    by concatenation: r words to both sides, always; outside of the text stands
                                         a row of its own, the null word

Each row takes the whole step e, not 1/n of it, as gensim has it; in a concatenation, its piece of it. ``block`` and
``concat`` take chunks of 16 words, which share their noise, as ``kernels/cbow.py`` does. Consecutive words share their
document's vector, too: as a chunk, they would show it little noise and add all of their steps to it at once. So a chunk
is made of words that stand far apart: ``order`` says which word comes when. The next chunk should have the next words:
what neighbours see, a thread adds up in one go.

======= ============= ================= ==============================================================================
symbol  variable      shape             what it is
======= ============= ================= ==============================================================================
v, d    W_in          (Z, P) float32    rows of words, of tags, and of the null word; P is a multiple of 16
u       W_out         (V, P) float32    output vectors; of ``concat``, (V, m P) for m rows of an input
        tokens        (T,) int32        words, after subsampling
        left, right   (T,) int32        the window of token i: left[i] to right[i] - 1, but i
        documents     (T,) int32        which document token i belongs to
t       tags          (R,) int32        rows of tags, document after document
        offsets       (D + 1,) int64    where each document's tags begin and end
        order         (T,) int32        the tokens in the order in which they are trained on; each 16 are a chunk
        negatives     (C, K) int32      noise words of each chunk
α       alphas        (C,) float32      learning rate of each chunk
r       window                          words to both sides (``concat``)
======= ============= ================= ==============================================================================

Every function returns the summed loss before each update, in float64.

Le & Mikolov, "Distributed Representations of Sentences and Documents", ICML 2014; Lau & Baldwin, "An Empirical
Evaluation of doc2vec", 2016, on how to train them.
"""

import functools

import numpy as np

from kernels.cbow import (
    add_to_targets,
    chunk_gradient,
    own_spans,
    predict_numpy,
    score,
    share_of,
    weigh_itself,
    weigh_noise,
)
from kernels.compile import UNCOUNTED, compiled
from kernels.running_sums import (
    add_running_sums,
    add_up,
    begin_and_end,
    four_lots,
    load_lots,
    others,
    plus,
    store_lots,
    times,
)
from kernels.runs import chunk_kernel, train_chunks
from kernels.simd import LANES, fetch, fetch_all, lanes_of_zeros, load, splat, store
from kernels.skipgram import batch_room, whole
from kernels.team import run_team, wait
from kernels.tiles import CHUNK, PARTS, clear, in_parts, own_columns, stride_of, turn


def block_numpy(W_in, W_out, tokens, left, right, documents, tags, offsets, order, negatives, alphas, negative,
                together, mean):  # fmt: skip
    """Batches of `together` chunks, whose inputs are sums, or means, of rows. Returns the loss.

    Examples
    --------
    By hand: a document d = (1, 0, …) of one word u = 0. σ(0) = 1/2, so u moves by α/2 · d, and d by nothing.

    >>> W_in, W_out = np.eye(2, 16, k=-1, dtype=np.float32), np.zeros((1, 16), np.float32)
    >>> text = np.array([[0], [0], [1], [0]])  # the word, its window, its document
    >>> rows, order = (np.array([1]), np.array([0, 1])), np.array([0])
    >>> loss = block_numpy(W_in, W_out, *text, *rows, order, np.empty((1, 0), int), np.array([0.5]), 0, 1, True)
    >>> W_out[0, 0].item(), W_in[1, 0].item(), round(loss, 4)
    (0.25, 1.0, 0.6931)
    """

    def compose(i):
        words = tokens[left[i] : i], tokens[i + 1 : right[i]]
        rows = np.concatenate([tags_numpy(i, documents, tags, offsets), *words])
        return rows, W_in[rows].mean(axis=0) if mean else W_in[rows].sum(axis=0)

    def hand_out(rows, step):
        np.add.at(W_in, rows, step)

    return _batches_numpy(W_out, tokens, order, negatives, alphas, negative, together, compose, hand_out)


def concat_numpy(W_in, W_out, tokens, left, right, documents, tags, offsets, order, negatives, alphas, negative,
                 together, window, null):  # fmt: skip
    """As :func:`block_numpy`, with inputs that are concatenations. ``null`` is the row of the null word."""

    def compose(i):
        places = [tokens[j] if left[i] <= j < right[i] else null for j in range(i - window, i + window + 1) if j != i]
        rows = np.concatenate([tags_numpy(i, documents, tags, offsets), places]).astype(int)
        return rows, W_in[rows].reshape(-1)

    def hand_out(rows, step):
        np.add.at(W_in, rows, step.reshape(len(rows), -1))

    return _batches_numpy(W_out, tokens, order, negatives, alphas, negative, together, compose, hand_out)


def tags_numpy(i, documents, tags, offsets):
    """Rows of the tags of token i's document."""
    return tags[offsets[documents[i]] : offsets[documents[i] + 1]]


def _batches_numpy(W_out, tokens, order, negatives, alphas, negative, together, compose, hand_out):
    loss = 0.0
    for start in range(0, len(negatives), together):
        results = []
        for chunk in range(start, min(start + together, len(negatives))):
            places = order[CHUNK * chunk : CHUNK * (chunk + 1)]
            rows, inputs = zip(*map(compose, places), strict=True)
            words = np.ones((len(places), 1)), W_out, tokens[places], negatives[chunk]
            results.append((rows, *predict_numpy(np.stack(inputs), *words, alphas[chunk], negative)))
        for rows, steps, targets, target_steps, lost in results:
            for own, step in zip(rows, steps, strict=True):
                hand_out(own, step)
            np.add.at(W_out, targets, target_steps)
            loss += lost
    return float(loss)


# Compiled -------------------------------------------------------------------------------------------------------------


def block_cpu(W_in, W_out, tokens, left, right, documents, tags, offsets, order, negatives, alphas, negative,
              together, mean, workers=1):  # fmt: skip
    """:func:`block_numpy` on so many threads, with the same bits; see skip-gram's ``block_cpu``."""
    text = tokens, left, right, documents, tags, offsets
    return _run(W_in, W_out, text, order, negatives, alphas, negative, together, mean, 0, 0, workers)


def concat_cpu(W_in, W_out, tokens, left, right, documents, tags, offsets, order, negatives, alphas, negative,
               together, window, null, workers=1):  # fmt: skip
    """:func:`concat_numpy` on so many threads, with the same bits."""
    text = tokens, left, right, documents, tags, offsets
    return _run(W_in, W_out, text, order, negatives, alphas, negative, together, False, window, null, workers)


def _run(W_in, W_out, text, order, negatives, alphas, negative, together, mean, window, null, workers):
    W_in, W_out = (W if isinstance(W, tuple) else in_parts(W) for W in (W_in, W_out))
    losses = np.zeros(len(negatives))
    # Behind the noise words stand the centres' own.
    room = batch_room(W_out, whole(negatives.shape[1]) + CHUNK, min(together, max(len(negatives), 1)))
    numbers = order, negatives, alphas, negative, mean, window, null
    run_team(workers, _train, W_in, W_out, text, text[0][order], *numbers, losses, *room)
    return float(losses.sum())


@compiled(fastmath=False)
def _train(worker, workers, arrivals, W_in, W_out, text, centres, order, negatives, alphas, negative, mean, window,
           null, losses, X, Y, parts, G):  # fmt: skip
    weight, turned = lanes_of_zeros(G.shape[1]), lanes_of_zeros(CHUNK * max(W_out[0].shape[1], W_out[1].shape[1]))
    P = max(W_in[0].shape[1], W_in[1].shape[1])
    sums, itself = sums_room(P, text[1], text[2], G.shape[0]), np.arange(CHUNK)
    numbers = order, negatives, alphas, negative, mean, window, null
    room = weight, turned, sums, itself
    _train_in(worker, workers, arrivals, W_in, W_out, text, centres, *numbers, losses, X, Y, parts, G, *room)
    return 0


@compiled(fastmath=False, **UNCOUNTED)
def _train_in(worker, workers, arrivals, W_in, W_out, text, centres, order, negatives, alphas, negative, mean, window,
              null, losses, X, Y, parts, G, weight, turned, sums, itself):  # fmt: skip
    T, (C, K), together = order.shape[0], negatives.shape, G.shape[0]
    stage = 0
    for start in range(0, C, together):
        size = min(together, C - start)
        begin, end = CHUNK * start, min(CHUNK * (start + size), T)
        n_sums = 0 if window else PARTS * CHUNK
        for n in range(worker * n_sums // workers, (worker + 1) * n_sums // workers):
            part, r = n // CHUNK, n % CHUNK
            add_up_inputs(W_in[part], W_in[part], text, order, begin, r, CHUNK, end, mean, sums, X[part].reshape(-1))
        if workers > PARTS:
            # Others may have added up what is to be scored.
            stage = wait(arrivals, workers, stage)
        for n in range(worker * PARTS * size // workers, (worker + 1) * PARTS * size // workers):
            part, c = n // size, n % size
            chunk, x = start + c, X[part][c]
            if window:
                first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), T)
                join_inputs(W_in, W_in, W_out[0].shape[1] * part, text, order, window, null, first, last, x)
            turn(x, W_out[part].shape[1], turned)
            score(W_out[part], centres, negatives, chunk, chunk + 1, x, turned, Y[part][c], parts[part, c])
        stage = wait(arrivals, workers, stage)
        for c in range(worker * size // workers, (worker + 1) * size // workers):
            if workers > 1 and c + 1 < size:
                for part in range(PARTS):
                    fetch_all(parts[part, c + 1])
            chunk = start + c
            weigh(centres[CHUNK * chunk : CHUNK * (chunk + 1)], negatives[chunk], negative, weight)
            losses[chunk] = chunk_gradient(K, alphas[chunk], parts[:, c], weight, G[c])
        stage = wait(arrivals, workers, stage)
        for part in range(PARTS):
            low, high = own_columns(worker, workers, part, W_out)
            for c in range(size if high > low else 0):
                if workers > 1 and c + 1 < size:
                    fetch_all(G[c + 1])
                room = X[part][c], Y[part][c], itself, low, high
                add_to_targets(W_out[part], centres, negatives, start + c, G[c], G[c], *room)
            for r in range(CHUNK if high > low and not window else 0):
                hand_out(W_in[part], text, order, begin, r, CHUNK, end, X[part].reshape(-1), sums, low, high)
        if window:
            # The columns of a row of W_in stand in several places of an input, and so belong to several workers.
            stage = wait(arrivals, workers, stage)
            for part in range(PARTS):
                low, high = own_columns(worker, workers, part, W_in)
                for c in range(size if high > low else 0):
                    hand_out_pieces(W_in, part, text, order, window, null, start + c, X[0][c], X[1][c], low, high)
        if window or workers > PARTS:
            # Others may read these columns next.
            stage = wait(arrivals, workers, stage)
    return 0


@compiled
def sums_room(P, left, right, n):
    """Room for the sums, of P columns, over what n neighbours see."""
    widest = 0
    for i in range(left.shape[0]):
        widest = max(widest, right[i] - left[i])
    return lanes_of_zeros((widest + n + 1) * P)


@compiled(**UNCOUNTED)
def neighbours(order, left, right, n, step, end):
    """How far order[n], order[n + step] … before `end` are neighbours in the text, and from where to where they see."""
    i = order[n]
    low, high = left[i], right[i]
    while n + step < end and order[n + step] == i + 1:
        n, i = n + step, i + 1
        low, high = min(low, left[i]), max(high, right[i])
    return n + step, low, high


@compiled(fastmath=False, **UNCOUNTED)
def add_up_inputs(W, D, text, order, start, first, step, end, mean, sums, X):
    """X[n] = the sum, or mean, of the rows of token order[start + n], tags from D, words from W; n = first, + step …

    Of neighbours, a window's sum is the difference of two running sums: the same work for every reach.
    """
    tokens, left, right, documents, tags, offsets = text
    P, stride, apart = W.shape[1], stride_of(W), stride_of(D)
    n = start + first
    while n < end:
        stop, low, high = neighbours(order, left, right, n, step, end)
        next_high = min(high + (stop - n) // step, tokens.shape[0])
        for j in range(high, next_high):
            # What the next ones read and these did not.
            for d in range(0, P, LANES):
                fetch(W, tokens[j] * stride + d)
        if next_high > high:
            row = tags[offsets[documents[next_high - 1]]] * apart
            for d in range(0, P, LANES):
                fetch(D, row + d)
        add_up(W, tokens, low, high, sums)
        for m in range(n, stop, step):
            i = order[m]
            t0, t1 = offsets[documents[i]], offsets[documents[i] + 1]
            share = splat(share_of(right[i] - left[i] - 1 + t1 - t0, mean))
            before, behind, own = (left[i] - low) * P, (right[i] - low) * P, tokens[i] * stride
            for column in range(0, P, 4 * LANES):
                lots = four_lots(column, P)
                total = others(sums, before, behind, W, own, lots)
                for t in range(t0, t1):
                    total = plus(total, load_lots(D, tags[t] * apart, lots))
                store_lots(X, (m - start) * P, lots, times(share, total))
        n = stop


@compiled(fastmath=False, **UNCOUNTED)
def hand_out(W, text, order, start, first, step, end, E, sums, low_column, high_column):
    """Add the steps E[n] to the rows of the inputs that :func:`add_up_inputs` summed, in some columns.

    A step begins at its window's first word and ends behind the last one; running sums do the rest.
    """
    tokens, left, right, documents, tags, offsets = text
    P = W.shape[1]
    n = start + first
    while n < end:
        stop, low, high = neighbours(order, left, right, n, step, end)
        clear(sums, (high - low + 1) * P)
        for m in range(n, stop, step):
            before, behind = (left[order[m]] - low) * P, (right[order[m]] - low) * P
            begin_and_end(sums, before, behind, E, (m - start) * P, low_column, high_column)
        i, count = order[n], (stop - n + step - 1) // step
        add_running_sums(W, tokens, low, high, sums, E, i, i + count, n - start, step, low_column, high_column)
        hand_to_tags(W, text, order, n, step, stop, E, start, low_column, high_column)
        n = stop


@compiled(fastmath=False, **UNCOUNTED)
def hand_to_tags(W, text, order, n, step, stop, E, start, low_column, high_column):
    """Add to the tags of each document the steps of its words among order[n], order[n + step] … before `stop`."""
    documents, tags, offsets = text[3], text[4], text[5]
    P, stride = W.shape[1], stride_of(W)
    while n < stop:
        first, document = n, documents[order[n]]
        while n < stop and documents[order[n]] == document:
            n += step
        for d in range(low_column, high_column, LANES):
            total = splat(0)
            for m in range(first, n, step):
                total = total + load(E, (m - start) * P + d)
            for t in range(offsets[document], offsets[document + 1]):
                row = tags[t] * stride + d
                store(W, row, load(W, row) + total)


@compiled(fastmath=False, **UNCOUNTED)
def weigh(words, noise, negative, weight):
    """How often each noise word counts for each of a chunk's words, and, behind all noise, each of these itself."""
    K = noise.shape[0]
    M = whole(K)
    for r in range(CHUNK):
        weight[CHUNK * M + r] = r < words.shape[0]
    share = splat(np.float32(negative) / np.float32(max(K, 1))) * load(weight, CHUNK * M)
    weigh_noise(words, noise, share, weight)


@compiled
def row_of_place(i, place, text, window, null):
    """The row that stands in a place of token i's concatenation: tags first, then words from left to right."""
    tokens, left, right, documents, tags, offsets = text
    first = offsets[documents[i]]
    n_tags = offsets[documents[i] + 1] - first
    if place < n_tags:
        return np.int64(tags[first + place])
    j = i - window + place - n_tags
    j += j >= i
    return np.int64(tokens[j] if left[i] <= j < right[i] else null)


@compiled
def join_inputs(W, D, begin, text, order, window, null, first, last, X):
    """X[r] = the rows of token order[first + r] one behind the other, from column `begin` on; zeros from last on.

    W and D come in parts.
    """
    documents, offsets = text[3], text[5]
    split = W[0].shape[1]
    P, width = split + W[1].shape[1], X.shape[0] // CHUNK
    clear(X, X.shape[0])
    for n in range(first, last):
        i = order[n]
        n_tags = offsets[documents[i] + 1] - offsets[documents[i]]
        for d in range(0, width, LANES):
            place, column = (begin + d) // P, (begin + d) % P
            part = 1 if column >= split else 0
            column -= split * part
            row = row_of_place(i, place, text, window, null)
            if place < n_tags:
                store(X, (n - first) * width + d, load(D[part], row * stride_of(D[part]) + column))
            else:
                store(X, (n - first) * width + d, load(W[part], row * stride_of(W[part]) + column))


@compiled
def hand_out_pieces(W, part, text, order, window, null, chunk, left_steps, right_steps, begin, end):
    """Add the steps of a chunk's concatenations, which come in two parts, to their rows, columns begin to end."""
    first = CHUNK * chunk
    split, stride = W[0].shape[1], stride_of(W[part])
    P, widths = split + W[1].shape[1], (left_steps.shape[0] // CHUNK, right_steps.shape[0] // CHUNK)
    for n in range(first, min(first + CHUNK, order.shape[0])):
        i = order[n]
        for place in range((widths[0] + widths[1]) // P):
            row = row_of_place(i, place, text, window, null) * stride
            for d in range(begin, end, LANES):
                column = place * P + split * part + d
                if column < widths[0]:
                    step = load(left_steps, (n - first) * widths[0] + column)
                else:
                    step = load(right_steps, (n - first) * widths[1] + column - widths[0])
                store(W[part], row + d, load(W[part], row + d) + step)


# On a GPU ------------------------------------------------------------------------------------------------------------


def ordered(text, order):
    """The text as the device functions read it: first the tokens in the order of training, behind all as they stand."""
    from numba import cuda

    tokens = text[0]
    return cuda.to_device(tokens.copy_to_host()[order.copy_to_host()]), *text[1:], order, tokens


@functools.cache
def input_functions():
    """Device functions, as ``kernels/runs.py`` has them: a token has the rows of its tags and of its window."""
    from numba import cuda

    @cuda.jit(device=True)
    def count(n, text):
        i, offsets = text[6][n], text[5]
        return text[2][i] - text[1][i] - 1 + offsets[text[3][i] + 1] - offsets[text[3][i]]

    @cuda.jit(device=True)
    def row(n, p, text):
        i = text[6][n]
        first, j = text[5][text[3][i]], text[1][i] + p
        if j < text[2][i] - 1:
            return text[7][j + 1 if j >= i else j]
        return text[4][first + j - text[2][i] + 1]

    return count, row


@functools.cache
def place_functions():
    """Device functions: a token has the rows of its concatenation."""
    from numba import cuda

    @cuda.jit(device=True)
    def count(n, text):
        return 1

    @cuda.jit(device=True)
    def row(n, p, text):
        i = text[6][n]
        first, size = text[5][text[3][i]], text[8]
        n_tags = text[5][text[3][i] + 1] - first
        if p < n_tags:
            return text[4][first + p]
        j = i - size[0] + p - n_tags
        j += 1 if j >= i else 0
        return text[7][j] if text[1][i] <= j < text[2][i] else size[1]

    return count, row


@functools.cache
def _kernel(joined):
    functions = place_functions() if joined else input_functions()
    return chunk_kernel(CHUNK, *functions, weigh_itself(1), joined)


def block_cuda(W_in, W_out, tokens, left, right, documents, tags, offsets, order, negatives, alphas, negative,
               together, mean):  # fmt: skip
    """:func:`block_numpy` on a GPU, a thread block for each chunk of a batch (``kernels/runs.py``)."""
    text, spans = ordered((tokens, left, right, documents, tags, offsets), order), own_spans(len(negatives), len(order))
    numbers = negatives, alphas, negative, together, mean, False, spans
    return train_chunks(_kernel(False), CHUNK, W_in, W_out, text, *numbers)


def concat_cuda(W_in, W_out, tokens, left, right, documents, tags, offsets, order, negatives, alphas, negative,
                together, window, null):  # fmt: skip
    """:func:`concat_numpy` on a GPU, in the same way."""
    from numba import cuda

    sizes = cuda.to_device(np.array([window, null]))
    text = *ordered((tokens, left, right, documents, tags, offsets), order), sizes
    numbers = negatives, alphas, negative, together, False, False, own_spans(len(negatives), len(order))
    return train_chunks(_kernel(True), CHUNK, W_in, W_out, text, *numbers)


IMPLEMENTATIONS = {"numpy": block_numpy, "cpu": block_cpu, "cuda": block_cuda}
CONCAT_IMPLEMENTATIONS = {"numpy": concat_numpy, "cpu": concat_cpu, "cuda": concat_cuda}
