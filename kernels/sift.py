"""SIFT, first half: where the differences of blurred pictures are largest or smallest, over place and scale.

    L(s) = picture blurred by σ k^s, k = 2^(1/n)        D(s) = L(s + 1) - L(s)
    candidates: |D| > threshold, and no smaller (no larger, if negative) than all 26 neighbours in place and scale
    refined:    z ← z - H⁻¹ ∇D until all |z| ≤ 0.6      |D + ½ ∇D·z| ≥ contrast      tr²/det ≤ (edge + 1)²/edge

======== =========== ==================== ======================================================================
symbol   variable    shape                what it is
======== =========== ==================== ======================================================================
L        levels      (S, H, W) float32    one octave, S = n + 3 blurred pictures
         places      (capacity,) int64    (y S + s) W + x of each candidate, rising
z        keypoints   (capacity, 5)        row, column, scale s, response |D|, level (whole); float64
======== =========== ==================== ======================================================================

Differences are formed row by row where they are compared, and never stored as pictures.

Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004, sections 3 and 4; Rey Otero & Delbracio,
"Anatomy of the SIFT Method", 2014, algorithms 4 to 8.
"""

import functools
import itertools

import numpy as np

from kernels.compile import compiled
from kernels.simd import LANES, absolute, choose, lanes_at_most, lanes_of_zeros, load, store

THREADS = 128

# Steps of refinement before a candidate is given up.
STEPS = 5

# How far the extremum may lie from the candidate; with 0.5, one between two pixels would be sent to and fro for ever.
NEAR = 0.6


def extrema_numpy(levels, threshold, border, places):
    """Write the candidates of an octave to `places`. Returns how many there are, even if not all have room.

    Examples
    --------
    A dot in the middle of the middle difference:

    >>> levels = np.zeros((4, 3, 3), np.float32)
    >>> levels[2:, 1, 1] = 1
    >>> places = np.empty(9, np.int64)
    >>> extrema_numpy(levels, 0.5, 1, places), places[0] == (1 * 4 + 1) * 3 + 1
    (1, np.True_)
    """
    S, H, W = levels.shape
    if H <= 2 * border or W <= 2 * border:
        return 0
    D = np.diff(levels, axis=0)  # (S - 1, H, W)
    inner = D[1:-1, border : H - border, border : W - border]
    windows = np.lib.stride_tricks.sliding_window_view(D, (3, 3, 3))[:, border - 1 :, border - 1 :]
    windows = windows[:, : inner.shape[1], : inner.shape[2]]
    high = (inner > threshold) & (inner >= windows.max(axis=(3, 4, 5)))
    low = (inner < -threshold) & (inner <= windows.min(axis=(3, 4, 5)))
    y, s, x = np.nonzero((high | low).transpose(1, 0, 2))
    found = ((y + border) * S + s + 1) * W + x + border
    places[: len(found)] = found[: len(places)]
    return len(found)


@compiled
def _larger(a, b):
    return choose(a - b, a, b)


@compiled
def _smaller(a, b):
    return choose(b - a, a, b)


@compiled
def _above_all(D, i, above, row, below, scale, bits):
    """Which of sixteen places from i are at least as large as all their neighbours; `scale` leads to the next one."""
    v = load(D, i)
    for s in (0, -scale, scale):
        j = i - row + s
        m = _larger(load(D, j + above - 1), load(D, j + above + 1))
        m = _larger(_larger(load(D, j + below - 1), load(D, j + below + 1)), m)
        m = _larger(_larger(load(D, j + row - 1), load(D, j + row + 1)), m)
        m = _larger(_larger(load(D, j + above), load(D, j + below)), m)
        m = _larger(load(D, j + row), m)
        bits &= lanes_at_most(m - v, 0)
        if bits == 0:
            break
    return bits


@compiled
def _below_all(D, i, above, row, below, scale, bits):
    """As :func:`_above_all`, for the smallest."""
    v = load(D, i)
    for s in (0, -scale, scale):
        j = i - row + s
        m = _smaller(load(D, j + above - 1), load(D, j + above + 1))
        m = _smaller(_smaller(load(D, j + below - 1), load(D, j + below + 1)), m)
        m = _smaller(_smaller(load(D, j + row - 1), load(D, j + row + 1)), m)
        m = _smaller(_smaller(load(D, j + above), load(D, j + below)), m)
        m = _smaller(load(D, j + row), m)
        bits &= lanes_at_most(v - m, 0)
        if bits == 0:
            break
    return bits


