"""Gaussian blur, one axis after the other, and a picture of twice the size: what a scale space is made of.

    g_k = exp(-k² / 2σ²) / Σ exp(-j² / 2σ²)    for |k| ≤ r
    B(y, x) = Σ_k g_k V(y, x + k)              V(y, x) = Σ_k g_k I(y + k, x)

At its edges a picture is reflected, without its last row twice. Two blurs in a row are one, of σ² = σ₁² + σ₂².

======= ========= ============== ==========================================================
symbol  variable  shape          what it is
======= ========= ============== ==========================================================
I       picture   (H, W) float32
g       weights   (r + 1,)       float32; g₀ to g_r, the other half is the same
B       blurred   (H, W) float32 the result, written in place
======= ========= ============== ==========================================================

Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004, section 3; Rey Otero & Delbracio, "Anatomy of
the SIFT Method", 2014, section 2.
"""

import functools
import math

import numpy as np

from kernels.compile import compiled
from kernels.simd import LANES, fma, lanes_of_zeros, load, spread, store

THREADS = 128


def gaussian(sigma, truncate=4.0):
    """Half of a Gaussian's weights, from the middle outwards, float32; all of it adds up to 1.

    Examples
    --------
    >>> gaussian(0.5, truncate=2).round(2).tolist()
    [0.7900000214576721, 0.10999999940395355]
    """
    offsets = np.arange(max(1, math.ceil(truncate * sigma)) + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    return (weights / (2 * weights.sum() - weights[0])).astype(np.float32)


def blur_numpy(picture, weights, blurred):
    """Write the blurred picture to `blurred`.

    Examples
    --------
    >>> dot = np.zeros((3, 3), np.float32)
    >>> dot[1, 1] = 16
    >>> blurred = np.empty_like(dot)
    >>> blur_numpy(dot, np.array([0.5, 0.25], np.float32), blurred)
    >>> blurred.tolist()
    [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]
    """
    both = np.concatenate([weights[:0:-1], weights])  # (2r + 1,)
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (len(weights) - 1, len(weights) - 1)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(picture, pad, mode="reflect"), len(both), axis)
        picture = windows @ both
    blurred[:] = picture


@compiled
def reflected(i, n):
    """Where place `i` lies in a line of n places that is reflected at both ends, again and again."""
    if n == 1:
        return 0
    period = 2 * (n - 1)
    i = abs(i) % period
    return i if i < n else period - i


@compiled
def _narrow(picture, weights, blurred):
    """Pictures without sixteen columns."""
    H, W = picture.shape
    line = np.empty(W, np.float32)
    for y in range(H):
        for x in range(W):
            total = weights[0] * picture[y, x]
            for k in range(1, weights.shape[0]):
                total += weights[k] * (picture[reflected(y - k, H), x] + picture[reflected(y + k, H), x])
            line[x] = total
        for x in range(W):
            total = weights[0] * line[x]
            for k in range(1, weights.shape[0]):
                total += weights[k] * (line[reflected(x - k, W)] + line[reflected(x + k, W)])
            blurred[y, x] = total


@compiled
def blur_cpu(picture, weights, blurred):
    """Compiled :func:`blur_numpy`: a row is blurred downwards into a line, and the line along itself."""
    H, W = picture.shape
    if W < LANES:
        _narrow(picture, weights, blurred)
        return
    r = weights.shape[0] - 1
    source, target = picture.reshape(-1), blurred.reshape(-1)
    pad = (r + LANES) // LANES * LANES
    line = lanes_of_zeros(W + 2 * pad)
    above, below = np.empty(r + 1, np.int64), np.empty(r + 1, np.int64)
    last = W - LANES
    for y in range(H):
        for k in range(r + 1):
            above[k], below[k] = reflected(y - k, H) * W, reflected(y + k, H) * W
        row = y * W
        for x in range(0, W, 4 * LANES):
            # The last lanes of a row may be computed twice.
            x0, x1, x2, x3 = min(x, last), min(x + LANES, last), min(x + 2 * LANES, last), min(x + 3 * LANES, last)
            g = spread(weights, 0)
            s0, s1 = g * load(source, row + x0), g * load(source, row + x1)
            s2, s3 = g * load(source, row + x2), g * load(source, row + x3)
            for k in range(1, r + 1):
                a, b = above[k], below[k]
                g = spread(weights, k)
                s0 = fma(g, load(source, a + x0) + load(source, b + x0), s0)
                s1 = fma(g, load(source, a + x1) + load(source, b + x1), s1)
                s2 = fma(g, load(source, a + x2) + load(source, b + x2), s2)
                s3 = fma(g, load(source, a + x3) + load(source, b + x3), s3)
            store(line, pad + x0, s0), store(line, pad + x1, s1)
            store(line, pad + x2, s2), store(line, pad + x3, s3)
        for k in range(1, r + 1):
            line[pad - k] = line[pad + reflected(-k, W)]
            line[pad + W - 1 + k] = line[pad + reflected(W - 1 + k, W)]
        for x in range(0, W, 4 * LANES):
            x0, x1, x2, x3 = min(x, last), min(x + LANES, last), min(x + 2 * LANES, last), min(x + 3 * LANES, last)
            g = spread(weights, 0)
            s0, s1 = g * load(line, pad + x0), g * load(line, pad + x1)
            s2, s3 = g * load(line, pad + x2), g * load(line, pad + x3)
            for k in range(1, r + 1):
                left, right = pad - k, pad + k
                g = spread(weights, k)
                s0 = fma(g, load(line, left + x0) + load(line, right + x0), s0)
                s1 = fma(g, load(line, left + x1) + load(line, right + x1), s1)
                s2 = fma(g, load(line, left + x2) + load(line, right + x2), s2)
                s3 = fma(g, load(line, left + x3) + load(line, right + x3), s3)
            store(target, row + x0, s0), store(target, row + x1, s1)
            store(target, row + x2, s2), store(target, row + x3, s3)


