"""Co-occurrence: how often each word stands in the window of each other.

    X_ij = Σ  weight(q - p)   over all places p of word i and q ≠ p of word j, in one sentence, |q - p| ≤ window

GloVe (Pennington, Socher & Manning 2014, section 4.2) weighs a pair by 1 / distance; PPMI and LSA count 1 for each.

The plain way walks through the text and adds to a table of V² numbers, which no memory holds, so that programs sort and
merge long lists of pairs. Walking through the *places of one word* instead needs a single row of V numbers: ``index``
lists the places of each word, ``rows`` fills row after row. Sentences are kept apart by ``window`` places that hold no
word, which ``spread`` puts between them: no window needs to ask where its sentence ends.

======= ============== ================ ==================================================================
symbol  variable       shape            what it is
======= ============== ================ ==================================================================
        tokens         (N,) int32       word numbers of all sentences, one after the other
        offsets        (S + 1,) int64   where each sentence begins and ends
        places         (T,) int32       the same words, V where there is none; T = N + (S + 1) · window
        positions      (N,) int         places of word 0, then of word 1, …
        bounds         (R + 1,) int64   where the positions of each of R words begin and end
weight  before, after  (window,) f64    what a word counts that stands 1, 2, … places before, or after; above 0,
                                        but all of ``after`` may be 0
======= ============== ================ ==================================================================
"""

import functools

import numpy as np

from kernels.compile import compiled
from kernels.simd import fetch

# Threads that count a row on a GPU, and how many numbers the rows that they count at a time may have.
THREADS, ROOM = 128, 1 << 25

# A word that is not met.
NEVER = np.iinfo(np.int64).max

# --- Sentences kept apart --------------------------------------------------------------------------------------------


def spread_numpy(tokens, offsets, window, V):
    """The words with `window` empty places before, between and after the sentences.

    Examples
    --------
    >>> spread_numpy(np.array([0, 1, 1]), np.array([0, 2, 3]), 1, V=9).tolist()
    [9, 0, 1, 9, 1, 9]
    """
    empty = np.full(window, V, np.int32)
    pieces = [empty]
    for start, stop in zip(offsets[:-1], offsets[1:], strict=True):
        pieces += [tokens[start:stop], empty]
    return np.concatenate(pieces).astype(np.int32)


@compiled
def spread_cpu(tokens, offsets, window, V):
    """Compiled :func:`spread_numpy`."""
    S = offsets.shape[0] - 1
    places = np.full(offsets[S] - offsets[0] + (S + 1) * window, V, np.int32)
    place = window
    for s in range(S):
        for t in range(offsets[s], offsets[s + 1]):
            places[place] = tokens[t]
            place += 1
        place += window
    return places


# --- Where each word stands ------------------------------------------------------------------------------------------


def index_numpy(places, V, positions):
    """Fill `positions`, all places by word, in order within a word; returns ``bounds`` of the V words.

    Examples
    --------
    >>> positions = np.empty(3, np.int64)
    >>> index_numpy(np.array([9, 0, 1, 9, 1, 9]), 2, positions).tolist(), positions.tolist()
    ([0, 1, 3], [1, 2, 4])
    """
    words = np.flatnonzero(places < V)
    positions[:] = words[np.argsort(places[words], kind="stable")]
    return np.concatenate([[0], np.cumsum(np.bincount(places[words], minlength=V))])


@compiled
def index_cpu(places, V, positions):
    """Compiled :func:`index_numpy`, a counting sort."""
    bounds = np.zeros(V + 1, np.int64)
    for place in range(places.shape[0]):
        if places[place] < V:
            bounds[places[place] + 1] += 1
    for word in range(V):
        bounds[word + 1] += bounds[word]
    filled = bounds.copy()
    for place in range(places.shape[0]):
        word = places[place]
        if word < V:
            positions[filled[word]] = place
            filled[word] += 1
    return bounds


# --- Rows of the matrix ----------------------------------------------------------------------------------------------


