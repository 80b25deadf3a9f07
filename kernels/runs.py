"""How a GPU trains word vectors by negative sampling: what the CUDA twins of skip-gram, CBOW and FastText share.

The four models differ in what they read and what they predict, and in nothing else:

========= ========================== ==================================== =====================
model     rows of token i            targets of token i                   noise word counts
========= ========================== ==================================== =====================
skip-gram its own                    the words of its window              once for each of them
FastText  those of its pieces        the same                             the same
CBOW      the words of its window    itself                               once
Doc2Vec   its document's and those   itself                               once
========= ========================== ==================================== =====================

So the kernels here are built from device functions that answer for a model:

- ``count(i, text)``: how many rows token i has,
- ``row(i, p, text)``: which is the p-th,
- ``weigh(i, c, low, J, text, noise, share)``: how much token i and target c weigh together; the first J targets are
  words of the text, from place `low` on, the others `noise`, each of which stands for `share` drawn words.

``text`` is a tuple of arrays: tokens, left, right and, for FastText and Doc2Vec, what else their files name.

*Batches of chunks.* A chunk is a thread block's. All blocks look at what their chunks want to change, wait for each
other, change it, and wait again, batch after batch. The numbers are the reference's; but thread blocks add to a row in
any order, so that the last digits differ from call to call.

*One by one*, a run of consecutive tokens is a thread block's, as it is a thread's on the CPU. Runs race with each
other, as in Hogwild (Recht et al. 2011): each sees of the others what they have added so far. No addition is lost. A
text that is short enough to be one run gives the reference's numbers.

Within a thread block, a thread has some columns of every matrix (thread, thread + THREADS, …), so that neighbouring
threads read neighbouring numbers, and a row that comes twice in a chunk is written by the same thread both times. The
products of a chunk's inputs and targets are made of tiles in shared memory, which all threads fill and then read.

======= ============= ========================= ====================================================
symbol  variable      shape                     what it is
======= ============= ========================= ====================================================
        spans         (C, 2) int32              between which places each chunk's targets stand
X       X             (chunks, size, P) float32 vectors of a chunk's inputs
        targets       (chunks, J + K) int32     its targets
G       G             (blocks, J + K, size)     how far each input and target are to move to each other
E       E             (chunks, size, P) float32 steps of the inputs
h, e    room          (runs, 2, P) float32      one input, and its step
======= ============= ========================= ====================================================

Recht, Ré, Wright & Niu, "Hogwild!: A Lock-Free Approach to Parallelizing Stochastic Gradient Descent", 2011.
"""

import functools
import math

import numpy as np

# Threads of a block. Updates one by one wait for each other at every product, which a single warp does for nothing.
THREADS, WARP = 128, 32

# Tokens of a run.
RUN_TOKENS = 1024

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


def blocks_at_once():
    """Thread blocks that can surely run at the same time, and so wait for each other. The simulator runs one."""
    from numba import config, cuda

    return 1 if config.ENABLE_CUDASIM else cuda.get_current_device().MULTIPROCESSOR_COUNT