@functools.cache
def _blur_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    def reflect(i, n):
        period = max(1, 2 * (n - 1))
        i = abs(i) % period
        return i if i < n else period - i

    reflect = cuda.jit(device=True)(reflect)

    @cuda.jit
    def blur(picture, weights, blurred, down, across):
        H, W = picture.shape
        place = cuda.grid(1)
        y, x = place // W, place % W
        if y >= H:
            return
        total = weights[0] * picture[y, x]
        for k in range(1, weights.shape[0]):
            before = picture[reflect(y - k * down, H), reflect(x - k * across, W)]
            behind = picture[reflect(y + k * down, H), reflect(x + k * across, W)]
            total += weights[k] * (before + behind)
        blurred[y, x] = total

    return blur


def blur_cuda(picture, weights, blurred):
    """:func:`blur_numpy` on a GPU, one thread for each pixel, one axis after the other."""
    from numba import cuda

    blocks = -(-picture.size // THREADS)
    if blocks:
        half = cuda.device_array(picture.shape, np.float32)
        _blur_kernel()[blocks, THREADS](picture, weights, half, 1, 0)
        _blur_kernel()[blocks, THREADS](half, weights, blurred, 0, 1)


# Twice the size -------------------------------------------------------------------------------------------------------


def double_numpy(picture, doubled):
    """Write a picture of twice the size, (2H, 2W): each pixel at twice its place, means of neighbours between.

    Examples
    --------
    >>> doubled = np.empty((2, 4), np.float32)
    >>> double_numpy(np.array([[1.0, 3.0]], np.float32), doubled)
    >>> doubled.tolist()
    [[1.0, 2.0, 3.0, 3.0], [1.0, 2.0, 3.0, 3.0]]
    """
    next_row = np.concatenate([picture[1:], picture[-1:]])
    rows = np.stack([picture, (picture + next_row) / 2], axis=1).reshape(-1, picture.shape[1])  # (2H, W)
    next_column = np.concatenate([rows[:, 1:], rows[:, -1:]], axis=1)
    doubled[:] = np.stack([rows, (rows + next_column) / 2], axis=2).reshape(doubled.shape)


@compiled
def double_cpu(picture, doubled):
    """Compiled :func:`double_numpy`."""
    H, W = picture.shape
    half = np.float32(0.5)
    line = np.empty(W + 1, np.float32)
    for y in range(2 * H):
        above, below = picture[y // 2], picture[min((y + 1) // 2, H - 1)]
        for x in range(W):
            line[x] = (above[x] + below[x]) * half
        line[W] = line[W - 1]
        row = doubled[y]
        for x in range(W):
            row[2 * x] = line[x]
            row[2 * x + 1] = (line[x] + line[x + 1]) * half


@functools.cache
def _double_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def double(picture, doubled):
        H, W = picture.shape
        place = cuda.grid(1)
        y, x = place // (2 * W), place % (2 * W)
        if y >= 2 * H:
            return
        top, left = y // 2, x // 2
        low, right = min((y + 1) // 2, H - 1), min((x + 1) // 2, W - 1)
        total = picture[top, left] + picture[top, right] + picture[low, left] + picture[low, right]
        doubled[y, x] = total * np.float32(0.25)

    return double


def double_cuda(picture, doubled):
    """:func:`double_numpy` on a GPU, one thread for each pixel of the result."""
    blocks = -(-doubled.size // THREADS)
    if blocks:
        _double_kernel()[blocks, THREADS](picture, doubled)


IMPLEMENTATIONS = {"numpy": blur_numpy, "cpu": blur_cpu, "cuda": blur_cuda}
DOUBLE_IMPLEMENTATIONS = {"numpy": double_numpy, "cpu": double_cpu, "cuda": double_cuda}
