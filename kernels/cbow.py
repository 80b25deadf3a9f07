"""CBOW with negative sampling: predict a word from the mean of the words around it.

For a centre word w whose window holds n words c, with h = (1/n) Σ_c v_c and K noise words (Mikolov et al. 2013a,
section 3.1; the objective of 2013b, equation 4, with h for the input vector):

    L = -log σ(u_w · h) - Σ_k log σ(-u_k · h)

    e = -∂L/∂h = (1 - σ(u_w · h)) u_w - Σ_k σ(u_k · h) u_k        ∂L/∂v_c = -e / n

The published word2vec.c, and gensim after it, leave the division by n out of the last formula; ``legacy`` does as they
do (İrsoy, Benton & Stratos 2021, "Corrected CBOW Performs as well as Skip-gram", section 3). With ``mean=False``, h is
the sum, and both agree.

``word`` makes the update one centre at a time; ``block`` takes CHUNK = 16 centres, which share their noise, as in
``kernels/skipgram.py``, whose table of symbols holds here, too. Every function returns the summed loss.
"""

import functools

import numpy as np

from kernels.compile import UNCOUNTED, compiled
from kernels.running_sums import add_running_sums, add_up, begin_and_end, four_lots, others, store_lots, times
from kernels.runs import chunk_kernel, single_kernel, train_chunks, train_singly
from kernels.simd import LANES, add_lanes, fetch, fetch_all, fma, lanes_of_zeros, load, splat, store, unequal
from kernels.skipgram import (
    batch_room,
    centre_functions,
    seen_from,
    sigmoid_numpy,
    softplus_numpy,
    whole,
    window_functions,
)
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
            x = score if k < 0 else -score
            loss += np.log1p(np.exp(-abs(x))) + max(-x, np.float32(0))
            wrong = np.float32(1) / (np.float32(1) + np.exp(x))
            g = alphas[i] * (wrong if k < 0 else -wrong)
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


def block_numpy(W_in, W_out, tokens, left, right, negatives, alphas, negative, together, mean, legacy):
    """Batches of `together` chunks; each one's K noise words count ``negative / K`` times. Returns the loss."""
    loss = 0.0
    for start in range(0, len(negatives), together):
        chunks = range(start, min(start + together, len(negatives)))
        texts = [(W_in, W_out, tokens, left, right, negatives, chunk) for chunk in chunks]
        results = [chunk_numpy(*text, alphas[text[-1]], negative, mean, legacy) for text in texts]
        for contexts, context_steps, targets, target_steps, lost in results:
            np.add.at(W_in, contexts, context_steps)
            np.add.at(W_out, targets, target_steps)
            loss += lost
    return float(loss)


def chunk_numpy(W_in, W_out, tokens, left, right, negatives, chunk, alpha, negative, mean, legacy):
    """What a chunk wants to change: contexts and their steps, targets and theirs; and its loss."""
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), len(tokens))
    low, high = left[first:last].min(), right[first:last].max()
    centres, contexts, noise = tokens[first:last], tokens[low:high], negatives[chunk]
    position, place = np.arange(first, last)[:, None], np.arange(low, high)
    seen = (place >= left[first:last, None]) & (place < right[first:last, None]) & (place != position)  # (C, J)
    n = seen.sum(axis=1, keepdims=True)  # (C, 1)
    has_context = n > 0
    average = seen / np.maximum(n, 1) if mean else seen.astype(float)  # (C, J)
    H = average @ W_in[contexts]  # (C, P)
    E, *targets, loss = predict_numpy(H, has_context, W_out, centres, noise, alpha, negative)
    context_steps = (average if mean and not legacy else seen.astype(float)).T @ E  # (J, P)
    return contexts, context_steps, *targets, loss


def predict_numpy(H, counts, W_out, centres, noise, alpha, negative):
    """What it takes that the inputs H, (C, P), tell their `centres` from the `noise` better, where one ``counts``.

    Returns
    -------
    E : array, shape (C, P)
        Steps of the inputs.
    targets : array, shape (C + K,)
    target_steps : array, shape (C + K, P)
    loss : float
    """
    Y, N = W_out[centres], W_out[noise]  # (C, P), (K, P)
    scores = (H * Y).sum(axis=1, keepdims=True)  # (C, 1)
    noise_scores = H @ N.T  # (C, K)
    weight = counts * (noise != centres[:, None]) * (negative / max(len(noise), 1))  # (C, K)
    loss = (counts * softplus_numpy(-scores)).sum() + (weight * softplus_numpy(noise_scores)).sum()
    G = alpha * counts * (1 - sigmoid_numpy(scores))  # (C, 1)
    G_noise = -alpha * weight * sigmoid_numpy(noise_scores)  # (C, K)
    target_steps = np.concatenate([G * H, G_noise.T @ H])  # (C + K, P)
    return G * Y + G_noise @ N, np.concatenate([centres, noise]), target_steps, loss


