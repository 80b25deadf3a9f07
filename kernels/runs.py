"""Runs: how a GPU trains word vectors by negative sampling. What the CUDA twins of skip-gram, CBOW and FastText share.

A *run* is a stretch of the text that one thread block takes in order, chunk after chunk, as one thread of the CPU
does. Runs race with each other, as threads do in Hogwild (Recht et al. 2011): each reads what the others have written
so far, so that the last digits differ from call to call. Their updates are atomic, so that none is lost. A text that
is short enough to be one run gives the reference's numbers.

The three models differ in what they read and what they predict, and in nothing else:

========= ========================== ==================================== =====================
model     rows of token i            targets of token i                   noise word counts
========= ========================== ==================================== =====================
skip-gram its own                    the words of its window              once for each of them
FastText  those of its pieces        the same                             the same
CBOW      the words of its window    itself                               once
========= ========================== ==================================== =====================

So the kernels here are built from device functions that answer for a model:

- ``count(i, text)``: how many rows token i has,
- ``row(i, p, text)``: which is the p-th,
- ``weigh(i, c, low, J, text, noise, share)``: how much token i and target c weigh together; the first J targets are
  words of the text, from place `low` on, the others `noise`, each of which stands for `share` drawn words.

``text`` is a tuple of arrays: tokens, left, right and, for FastText, pieces and offsets (see their files).

Within a thread block, a thread has some columns of every matrix (thread, thread + THREADS, …), so that neighbouring
threads read neighbouring numbers, and a row that comes twice in a chunk is written by the same thread both times. The
products of a chunk's inputs and targets are made of tiles in shared memory, which all threads fill and then read.

======= ============= ======================== =====================================================
symbol  variable      shape                    what it is
======= ============= ======================== =====================================================
        spans         (C, 2) int32             between which places each chunk's targets stand
X       X             (runs, size, P) float32  vectors of a chunk's inputs
        targets       (runs, J + K) int32      its targets
G       G             (runs, J + K, size) f32  how far each input and target are to move to each other
h, e    room          (runs, 2, P) float32     one input, and its step
======= ============= ======================== =====================================================

Recht, Ré, Wright & Niu, "Hogwild!: A Lock-Free Approach to Parallelizing Stochastic Gradient Descent", 2011.
"""

import functools
import math

import numpy as np

# Threads of a block. Updates one by one wait for each other at every product, which a single warp does for nothing.
THREADS, WARP = 128, 32

# Chunks of a run, and tokens of a run where the updates are made one by one.
RUN_CHUNKS, RUN_TOKENS = 64, 1024

# Targets and columns of a tile of products.
PANEL, DEPTH = 32, 32


@functools.cache
def error_and_loss():
    """The device function x → σ(x), log(1 + e^x): how wrong a score is that ought to be low, and its loss."""
    from numba import cuda

    @cuda.jit(device=True)
    def both(x):
        e = math.exp(-abs(x))
        inverse = np.float32(1) / (np.float32(1) + e)
        return (inverse if x >= 0 else e * inverse), max(x, np.float32(0)) + math.log1p(e)

    return both


# Chunk by chunk ------------------------------------------------------------------------------------------------------


