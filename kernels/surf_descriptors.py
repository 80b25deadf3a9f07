"""SURF, second half: which way a keypoint points, and how much the fields around it rise.

    direction     of the longest sum of Haar responses (weight exp(-r² / 2 (2.5 s)²), r ≤ 6 s) within 60°
    descriptor    Σ d_x, Σ |d_x|, Σ d_y, Σ |d_y| over 4 × 4 fields, samples s apart, each shared by the nearest fields,
                  weight exp(-r² / 2 (3.3 s)²); of length 1. 128 numbers: the sums apart by the other one's sign

======== ============ ======================== =====================================================================
symbol   variable     shape                    what it is
======== ============ ======================== =====================================================================
I        integral     (H + 1, W + 1) int64     sums from the upper left corner
         keypoints    (n, 3) float64           row, column, s
θ        angles       (n,) float64             radians, from the columns' axis to the rows'
======== ============ ======================== =====================================================================

Bay, Ess, Tuytelaars & Van Gool, "Speeded-Up Robust Features (SURF)", 2008; fields that share their samples, as Agrawal,
Konolige & Blas, "CenSurE", 2008, have them.
"""

import math

import numpy as np

from kernels.compile import compiled
from kernels.simd import LANES, add_lanes, fma, lanes_of_zeros, load, splat, spread