def block_cpu(W_in, W_out, tokens, left, right, negatives, alphas, negative, together, mean, legacy, workers=1):
    """:func:`block_numpy` on so many threads, with the same bits; see skip-gram's ``block_cpu``."""
    W_in, W_out = (W if isinstance(W, tuple) else in_parts(W) for W in (W_in, W_out))
    losses = np.zeros(len(negatives))
    # Behind the noise words stand the centres' own.
    room = batch_room(W_in, whole(negatives.shape[1]) + CHUNK, min(together, max(len(negatives), 1)))
    divide = mean and not legacy
    arguments = W_in, W_out, tokens, left, right, negatives, alphas, negative, mean, divide, losses
    run_team(workers, _train, *arguments, *room, np.zeros_like(room[-1]) if divide else room[-1])
    return float(losses.sum())


@compiled(fastmath=False)
def _train(worker, workers, arrivals, W_in, W_out, tokens, left, right, negatives, alphas, negative, mean, divide,
           losses, H, Y, parts, G, S):  # fmt: skip
    T, together = tokens.shape[0], G.shape[0]
    widest = max(W_in[0].shape[1], W_in[1].shape[1])
    widest_batch = 0
    for start in range(0, T, CHUNK * together):
        low, high = seen_from(left, right, start, min(start + CHUNK * together, T))
        widest_batch = max(widest_batch, high - low)
    sums = lanes_of_zeros((widest_batch + 1) * widest)  # over what a batch sees
    turned, weight, itself = lanes_of_zeros(CHUNK * widest), lanes_of_zeros(G.shape[1]), np.arange(CHUNK)
    numbers = tokens, left, right, negatives, alphas, negative, mean, divide, losses
    room = H, Y, parts, G, S, sums, turned, weight, itself
    _train_in(worker, workers, arrivals, W_in, W_out, *numbers, *room)
    return 0


@compiled(fastmath=False, **UNCOUNTED)
def _train_in(worker, workers, arrivals, W_in, W_out, tokens, left, right, negatives, alphas, negative, mean, divide,
              losses, H, Y, parts, G, S, sums, turned, weight, itself):  # fmt: skip
    T, (C, K) = tokens.shape[0], negatives.shape
    together = G.shape[0]
    stage = 0
    for start in range(0, C, together):
        size = min(together, C - start)
        for n in range(worker * PARTS * size // workers, (worker + 1) * PARTS * size // workers):
            part, c = n // size, n % size
            first, last = CHUNK * (start + c), min(CHUNK * (start + c + 1), T)
            add_up_windows(W_in[part], tokens, left, right, first, last, mean, sums, H[part][c])
            turn(H[part][c], W_in[part].shape[1], turned)
            chunk = start + c
            score(W_out[part], tokens, negatives, chunk, chunk + 1, H[part][c], turned, Y[part][c], parts[part, c])
        stage = wait(arrivals, workers, stage)
        for c in range(worker * size // workers, (worker + 1) * size // workers):
            if workers > 1 and c + 1 < size:
                for part in range(PARTS):
                    fetch_all(parts[part, c + 1])
            chunk = start + c
            weigh(tokens, left, right, 2, negatives, chunk, negative, weight)
            losses[chunk] = chunk_gradient(K, alphas[chunk], parts[:, c], weight, G[c])
            if divide:
                share_out(left, right, chunk, K, G[c], weight, S[c])
        stage = wait(arrivals, workers, stage)
        for part in range(PARTS):
            begin, end = own_columns(worker, workers, part, W_in)
            for c in range(size if end > begin else 0):
                if workers > 1 and c + 1 < size:
                    fetch_all(G[c + 1])
                    if divide:
                        fetch_all(S[c + 1])
                chunk = start + c
                room = H[part][c], Y[part][c], itself, begin, end
                add_to_targets(W_out[part], tokens, negatives, chunk, G[c], S[c], *room)
            if end > begin:
                errors = H[part].reshape(-1)
                hand_to_windows(W_in[part], tokens, left, right, start, size, errors, sums, begin, end)
        if workers > PARTS:
            # Others may read these columns next.
            stage = wait(arrivals, workers, stage)
    return 0


@compiled(fastmath=False, **UNCOUNTED)
def add_to_targets(u, tokens, negatives, chunk, G, S, H, Y, itself, begin, end):
    """Add a chunk's steps to its noise and to the words of its centres, and leave in H the steps of its inputs, which
    nobody needs any more; columns begin to end. Along a score, targets go by G, inputs by S. ``itself`` counts from 0
    to 15.
    """
    K, P, stride = negatives.shape[1], u.shape[1], stride_of(u)
    M = whole(K)
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), tokens.shape[0])
    for k in range(0, K, 8):
        noise = negatives[chunk, k:]
        add_products(u, stride, noise, K - k, G, CHUNK * k, CHUNK, 1, H, P, 0, CHUNK, 0, 0, begin, end)
    for i in range(first, last):
        r, w = i - first, tokens[i] * stride
        own, step = splat(G[CHUNK * M + r]), splat(S[CHUNK * M + r])
        for d in range(begin, end, LANES):
            store(u, w + d, own * load(H, r * P + d) + load(u, w + d))
            store(H, r * P + d, step * load(Y, (M + r) * P + d))
    for r in range(0, CHUNK, 8):
        add_products(H, P, itself[r:], 8, S, r, 1, CHUNK, Y, P, 0, K, 0, 0, begin, end)