def chunk_kernel(size, count, row, weigh, joined=False):
    """The kernel that trains on batches of chunks of `size` tokens (8 or 16).

    ``joined``: an input is made of its rows one behind the other, and the rows of W_out are as long as that.
    """
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    both = error_and_loss()
    # Inputs whose products with one target are a thread's.
    own = size * PANEL // THREADS
    # A row of a tile is longer than it needs to be, so that the threads that read down a column use different banks.
    padded = DEPTH + 1
    float32 = np.float32

    @cuda.jit(device=True)
    def look(chunk, W_in, W_out, text, noise, span, alpha, share, mean, X, targets, G, E, X_tile, Y_tile):
        """Fill X, targets, G and E of a chunk. Returns this thread's part of the loss."""
        scores, e = cuda.local.array(own, float32), cuda.local.array(size, float32)
        thread, P, width = cuda.threadIdx.x, W_out.shape[1], W_in.shape[1]
        lane, rank = thread % 32, thread // 32
        first = chunk * size
        last = min(first + size, text[0].shape[0])
        low, J = span[0], span[1] - span[0]
        n_targets = J + noise.shape[0]
        for c in range(thread, n_targets, THREADS):
            targets[c] = text[0][low + c] if c < J else noise[c - J]
        for d in range(thread, P, THREADS):
            for r in range(size):
                total = float32(0)
                if joined and first + r < last:
                    total = W_in[row(first + r, d // width, text), d % width]
                elif first + r < last:
                    n = count(first + r, text)
                    for p in range(n):
                        total += W_in[row(first + r, p, text), d]
                    if mean and n > 1:
                        total /= float32(n)
                X[r, d] = total
        cuda.syncthreads()

        # Scores X Y', a panel of targets at a time: a thread has one target, and `own` inputs.
        loss = 0.0
        for panel in range(0, n_targets, PANEL):
            for m in range(own):
                scores[m] = float32(0)
            for depth in range(0, P, DEPTH):
                d = depth + lane
                for r in range(rank, size, THREADS // DEPTH):
                    X_tile[r, lane] = X[r, d] if d < P else float32(0)
                for c in range(rank, PANEL, THREADS // DEPTH):
                    is_there = panel + c < n_targets and d < P
                    Y_tile[c, lane] = W_out[targets[panel + c], d] if is_there else float32(0)
                cuda.syncthreads()
                for k in range(DEPTH):
                    y = Y_tile[lane, k]
                    for m in range(own):
                        scores[m] += X_tile[rank * own + m, k] * y
                cuda.syncthreads()
            c = panel + lane
            if c < n_targets:
                for m in range(own):
                    r = rank * own + m
                    weight = float32(0)
                    if first + r < last:
                        weight = weigh(first + r, c, low, J, text, noise, share)
                    error, missed = both(-scores[m] if c < J else scores[m])
                    loss += weight * missed
                    G[c, r] = alpha * weight * (error if c < J else -error)
        cuda.syncthreads()

        # Steps of the inputs, G Y. Loops of fixed length keep e in registers.
        for d in range(thread, P, THREADS):
            for r in range(size):
                e[r] = float32(0)
            for c in range(n_targets):
                y = W_out[targets[c], d]
                for r in range(size):
                    e[r] += G[c, r] * y
            for r in range(size):
                E[r, d] = e[r]
        return loss

    @cuda.jit(device=True)
    def change(chunk, W_in, W_out, text, n_targets, divide, X, targets, G, E):
        """Add the steps of a chunk: G' X to its targets, E to the rows of its inputs."""
        x = cuda.local.array(size, float32)
        first, width = chunk * size, W_in.shape[1]
        for d in range(cuda.threadIdx.x, W_out.shape[1], THREADS):
            for r in range(size):
                x[r] = X[r, d]
            for c in range(n_targets):
                move = float32(0)
                for r in range(size):
                    move += G[c, r] * x[r]
                cuda.atomic.add(W_out, (targets[c], d), move)
            for r in range(min(size, text[0].shape[0] - first)):
                if joined:
                    cuda.atomic.add(W_in, (row(first + r, d // width, text), d % width), E[r, d])
                    continue
                n = count(first + r, text)
                move = E[r, d] / float32(n) if divide and n > 1 else E[r, d]
                for p in range(n):
                    cuda.atomic.add(W_in, (row(first + r, p, text), d), move)

    @cuda.jit
    def train(W_in, W_out, text, negatives, spans, alphas, share, mean, divide, X, targets, G, E, losses):
        block, together = cuda.blockIdx.x, X.shape[0]
        C, K = negatives.shape
        X_tile = cuda.shared.array((size, DEPTH), float32)
        Y_tile = cuda.shared.array((PANEL, padded), float32)
        everyone = cuda.cg.this_grid()
        loss = 0.0
        for start in range(0, C, together):
            n = min(together, C - start)
            for k in range(block, n, cuda.gridDim.x):
                chunk, room = start + k, (X[k], targets[k], G[k], E[k])
                numbers = negatives[chunk], spans[chunk], alphas[chunk], share, mean
                loss += look(chunk, W_in, W_out, text, *numbers, *room, X_tile, Y_tile)
            everyone.sync()
            for k in range(block, n, cuda.gridDim.x):
                chunk, room = start + k, (X[k], targets[k], G[k], E[k])
                change(chunk, W_in, W_out, text, spans[chunk, 1] - spans[chunk, 0] + K, divide, *room)
            everyone.sync()
        losses[block, cuda.threadIdx.x] = loss

    return train


def train_chunks(kernel, size, W_in, W_out, text, negatives, alphas, negative, together, mean, divide, spans):
    """Launch a kernel of :func:`chunk_kernel`. Returns the loss.

    Parameters
    ----------
    kernel : CUDA kernel
    size : int
        Tokens of a chunk, as the kernel has it.
    W_in, W_out, text, negatives, alphas : arrays on the device, `text` a tuple of them
    negative : int
        Noise words of one pair; each of a chunk's K stands for ``negative / K`` of them.
    together : int
        Chunks of a batch, which see the same vectors.
    mean : bool
        Whether a token's vector is the mean of its rows, or their sum.
    divide : bool
        Whether a token's step is shared out among its rows, or handed to each.
    spans : array, shape (C, 2), int32
        On the host.
    """
    from numba import cuda

    (C, K), P = negatives.shape, W_out.shape[1]
    if C == 0:
        return 0.0
    together, n_targets = min(together, C), int((spans[:, 1] - spans[:, 0]).max()) + K
    X, E = (cuda.device_array((together, size, P), np.float32) for _ in range(2))
    targets = cuda.device_array((together, n_targets), np.int32)
    G = cuda.device_array((together, n_targets, size), np.float32)
    blocks = min(together, blocks_at_once())
    losses = cuda.device_array((blocks, THREADS), np.float64)
    numbers = negatives, cuda.to_device(spans), alphas, np.float32(negative / K), mean, divide
    kernel[blocks, THREADS](W_in, W_out, text, *numbers, X, targets, G, E, losses)
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