# Directions into which Haar responses are sorted, how many of them 60° are, and the tangents of those up to 45°.
BINS, SIXTY, QUARTER = 72, 12, 18
TANGENTS = np.append(np.tan(np.arange(QUARTER // 2) * (2 * np.pi / BINS)), 1)

# Samples from the middle of a descriptor to its edge.
RADIUS = 12

# Where a direction's samples lie, in s, and what they weigh.
_Y, _X = (d.ravel() for d in np.mgrid[-6:7, -6:7])
_INSIDE = np.hypot(_Y, _X) <= 6
AROUND_Y, AROUND_X = _Y[_INSIDE].astype(np.float64), _X[_INSIDE].astype(np.float64)
AROUND = np.exp(-(AROUND_Y**2 + AROUND_X**2) / (2 * 2.5**2))

# Where a descriptor's samples lie across and along its direction, in s.
_PLACES = np.arange(-RADIUS, RADIUS) + 0.5
ALONG, ACROSS = (d.ravel() for d in np.meshgrid(_PLACES, _PLACES))

# What each line of samples counts in the fields; field p begins at line 5p. Two times sixteen lanes hold a line.
SIDE, PITCH, FIELD = 2 * RADIUS, 2 * LANES, 9
_SHARES = np.maximum(0, 1 - abs(_PLACES / 5 + 1.5 - np.arange(4)[:, None]))
FIELDS = np.zeros((4, PITCH), np.float32)
FIELDS[:, :SIDE] = _SHARES * np.exp(-(_PLACES**2) / (2 * 3.3**2))


def _box(integral, y, x, height, width):
    """Sums of the boxes that begin at y and x, arrays; what lies outside counts 0."""
    H, W = integral.shape
    y0, y1 = np.clip(y, 0, H - 1), np.clip(y + height, 0, H - 1)
    x0, x1 = np.clip(x, 0, W - 1), np.clip(x + width, 0, W - 1)
    return integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]


def _haar(integral, y, x, half):
    """How much the picture rises at rounded places, to the right and downwards, by boxes of twice `half`."""
    y, x = np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)
    left, right = (_box(integral, y - half, x + d, 2 * half, half) for d in (-half, 0))
    upper, lower = (_box(integral, y + d, x - half, half, 2 * half) for d in (-half, 0))
    return right - left, lower - upper


def directions_numpy(integral, keypoints, angles):
    """Write the direction of each keypoint."""
    for e, (row, column, s) in enumerate(keypoints):
        g_x, g_y = _haar(integral, row + AROUND_Y * s, column + AROUND_X * s, max(1, int(2 * s + 0.5)))
        g_x, g_y = g_x * AROUND, g_y * AROUND
        bins = (np.arctan2(g_y, g_x) % (2 * np.pi) * (BINS / (2 * np.pi))).astype(int) % BINS
        sums = np.stack([np.bincount(bins, g, minlength=BINS) for g in (g_x, g_y)])
        windows = sum(np.roll(sums, -k, axis=1) for k in range(SIXTY))
        x, y = windows[:, np.argmax((windows**2).sum(axis=0))]
        angles[e] = np.arctan2(y, x) % (2 * np.pi)


def descriptors_numpy(integral, keypoints, angles, extended, descriptors):
    """Write the descriptor of each keypoint, (n, 64) or, `extended`, (n, 128); zeros where nothing rises.

    Examples
    --------
    A slope that rises to the right: Σ d_x and Σ |d_x| alone.

    >>> slope = np.tile(np.arange(81), (81, 1)).cumsum(axis=0).cumsum(axis=1)
    >>> descriptors = np.empty((1, 64), np.float32)
    >>> descriptors_numpy(slope, np.array([[40.0, 40.0, 2.0]]), np.zeros(1), False, descriptors)
    >>> (descriptors.reshape(16, 4) > 1e-6).all(axis=0).tolist()
    [True, True, False, False]
    """
    for (row, column, s), theta, descriptor in zip(keypoints, angles, descriptors, strict=True):
        cosine, sine = math.cos(theta), math.sin(theta)
        y, x = row + (sine * ALONG + cosine * ACROSS) * s, column + (cosine * ALONG - sine * ACROSS) * s
        g_x, g_y = _haar(integral, y, x, max(1, int(s + 0.5)))
        d_x, d_y = cosine * g_x + sine * g_y, cosine * g_y - sine * g_x
        if extended:
            parts = [np.where(sign, n, 0) for d, other in ((d_x, d_y), (d_y, d_x)) for n in (d, abs(d))
                     for sign in (other >= 0, other < 0)]  # fmt: skip
        else:
            parts = [d_x, abs(d_x), d_y, abs(d_y)]
        weights = FIELDS[:, :SIDE].astype(np.float64)
        sums = [weights @ part.reshape(SIDE, SIDE) @ weights.T for part in parts]  # (depth, 4, 4)
        sums = np.moveaxis(sums, 0, 2).ravel()
        descriptor[:] = sums / max(np.linalg.norm(sums), 1e-30)


@compiled(inline="always", fastmath=False)
def _rises(integral, ys, xs, half, g_x, g_y):
    """Compiled :func:`_haar`: eight corners serve both directions."""
    H, W = integral.shape
    flat = integral.reshape(-1)
    for i in range(ys.shape[0]):
        y, x = np.int64(math.floor(ys[i] + 0.5)), np.int64(math.floor(xs[i] + 0.5))
        n, m, s = min(max(y - half, 0), H - 1) * W, min(max(y, 0), H - 1) * W, min(max(y + half, 0), H - 1) * W
        w, c, e = min(max(x - half, 0), W - 1), min(max(x, 0), W - 1), min(max(x + half, 0), W - 1)
        nw, no, ne = flat[np.uint64(n + w)], flat[np.uint64(n + c)], flat[np.uint64(n + e)]
        we, ea = flat[np.uint64(m + w)], flat[np.uint64(m + e)]
        sw, so, se = flat[np.uint64(s + w)], flat[np.uint64(s + c)], flat[np.uint64(s + e)]
        g_x[i] = np.float64(se - ne - 2 * (so - no) + sw - nw)
        g_y[i] = np.float64(se - sw - 2 * (ea - we) + ne - nw)


@compiled(inline="always", fastmath=False)
def _sort(g_x, g_y, bins):
    """Write the number of the direction of each rise, by its angle from the nearest axis, upwards or downwards."""
    for i in range(g_x.shape[0]):
        x, y = abs(g_x[i]), abs(g_y[i])
        steep, left, up = y > x, g_x[i] < 0, g_y[i] < 0
        low, high = min(x, y), max(x, y)
        reached = passed = 0
        for k in range(TANGENTS.shape[0]):
            edge = TANGENTS[k] * high
            reached += low >= edge
            passed += low > edge
        axis = (3 if up else 1) if steep else (2 if left else 4 if up else 0)
        backwards = steep != (left != up)
        k = axis * QUARTER + (-passed if backwards else reached - 1)
        bins[i] = k - BINS if k >= BINS else k


@compiled(fastmath=False)
def directions_cpu(integral, keypoints, angles):
    """Compiled :func:`directions_numpy`."""
    n = AROUND.shape[0]
    ys, xs, g_x, g_y, bins = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int64)
    sums_x, sums_y = np.empty(BINS + SIXTY), np.empty(BINS + SIXTY)
    windows_x, windows_y = np.empty(BINS), np.empty(BINS)
    for e in range(keypoints.shape[0]):
        row, column, s = keypoints[e, 0], keypoints[e, 1], keypoints[e, 2]
        for i in range(n):
            ys[i], xs[i] = row + AROUND_Y[i] * s, column + AROUND_X[i] * s
        _rises(integral, ys, xs, max(1, int(2 * s + 0.5)), g_x, g_y)
        _sort(g_x, g_y, bins)
        sums_x[:], sums_y[:] = 0, 0
        for i in range(n):
            k = np.uint64(bins[i])
            sums_x[k] += g_x[i] * AROUND[i]
            sums_y[k] += g_y[i] * AROUND[i]
        sums_x[BINS:], sums_y[BINS:] = sums_x[:SIXTY], sums_y[:SIXTY]
        windows_x[:], windows_y[:] = 0, 0
        for t in range(SIXTY):
            for k in range(BINS):
                windows_x[k] += sums_x[k + t]
                windows_y[k] += sums_y[k + t]
        best = 0
        for k in range(1, BINS):
            if windows_x[k] ** 2 + windows_y[k] ** 2 > windows_x[best] ** 2 + windows_y[best] ** 2:
                best = k
        angle = math.atan2(windows_y[best], windows_x[best])
        angles[e] = angle + 2 * math.pi if angle < 0 else angle