@compiled(fastmath=False, **UNCOUNTED)
def share_of(n, divide):
    """1 / n, but 1 for no words and where nothing is to be divided."""
    return np.float32(1) / np.float32(max(n, 1)) if divide else np.float32(1)


@compiled(fastmath=False, **UNCOUNTED)
def add_up_windows(v, tokens, left, right, first, last, mean, sums, H):
    """H[r] = the sum, or mean, of what the word first + r sees; zeros behind the last word.

    A window's sum is the difference of two running sums: the same work for every reach.
    """
    P, stride = v.shape[1], stride_of(v)
    low, high = seen_from(left, right, first, last)
    for i in range(high, min(high + CHUNK, tokens.shape[0])):
        for d in range(0, P, LANES):
            fetch(v, tokens[i] * stride + d)
    add_up(v, tokens, low, high, sums)
    clear(H[(last - first) * P :], H.shape[0] - (last - first) * P)
    for i in range(first, last):
        share = splat(share_of(right[i] - left[i] - 1, mean))
        before, behind, own = (left[i] - low) * P, (right[i] - low) * P, tokens[i] * stride
        for column in range(0, P, 4 * LANES):
            lots = four_lots(column, P)
            store_lots(H, (i - first) * P, lots, times(share, others(sums, before, behind, v, own, lots)))


@compiled(**UNCOUNTED)
def score(u, tokens, negatives, chunk, ahead, H, turned, Y, scores):
    """Scores of a chunk's sums with the noise words and, as one more target, with the word of each centre.

    Y is filled with the noise words, then the centres' own; all may be a part of the columns. ``ahead`` is the chunk
    that comes next, if there is such a one.
    """
    T, (C, K) = tokens.shape[0], negatives.shape
    P, stride = u.shape[1], stride_of(u)
    M = whole(K)
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), T)
    if ahead < C:
        for d in range(0, P, LANES):
            for k in range(K):
                fetch(u, negatives[ahead, k] * stride + d)
            for i in range(CHUNK * ahead, min(CHUNK * (ahead + 1), T)):
                fetch(u, tokens[i] * stride + d)
    gather(u, stride, negatives[chunk], K, P, Y[: M * P])
    gather(u, stride, tokens[first:last], last - first, P, Y[M * P : (M + CHUNK) * P])
    for target in range(0, M, 8):
        multiply(turned, Y, P, target, scores)
    for r in range(CHUNK):
        own = splat(0)
        for d in range(0, P, LANES):
            own = fma(load(H, r * P + d), load(Y, (M + r) * P + d), own)
        scores[CHUNK * M + r] = add_lanes(own)