@compiled
def extrema_cpu(levels, threshold, border, places):
    """Compiled :func:`extrema_numpy`: differences of three rows at a time, sixteen places at once."""
    S, H, W = levels.shape
    if H <= 2 * border or W <= 2 * border:
        return 0
    flat = levels.reshape(-1)
    P = (W + LANES) // LANES * LANES + LANES
    # The rows above, at hand and below take turns in three places of every scale.
    D = lanes_of_zeros((S - 1) * 3 * P + 2 * LANES)
    threshold = np.float32(threshold)
    count = 0
    for y in range(border - 1, H - border + 1):
        slot = LANES + (y % 3) * P
        for s in range(S - 1):
            to, low, high = slot + s * 3 * P, (s * H + y) * W, ((s + 1) * H + y) * W
            for x in range(0, W - LANES + 1, LANES):
                store(D, to + x, load(flat, high + x) - load(flat, low + x))
            for x in range(W // LANES * LANES, W):
                D[to + x] = flat[high + x] - flat[low + x]
        if y < border + 1:
            continue
        above, row, below = LANES + (y - 2) % 3 * P, LANES + (y - 1) % 3 * P, slot
        for s in range(1, S - 2):
            for x in range(border, W - border, LANES):
                i = row + s * 3 * P + x
                v = load(D, i)
                left = W - border - x
                bits = (1 << min(left, LANES)) - 1
                bits &= ~lanes_at_most(absolute(v), threshold)
                if bits == 0:
                    continue
                positive = bits & ~lanes_at_most(v, 0)
                negative = bits & ~positive
                if positive:
                    positive = _above_all(D, i, above, row, below, 3 * P, positive)
                if negative:
                    negative = _below_all(D, i, above, row, below, 3 * P, negative)
                bits = positive | negative
                for k in range(LANES):
                    if bits >> k & 1:
                        if count < places.shape[0]:
                            places[count] = ((y - 1) * S + s) * W + x + k
                        count += 1
    return count


@functools.cache
def _extrema_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def find(levels, threshold, border, places, count):
        S, H, W = levels.shape
        place = cuda.grid(1)
        x, s, y = place % W, place // W % S, place // (W * S)
        if y < border or y >= H - border or x < border or x >= W - border or s < 1 or s > S - 3:
            return
        v = levels[s + 1, y, x] - levels[s, y, x]
        if abs(v) <= threshold:
            return
        for i in range(27):
            a, b, c = s + i // 9 - 1, y + i // 3 % 3 - 1, x + i % 3 - 1
            other = levels[a + 1, b, c] - levels[a, b, c]
            if (v > 0 and other > v) or (v < 0 and other < v):
                return
        n = cuda.atomic.add(count, 0, 1)
        if n < places.shape[0]:
            places[n] = place

    return find


def extrema_cuda(levels, threshold, border, places):
    """:func:`extrema_numpy` on a GPU, one thread for each place and scale; candidates are put in order afterwards."""
    from numba import cuda

    count = cuda.to_device(np.zeros(1, np.int64))
    if levels.size:
        blocks = -(-levels.size // THREADS)
        _extrema_kernel()[blocks, THREADS](levels, np.float32(threshold), border, places, count)
    n = int(count.copy_to_host()[0])
    found = places.copy_to_host()
    found[: min(n, len(found))].sort()
    places.copy_to_device(found)
    return n


# Refinement -----------------------------------------------------------------------------------------------------------


def refine_numpy(levels, places, contrast, edge, border, keypoints):
    """Move candidates to where a parabola through their neighbours has its extremum. Returns how many are left.

    Those of low contrast, on edges, or that leave the octave are dropped.
    """
    S, H, W = levels.shape
    D = np.diff(levels.astype(np.float64), axis=0)
    n = 0
    for place in places:
        z = np.array([place // W % S, place // (W * S), place % W])  # scale, row, column
        for _ in range(STEPS):
            s, y, x = z
            cube = D[s - 1 : s + 2, y - 1 : y + 2, x - 1 : x + 2]
            gradient = (cube[[2, 1, 1], [1, 2, 1], [1, 1, 2]] - cube[[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
            H_ = np.empty((3, 3))
            for a, b in itertools.product(range(3), range(3)):
                plane = np.moveaxis(cube, (a, b), (0, 1))[:, :, 1] if a != b else np.moveaxis(cube, a, 0)[:, 1, 1]
                if a == b:
                    H_[a, a] = plane[2] + plane[0] - 2 * plane[1]
                else:
                    H_[a, b] = (plane[2, 2] - plane[2, 0] - plane[0, 2] + plane[0, 0]) / 4
            if abs(np.linalg.det(H_)) < 1e-30:
                break
            offset = -np.linalg.solve(H_, gradient)
            if np.abs(offset).max() <= NEAR:
                value = cube[1, 1, 1] + gradient @ offset / 2
                trace, determinant = H_[1, 1] + H_[2, 2], H_[1, 1] * H_[2, 2] - H_[1, 2] ** 2
                if abs(value) >= contrast and trace**2 * edge < (edge + 1) ** 2 * determinant:
                    scale, row, column = z + offset
                    keypoints[n] = row, column, scale, abs(value), s
                    n += 1
                break
            if np.abs(offset).max() > 1e6:
                break
            z = z + np.rint(offset).astype(int)
            if not (1 <= z[0] <= S - 3 and border <= z[1] < H - border and border <= z[2] < W - border):
                break
    return n


@compiled(inline="always")
def _difference(levels, s, y, x):
    return np.float64(levels[s + 1, y, x]) - np.float64(levels[s, y, x])


@compiled(fastmath=False)
def refine_cpu(levels, places, contrast, edge, border, keypoints):
    """Compiled :func:`refine_numpy`, with the inverse of the Hessian written out."""
    S, H, W = levels.shape
    n = 0
    for place in places:
        s, y, x = place // W % S, place // (W * S), place % W
        for _ in range(STEPS):
            v = _difference(levels, s, y, x)
            down, up = _difference(levels, s - 1, y, x), _difference(levels, s + 1, y, x)
            north, south = _difference(levels, s, y - 1, x), _difference(levels, s, y + 1, x)
            west, east = _difference(levels, s, y, x - 1), _difference(levels, s, y, x + 1)
            g_s, g_y, g_x = (up - down) / 2, (south - north) / 2, (east - west) / 2
            ss, yy, xx = up + down - 2 * v, south + north - 2 * v, east + west - 2 * v
            sy = _difference(levels, s + 1, y + 1, x) - _difference(levels, s + 1, y - 1, x)
            sy = (sy - _difference(levels, s - 1, y + 1, x) + _difference(levels, s - 1, y - 1, x)) / 4
            sx = _difference(levels, s + 1, y, x + 1) - _difference(levels, s + 1, y, x - 1)
            sx = (sx - _difference(levels, s - 1, y, x + 1) + _difference(levels, s - 1, y, x - 1)) / 4
            yx = _difference(levels, s, y + 1, x + 1) - _difference(levels, s, y + 1, x - 1)
            yx = (yx - _difference(levels, s, y - 1, x + 1) + _difference(levels, s, y - 1, x - 1)) / 4
            a, b, c = yy * xx - yx * yx, sx * yx - sy * xx, sy * yx - sx * yy
            determinant = ss * a + sy * b + sx * c
            if abs(determinant) < 1e-30:
                break
            z_s = -(a * g_s + b * g_y + c * g_x) / determinant
            z_y = -(b * g_s + (ss * xx - sx * sx) * g_y + (sy * sx - ss * yx) * g_x) / determinant
            z_x = -(c * g_s + (sy * sx - ss * yx) * g_y + (ss * yy - sy * sy) * g_x) / determinant
            if abs(z_s) <= NEAR and abs(z_y) <= NEAR and abs(z_x) <= NEAR:
                value = v + (g_s * z_s + g_y * z_y + g_x * z_x) / 2
                trace = yy + xx
                if abs(value) >= contrast and trace * trace * edge < (edge + 1) * (edge + 1) * a:
                    keypoints[n, 0], keypoints[n, 1], keypoints[n, 2] = y + z_y, x + z_x, s + z_s
                    keypoints[n, 3], keypoints[n, 4] = abs(value), s
                    n += 1
                break
            if max(abs(z_s), abs(z_y), abs(z_x)) > 1e6:
                break
            s, y, x = s + int(np.rint(z_s)), y + int(np.rint(z_y)), x + int(np.rint(z_x))
            if s < 1 or s > S - 3 or y < border or y >= H - border or x < border or x >= W - border:
                break
    return n


EXTREMA_IMPLEMENTATIONS = {"numpy": extrema_numpy, "cpu": extrema_cpu, "cuda": extrema_cuda}
REFINE_IMPLEMENTATIONS = {"numpy": refine_numpy, "cpu": refine_cpu}