@compiled(fastmath=False)
def _split(d_x, d_y, at, step, depth, parts):
    """Write what is summed up of a sample: both rises and their sizes, apart by the other one's sign if depth is 8."""
    if depth == 4:
        parts[at], parts[at + step] = d_x, abs(d_x)
        parts[at + 2 * step], parts[at + 3 * step] = d_y, abs(d_y)
        return
    for k, d, other in ((0, d_x, d_y), (4, d_y, d_x)):
        upper, lower = (d, np.float32(0)) if other >= 0 else (np.float32(0), d)
        parts[at + k * step], parts[at + (k + 1) * step] = upper, lower
        parts[at + (k + 2) * step], parts[at + (k + 3) * step] = abs(upper), abs(lower)


@compiled(fastmath=False)
def descriptors_cpu(integral, keypoints, angles, extended, descriptors):
    """Compiled :func:`descriptors_numpy`: fields are summed down first, and then along."""
    depth, n, step = 8 if extended else 4, SIDE * SIDE, SIDE * PITCH
    ys, xs, g_x, g_y = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    parts = lanes_of_zeros(depth * step)
    weights = FIELDS.reshape(-1)
    for e in range(keypoints.shape[0]):
        row, column, s = keypoints[e, 0], keypoints[e, 1], keypoints[e, 2]
        cosine, sine = math.cos(angles[e]), math.sin(angles[e])
        for i in range(n):
            ys[i] = row + (sine * ALONG[i] + cosine * ACROSS[i]) * s
            xs[i] = column + (cosine * ALONG[i] - sine * ACROSS[i]) * s
        _rises(integral, ys, xs, max(1, int(s + 0.5)), g_x, g_y)
        for t in range(SIDE):
            for u in range(SIDE):
                x, y = g_x[t * SIDE + u], g_y[t * SIDE + u]
                d_x, d_y = np.float32(cosine * x + sine * y), np.float32(cosine * y - sine * x)
                _split(d_x, d_y, np.uint64(t * PITCH + u), np.uint64(step), depth, parts)
        total = np.float32(0)
        for k in range(depth):
            for p in range(4):
                left = right = splat(0.0)
                for t in range(5 * p, 5 * p + FIELD):
                    at, weight = k * step + t * PITCH, spread(weights, p * PITCH + t)
                    left, right = fma(weight, load(parts, at), left), fma(weight, load(parts, at + LANES), right)
                for q in range(4):
                    along = left * load(weights, q * PITCH)
                    value = add_lanes(fma(right, load(weights, q * PITCH + LANES), along))
                    descriptors[e, (p * 4 + q) * depth + k] = value
                    total += value * value
        scale = np.float32(1) / max(np.float32(math.sqrt(total)), np.float32(1e-30))
        for i in range(16 * depth):
            descriptors[e, i] *= scale


DIRECTIONS_IMPLEMENTATIONS = {"numpy": directions_numpy, "cpu": directions_cpu}
DESCRIPTORS_IMPLEMENTATIONS = {"numpy": descriptors_numpy, "cpu": descriptors_cpu}
