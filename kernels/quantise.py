"""Rows of numbers as single bytes: a quarter of the memory to read where one query meets all rows.

A row x, divided by its length, is rounded to whole multiples of a step of its own (scalar quantisation):

    s = max_d |x_d| / (127 |x|)        q_d = round(x_d / (s |x|))        r = | x / |x| - s q |

With a query y of length 1, the cosine lies within r of s (y · q), by Cauchy and Schwarz: the best rows are among the
few whose bounds reach high enough, and only those must be looked at in full.

======= ============= ================= =====================================================
symbol  variable      shape             what it is
======= ============= ================= =====================================================
x       vectors       (V, d) float32    rows
q       codes         (V, P) int8       the same, rounded; P is d or more, a multiple of 16, with zeros at the end
s       steps         (V,) float32      what a 1 in the codes stands for; 0 for a row of zeros
r       errors        (V,) float32      at least the length of what rounding lost
y       query         (P,) float32      of length 1, with zeros at the end
======= ============= ================= =====================================================
"""

import numpy as np

from kernels.compile import compiled
from kernels.simd import LANES, add_lanes, fetch, fma, load, load_bytes, splat

# Rows that are asked for ahead of time.
AHEAD = 16


def quantise_numpy(vectors):
    """``codes``, ``steps`` and ``errors`` of the rows.

    Examples
    --------
    >>> codes, steps, errors = quantise_numpy(np.array([[3, -4], [0, 0]], np.float32))
    >>> codes[:, :2].tolist(), (1 / steps[:1]).round().tolist(), bool(errors.max() < 0.01)
    ([[95, -127], [0, 0]], [159.0], True)
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)  # (V,)
    unit = vectors / np.where(lengths > 0, lengths, 1)[:, None]  # (V, d)
    steps = (np.abs(unit).max(axis=1, initial=0) / 127).astype(np.float32)  # (V,)
    rounded = np.rint(unit / np.where(steps > 0, steps, 1)[:, None])  # (V, d)
    errors = np.linalg.norm(unit - rounded * steps[:, None].astype(np.float64), axis=1)
    codes = np.pad(rounded.astype(np.int8), ((0, 0), (0, -vectors.shape[1] % LANES)))  # (V, P)
    return codes, steps, errors.astype(np.float32)


@compiled
def quantise_cpu(vectors):
    """Compiled :func:`quantise_numpy`."""
    V, d = vectors.shape
    P = (d + LANES - 1) // LANES * LANES
    codes, steps, errors = np.zeros((V, P), np.int8), np.zeros(V, np.float32), np.zeros(V, np.float32)
    for i in range(V):
        squares, largest = 0.0, np.float32(0)
        for j in range(d):
            squares += np.float64(vectors[i, j]) * np.float64(vectors[i, j])
            largest = max(largest, abs(vectors[i, j]))
        if squares == 0:
            continue
        inverse = 1 / np.sqrt(squares)
        step = np.float32(largest * inverse / 127)
        lost = 0.0
        for j in range(d):
            unit = vectors[i, j] * inverse
            code = np.rint(unit / step)
            codes[i, j] = np.int8(code)
            difference = unit - code * step
            lost += difference * difference
        steps[i], errors[i] = step, np.sqrt(lost)
    return codes, steps, errors


def scores_numpy(codes, steps, query):
    """``steps * (codes @ query)``: about the cosines, (V,) float32.

    Examples
    --------
    >>> scores_numpy(np.array([[127, 0]], np.int8), np.array([1 / 127]), np.array([0.5, 0.8])).tolist()
    [0.5]
    """
    return (steps * (codes.astype(np.float32) @ query)).astype(np.float32)


@compiled
def scores_cpu(codes, steps, query):
    """Compiled :func:`scores_numpy`: four rows at a time, so that the query is read once for all of them."""
    V, P = codes.shape
    flat = codes.reshape(-1)
    scores = np.empty(V, np.float32)
    for i in range(0, V, 4):
        # The last rows are computed again where fewer than four are left.
        a = min(i, max(V - 4, 0))
        b, c, e = min(a + 1, V - 1), min(a + 2, V - 1), min(a + 3, V - 1)
        s0 = s1 = s2 = s3 = splat(0)
        for j in range(0, P, LANES):
            y = load(query, j)
            fetch(flat, (a + AHEAD) * P + 4 * j)
            s0, s1 = fma(load_bytes(flat, a * P + j), y, s0), fma(load_bytes(flat, b * P + j), y, s1)
            s2, s3 = fma(load_bytes(flat, c * P + j), y, s2), fma(load_bytes(flat, e * P + j), y, s3)
        scores[a], scores[b] = add_lanes(s0) * steps[a], add_lanes(s1) * steps[b]
        scores[c], scores[e] = add_lanes(s2) * steps[c], add_lanes(s3) * steps[e]
    return scores


# No CUDA twins: a GPU reads the rows themselves fast enough, and has `nearest`.
QUANTISE_IMPLEMENTATIONS = {"numpy": quantise_numpy, "cpu": quantise_cpu}
SCORES_IMPLEMENTATIONS = {"numpy": scores_numpy, "cpu": scores_cpu}