def rows_numpy(places, positions, bounds, before, after, V):
    """Rows of X for the R words whose places are given.

    Returns
    -------
    row_starts : array, shape (R + 1,), int64
    columns : array, int32
        Those of row r are columns[row_starts[r] : row_starts[r + 1]], in the order in which they were met.
    counts : array, float32

    Examples
    --------
    "a b a", window 2, weighted by 1 / distance: the row of a = 0 has the a two places away twice, and b twice.

    >>> places, positions, bounds = np.array([2, 2, 0, 1, 0, 2, 2]), np.array([2, 4]), np.array([0, 2])
    >>> weights = np.array([1, 1 / 2])
    >>> row_starts, columns, counts = rows_numpy(places, positions, bounds, weights, weights, V=2)
    >>> dict(zip(columns.tolist(), counts.tolist()))
    {1: 2.0, 0: 1.0}
    """
    window = len(before)
    # In the order of the compiled loop: 1 before, 1 after, 2 before, 2 after, …
    steps = np.array([step for k in range(1, window + 1) for step in (-k, k)])
    weights = np.array([weight for pair in zip(before, after, strict=True) for weight in pair])
    row_starts, all_columns, all_counts = [0], [], []
    for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
        seen = places[positions[start:stop, None] + steps].ravel()
        weight = np.tile(weights, stop - start)
        seen, weight = seen[weight > 0], weight[weight > 0]
        columns, first, inverse = np.unique(seen, return_index=True, return_inverse=True)
        counts = np.bincount(inverse, weight, len(columns))
        order = np.argsort(first)
        order = order[columns[order] < V]
        all_columns.append(columns[order])
        all_counts.append(counts[order])
        row_starts.append(row_starts[-1] + len(order))
    columns = np.concatenate([*all_columns, []]).astype(np.int32)
    return np.array(row_starts), columns, np.concatenate([*all_counts, []]).astype(np.float32)


@compiled
def rows_cpu(places, positions, bounds, before, after, V):
    """Compiled :func:`rows_numpy`."""
    window = before.shape[0]
    R = bounds.shape[0] - 1
    two_sided = after.sum() > 0
    most = 0
    for r in range(R):
        most += min(np.int64(V), (bounds[r + 1] - bounds[r]) * window * (2 if two_sided else 1))
    columns, counts = np.empty(most, np.int32), np.empty(most, np.float32)
    row_starts = np.zeros(R + 1, np.int64)
    # The row at hand, and which columns it has; a word more than V is counted, and thrown away.
    row = np.zeros(V + 1)
    met = np.empty(V + 2, np.int32)
    n = 0
    last = bounds[R] - 1
    for r in range(R):
        n_met = 0
        for i in range(bounds[r], bounds[r + 1]):
            place = positions[i]
            ahead = positions[min(i + 12, last)]
            fetch(places, ahead - window)
            fetch(places, ahead + window)
            if two_sided:
                for k in range(window):
                    word = places[place - 1 - k]
                    met[n_met] = word
                    n_met += row[word] == 0
                    row[word] += before[k]
                    word = places[place + 1 + k]
                    met[n_met] = word
                    n_met += row[word] == 0
                    row[word] += after[k]
            else:
                for k in range(window):
                    word = places[place - 1 - k]
                    met[n_met] = word
                    n_met += row[word] == 0
                    row[word] += before[k]
        for m in range(n_met):
            word = met[m]
            if word < V:
                columns[n] = word
                counts[n] = row[word]
                n += 1
            row[word] = 0
        row_starts[r + 1] = n
    return row_starts, columns[:n].copy(), counts[:n].copy()