def chunk_kernel(size, count, row, weigh):
    """The kernel that trains on chunks of `size` tokens (8 or 16), each run of them in a block of THREADS threads."""
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    both = error_and_loss()
    # Inputs whose products with one target are a thread's.
    own = size * PANEL // THREADS
    # A row of a tile is longer than it needs to be, so that the threads that read down a column use different banks.
    padded = DEPTH + 1
    float32 = np.float32

    @cuda.jit
    def train(W_in, W_out, text, negatives, alphas, share, mean, divide, spans, run_chunks, X, targets, G, losses):
        run, thread = cuda.blockIdx.x, cuda.threadIdx.x
        P, T = W_in.shape[1], text[0].shape[0]
        X_tile = cuda.shared.array((size, DEPTH), float32)
        Y_tile = cuda.shared.array((PANEL, padded), float32)
        scores = cuda.local.array(own, float32)
        x, e = cuda.local.array(size, float32), cuda.local.array(size, float32)
        lane, rank = thread % 32, thread // 32
        loss = 0.0
        for chunk in range(run * run_chunks, min((run + 1) * run_chunks, negatives.shape[0])):
            first = chunk * size
            last = min(first + size, T)
            low, J = spans[chunk, 0], spans[chunk, 1] - spans[chunk, 0]
            n_targets = J + negatives.shape[1]
            for c in range(thread, n_targets, THREADS):
                targets[run, c] = text[0][low + c] if c < J else negatives[chunk, c - J]
            for d in range(thread, P, THREADS):
                for r in range(size):
                    total = float32(0)
                    if first + r < last:
                        n = count(first + r, text)
                        for p in range(n):
                            total += W_in[row(first + r, p, text), d]
                        if mean and n > 1:
                            total /= float32(n)
                    X[run, r, d] = total
            cuda.syncthreads()

            # Scores X Y', a panel of targets at a time: a thread has one target, and `own` inputs.
            for start in range(0, n_targets, PANEL):
                for m in range(own):
                    scores[m] = float32(0)
                for depth in range(0, P, DEPTH):
                    d = depth + lane
                    for r in range(rank, size, THREADS // DEPTH):
                        X_tile[r, lane] = X[run, r, d] if d < P else float32(0)
                    for c in range(rank, PANEL, THREADS // DEPTH):
                        is_there = start + c < n_targets and d < P
                        Y_tile[c, lane] = W_out[targets[run, start + c], d] if is_there else float32(0)
                    cuda.syncthreads()
                    for k in range(DEPTH):
                        y = Y_tile[lane, k]
                        for m in range(own):
                            scores[m] += X_tile[rank * own + m, k] * y
                    cuda.syncthreads()
                c = start + lane
                if c < n_targets:
                    for m in range(own):
                        r = rank * own + m
                        weight = float32(0)
                        if first + r < last:
                            weight = weigh(first + r, c, low, J, text, negatives[chunk], share)
                        error, missed = both(-scores[m] if c < J else scores[m])
                        loss += weight * missed
                        G[run, c, r] = alphas[chunk] * weight * (error if c < J else -error)
            cuda.syncthreads()

            # Steps G Y and G' X, from the values before the chunk: all of a column is read before any of it is written.
            for d in range(thread, P, THREADS):
                for r in range(size):
                    x[r], e[r] = X[run, r, d], float32(0)
                for c in range(n_targets):
                    y = W_out[targets[run, c], d]
                    for r in range(size):
                        e[r] += G[run, c, r] * y
                for c in range(n_targets):
                    step = float32(0)
                    for r in range(size):
                        step += G[run, c, r] * x[r]
                    cuda.atomic.add(W_out, (targets[run, c], d), step)
                # Loops of fixed length alone keep x and e in registers.
                for r in range(size):
                    if first + r < last:
                        n = count(first + r, text)
                        step = e[r] / float32(n) if divide and n > 1 else e[r]
                        for p in range(n):
                            cuda.atomic.add(W_in, (row(first + r, p, text), d), step)
            # The next chunk writes to `targets`.
            cuda.syncthreads()
        losses[run, thread] = loss

    return train


def train_chunks(kernel, size, W_in, W_out, text, negatives, alphas, negative, mean, divide, spans):
    """Launch a kernel of :func:`chunk_kernel`. Returns the loss.

    Parameters
    ----------
    kernel : CUDA kernel
    size : int
        Tokens of a chunk, as the kernel has it.
    W_in, W_out, text, negatives, alphas : arrays on the device, `text` a tuple of them
    negative : int
        Noise words of one pair; each of a chunk's K stands for ``negative / K`` of them.
    mean : bool
        Whether a token's vector is the mean of its rows, or their sum.
    divide : bool
        Whether a token's step is shared out among its rows, or handed to each.
    spans : array, shape (C, 2), int32
        On the host.
    """
    from numba import cuda

    (C, K), P = negatives.shape, W_in.shape[1]
    if C == 0:
        return 0.0
    runs = -(-C // RUN_CHUNKS)
    n_targets = int((spans[:, 1] - spans[:, 0]).max()) + K
    X = cuda.device_array((runs, size, P), np.float32)
    targets = cuda.device_array((runs, n_targets), np.int32)
    G = cuda.device_array((runs, n_targets, size), np.float32)
    losses = cuda.device_array((runs, THREADS), np.float64)
    arguments = W_in, W_out, text, negatives, alphas, np.float32(negative / K), mean, divide, cuda.to_device(spans)
    kernel[runs, THREADS](*arguments, RUN_CHUNKS, X, targets, G, losses)
    return float(losses.copy_to_host().sum())


# One by one ----------------------------------------------------------------------------------------------------------


def single_kernel(count, row, target_count, target_row):
    """The kernel that takes the textbook's steps, target after target, each run in a block of one warp.

    ``target_count`` and ``target_row`` say of token i's targets what ``count`` and ``row`` say of its rows.
    """
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    both = error_and_loss()
    float32, int64 = np.float32, np.int64

    @cuda.jit
    def train(W_in, W_out, text, negatives, alphas, mean, divide, run_tokens, room, losses):
        run, thread = cuda.blockIdx.x, cuda.threadIdx.x
        P, K = W_in.shape[1], negatives.shape[1]
        # Two rows in turn: nobody writes to one while others still read it.
        products = cuda.shared.array((2, WARP), float32)
        counts = cuda.shared.array(WARP, int64)
        # How many rows of `negatives` belong to the runs before.
        first, last = run * run_tokens, min((run + 1) * run_tokens, text[0].shape[0])
        counts[thread] = 0
        for i in range(thread, first, WARP):
            if count(i, text) > 0:
                counts[thread] += target_count(i, text)
        cuda.syncthreads()
        update = int64(0)
        for t in range(WARP):
            update += counts[t]
        loss, side = 0.0, 0
        for i in range(first, last):
            n = count(i, text)
            if n == 0:
                continue
            for q in range(target_count(i, text)):
                for d in range(thread, P, WARP):
                    h = float32(0)
                    for p in range(n):
                        h += W_in[row(i, p, text), d]
                    room[run, 0, d] = h / float32(n) if mean else h
                    room[run, 1, d] = float32(0)
                sought = target_row(i, q, text)
                for k in range(-1, K):
                    target = sought if k < 0 else negatives[update, k]
                    if k >= 0 and target == sought:
                        continue
                    product = float32(0)
                    for d in range(thread, P, WARP):
                        product += W_out[target, d] * room[run, 0, d]
                    side = 1 - side
                    products[side, thread] = product
                    cuda.syncthreads()
                    score = float32(0)
                    for t in range(WARP):
                        score += products[side, t]
                    error, missed = both(-score if k < 0 else score)
                    loss += missed
                    g = alphas[i] * (error if k < 0 else -error)
                    for d in range(thread, P, WARP):
                        room[run, 1, d] += g * W_out[target, d]
                        cuda.atomic.add(W_out, (target, d), g * room[run, 0, d])
                for d in range(thread, P, WARP):
                    step = room[run, 1, d] / float32(n) if divide else room[run, 1, d]
                    for p in range(n):
                        cuda.atomic.add(W_in, (row(i, p, text), d), step)
                update += 1
        if thread == 0:
            losses[run] = loss

    return train


def train_singly(kernel, W_in, W_out, text, negatives, alphas, mean, divide):
    """Launch a kernel of :func:`single_kernel`; the parameters are those of :func:`train_chunks`. Returns the loss."""
    from numba import cuda

    T, P = len(alphas), W_in.shape[1]
    if T == 0:
        return 0.0
    runs = -(-T // RUN_TOKENS)
    room = cuda.device_array((runs, 2, P), np.float32)
    losses = cuda.device_array(runs, np.float64)
    kernel[runs, WARP](W_in, W_out, text, negatives, alphas, mean, divide, RUN_TOKENS, room, losses)
    return float(losses.copy_to_host().sum())