@compiled(fastmath=False, **UNCOUNTED)
def weigh(tokens, left, right, least, negatives, chunk, negative, weight):
    """How often each target counts for each centre whose window, itself included, has at least so many words."""
    K = negatives.shape[1]
    M = whole(K)
    first, last = CHUNK * chunk, min(CHUNK * (chunk + 1), tokens.shape[0])
    store(weight, CHUNK * M, splat(0))
    for i in range(first, last):
        weight[CHUNK * M + i - first] = right[i] - left[i] >= least
    share = splat(np.float32(negative) / np.float32(K)) * load(weight, CHUNK * M)
    weigh_noise(tokens[first:last], negatives[chunk], share, weight)


@compiled(fastmath=False, **UNCOUNTED)
def weigh_noise(words, noise, share, weight):
    """How often each noise word counts for each of a chunk's words: its share, but a word is not its own noise."""
    for k in range(noise.shape[0]):
        if words.shape[0] == CHUNK:
            store(weight, CHUNK * k, share * unequal(words, 0, noise[k]))
            continue
        store(weight, CHUNK * k, share)
        for r in range(words.shape[0]):
            if words[r] == noise[k]:
                weight[CHUNK * k + r] = 0


@compiled(fastmath=False, **UNCOUNTED)
def chunk_gradient(K, alpha, parts, weight, G):
    """Fill G. Returns the loss."""
    M = whole(K)
    loss = gradient(parts, weight, 0, K, np.float32(-1), alpha, G)
    return loss + gradient(parts, weight, M, M + 1, np.float32(1), alpha, G)


@compiled(fastmath=False, **UNCOUNTED)
def share_out(left, right, chunk, K, G, share, S):
    """S = what one word of the window gets of the steps G; ``share`` is room."""
    first, M = CHUNK * chunk, whole(K)
    store(share, 0, splat(0))
    for i in range(first, min(first + CHUNK, left.shape[0])):
        share[i - first] = share_of(right[i] - left[i] - 1, True)
    for k in range(K):
        store(S, CHUNK * k, load(share, 0) * load(G, CHUNK * k))
    store(S, CHUNK * M, load(share, 0) * load(G, CHUNK * M))


@compiled(fastmath=False, **UNCOUNTED)
def hand_to_windows(v, tokens, left, right, start, size, errors, sums, begin, end):
    """Add to every word the errors of the centres that see it, columns begin to end.

    An error begins at its window's first word and ends behind the last one; running sums do the rest.
    """
    P = v.shape[1]
    first, last = CHUNK * start, min(CHUNK * (start + size), tokens.shape[0])
    low, high = seen_from(left, right, first, last)
    clear(sums, (high - low + 1) * P)
    for i in range(first, last):
        begin_and_end(sums, (left[i] - low) * P, (right[i] - low) * P, errors, (i - first) * P, begin, end)
    add_running_sums(v, tokens, low, high, sums, errors, first, last, 0, 1, begin, end)


@functools.cache
def weigh_itself(least):
    """Device function, as ``kernels/runs.py`` has it: a token is to tell itself from noise.

    One whose window, itself included, has fewer words than ``least`` counts nothing.
    """
    from numba import cuda

    @cuda.jit(device=True)
    def weigh(i, c, low, J, text, noise, share):
        tokens, left, right = text[0], text[1], text[2]
        if right[i] - left[i] < least:
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
    return chunk_kernel(CHUNK, *window_functions(), weigh_itself(2))


def block_cuda(W_in, W_out, tokens, left, right, negatives, alphas, negative, together, mean, legacy):
    """:func:`block_numpy` on a GPU, a thread block for each chunk of a batch (``kernels/runs.py``)."""
    text, spans = (tokens, left, right), own_spans(len(negatives), len(tokens))
    arguments = text, negatives, alphas, negative, together, mean, mean and not legacy, spans
    return train_chunks(_block_kernel(), CHUNK, W_in, W_out, *arguments)


def own_spans(chunks, T):
    """Where the targets of each chunk stand, if they are its own tokens: an array of the host, (C, 2), int32."""
    bounds = np.append(CHUNK * np.arange(chunks), T).astype(np.int32)
    return np.stack([bounds[:-1], bounds[1:]], axis=1)


IMPLEMENTATIONS = {"numpy": block_numpy, "cpu": block_cpu, "cuda": block_cuda}
WORD_IMPLEMENTATIONS = {"numpy": word_numpy, "cpu": word_cpu, "cuda": word_cuda}