@functools.cache
def _word_met():
    """The device function that says which word is met as the q-th in the row whose places begin at `start`."""
    from numba import cuda

    @cuda.jit(device=True)
    def met(places, positions, start, q, window, sides):
        step = q % (window * sides)
        distance = step // sides + 1
        place = positions[start + q // (window * sides)]
        return places[place + distance if step % sides else place - distance]

    return met


@functools.cache
def _count_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    met = _word_met()
    int64 = np.int64

    @cuda.jit
    def count(places, positions, bounds, weights, sides, room, sums, firsts, columns, counts, row_sizes):
        block, thread = cuda.blockIdx.x, cuda.threadIdx.x
        new = cuda.shared.array(THREADS, int64)
        V = sums.shape[1]
        window = weights.shape[0] // sides
        for r in range(block, row_sizes.shape[0], sums.shape[0]):
            start, n = bounds[r], (bounds[r + 1] - bounds[r]) * window * sides
            for q in range(thread, n, THREADS):
                word = met(places, positions, start, q, window, sides)
                if word < V:
                    cuda.atomic.add(sums, (block, word), weights[q % (window * sides)])
                    cuda.atomic.min(firsts, (block, word), q)
            cuda.syncthreads()
            # A word is a column where it is met first. Each thread has a stretch of the row: it counts its columns …
            stretch = (n + THREADS - 1) // THREADS
            begin, end = min(thread * stretch, n), min((thread + 1) * stretch, n)
            found = int64(0)
            for q in range(begin, end):
                word = met(places, positions, start, q, window, sides)
                if word < V and firsts[block, word] == q:
                    found += 1
            new[thread] = found
            cuda.syncthreads()
            # … and writes them behind those of the threads before it.
            place = room[r]
            for t in range(thread):
                place += new[t]
            for q in range(begin, end):
                word = met(places, positions, start, q, window, sides)
                if word < V and firsts[block, word] == q:
                    columns[place] = word
                    counts[place] = sums[block, word]
                    place += 1
            if thread == THREADS - 1:
                row_sizes[r] = place - room[r]
            cuda.syncthreads()
            for place in range(room[r] + thread, room[r] + row_sizes[r], THREADS):
                sums[block, columns[place]] = 0
                firsts[block, columns[place]] = NEVER
            cuda.syncthreads()

    return count


@functools.cache
def _close_up_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def close_up(room, row_starts, loose_columns, loose_counts, unit, columns, counts):
        r = cuda.blockIdx.x
        for k in range(cuda.threadIdx.x, row_starts[r + 1] - row_starts[r], THREADS):
            columns[row_starts[r] + k] = loose_columns[room[r] + k]
            counts[row_starts[r] + k] = loose_counts[room[r] + k] * unit

    return close_up


def rows_cuda(places, positions, bounds, before, after, V):
    """:func:`rows_numpy` on a GPU: a thread block counts a row, then the next. Returns arrays on the device.

    Threads add to a row in any order. They add whole numbers, multiples of a `unit` that is so small that the largest
    possible sum just fits 63 bits: the counts are the same in every call.
    """
    from numba import cuda

    host_bounds, before, after = bounds.copy_to_host(), before.copy_to_host(), after.copy_to_host()
    R, sides = len(host_bounds) - 1, 2 if after.any() else 1
    weights = np.stack([before, after][:sides], axis=1).ravel()
    n_met = np.diff(host_bounds) * len(weights)
    if R == 0 or n_met.max() == 0:
        return cuda.to_device(np.zeros(R + 1, np.int64)), np.empty(0, np.int32), np.empty(0, np.float32)
    unit = float(weights.max()) / 2 ** (62 - int(n_met.max()).bit_length())
    # A row has no more columns than words, nor than words in its windows.
    room = np.concatenate([[0], np.cumsum(np.minimum(n_met, V))])
    blocks = min(R, max(1, ROOM // V))
    sums = cuda.to_device(np.zeros((blocks, V), np.int64))
    firsts = cuda.to_device(np.full((blocks, V), NEVER))
    loose_columns, loose_counts = cuda.device_array(room[-1], np.int32), cuda.device_array(room[-1], np.int64)
    room, row_sizes = cuda.to_device(room), cuda.device_array(R, np.int64)
    units = cuda.to_device(np.rint(weights / unit).astype(np.int64))
    arguments = places, positions, bounds, units, sides, room, sums, firsts, loose_columns, loose_counts, row_sizes
    _count_kernel()[blocks, THREADS](*arguments)

    row_starts = np.concatenate([[0], np.cumsum(row_sizes.copy_to_host())])
    columns, counts = cuda.device_array(row_starts[-1], np.int32), cuda.device_array(row_starts[-1], np.float32)
    row_starts = cuda.to_device(row_starts)
    _close_up_kernel()[R, THREADS](room, row_starts, loose_columns, loose_counts, unit, columns, counts)
    return row_starts, columns, counts


# No CUDA twins of the first two: they prepare a text once, in a tenth of the time that its rows take.
SPREAD_IMPLEMENTATIONS = {"numpy": spread_numpy, "cpu": spread_cpu}
INDEX_IMPLEMENTATIONS = {"numpy": index_numpy, "cpu": index_cpu}
ROWS_IMPLEMENTATIONS = {"numpy": rows_numpy, "cpu": rows_cpu, "cuda": rows_cuda}
