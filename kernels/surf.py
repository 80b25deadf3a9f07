"""SURF: sums over boxes in place of blurs, so that a filter of any size costs the same.

    I(y, x) = Σ of the picture above y and left of x        a box's sum = I(y₁, x₁) - I(y₀, x₁) - I(y₁, x₀) + I(y₀, x₀)

    det(y, x, L) = D_yy D_xx - (0.9 D_xy)²    second derivatives made of boxes, L pixels wide, l = L / 3, over L²:
        D_yy      + - +  one above the other, each l high and 2l - 1 wide, the middle one counted -2 times
        D_xy      two squares of l × l less two, around the middle, one pixel apart

    direction     of the longest sum of Haar responses (weight exp(-r² / 2 (2.5 s)²), r ≤ 6 s) within 60°
    descriptor    Σ d_x, Σ |d_x|, Σ d_y, Σ |d_y| over 4 × 4 fields, samples s apart, each shared by the nearest fields,
                  weight exp(-r² / 2 (3.3 s)²); of length 1. 128 numbers: the sums apart by the other one's sign

======== ============ ======================== =====================================================================
symbol   variable     shape                    what it is
======== ============ ======================== =====================================================================
I        integral     (H + 1, W + 1) float64   sums from the upper left corner
L        sizes        (m,) int64               odd multiples of 3
         step         int                      pixels from sample to sample
det      responses    (m, H', W') float32      H' = ⌈H / step⌉; 0 where the filter reaches beyond the picture
         keypoints    (n, 3) float64           row, column, s = 1.2 L / 9
θ        angles       (n,) float64             radians, from the columns' axis to the rows'
======== ============ ======================== =====================================================================

Bay, Ess, Tuytelaars & Van Gool, "Speeded-Up Robust Features (SURF)", 2008; fields that share their samples, as Agrawal,
Konolige & Blas, "CenSurE", 2008, have them.
"""

import math

import numpy as np

from kernels.compile import compiled

# Directions into which Haar responses are sorted, and how many of them 60° are.
BINS, SIXTY = 72, 12

# Samples from the middle of a descriptor to its edge.
RADIUS = 12


def integral_image(picture):
    """Sums of all that lies above and left, float64, one row and column of zeros first.

    Examples
    --------
    >>> integral_image(np.array([[1, 2], [3, 4]])).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 3.0], [0.0, 4.0, 10.0]]
    """
    integral = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1))
    np.cumsum(picture, axis=0, out=integral[1:, 1:])
    np.cumsum(integral[1:, 1:], axis=1, out=integral[1:, 1:])
    return integral


def _box(integral, y, x, height, width):
    """Sums of the boxes that begin at y and x, arrays; what lies outside counts 0."""
    H, W = integral.shape
    y0, y1 = np.clip(y, 0, H - 1), np.clip(y + height, 0, H - 1)
    x0, x1 = np.clip(x, 0, W - 1), np.clip(x + width, 0, W - 1)
    return integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]


def responses_numpy(integral, sizes, step, responses):
    """Write the determinants of all sizes at every `step`-th pixel.

    Examples
    --------
    A dot under the smallest filter: D_yy = D_xx = -2, D_xy = 0, so (2 / 9²)².

    >>> picture = np.zeros((9, 9))
    >>> picture[4, 4] = 1
    >>> responses = np.empty((1, 9, 9), np.float32)
    >>> responses_numpy(integral_image(picture), np.array([9]), 1, responses)
    >>> round(float(responses[0, 4, 4]) * 9**4, 3)
    4.0
    """
    H, W = integral.shape[0] - 1, integral.shape[1] - 1
    y, x = np.meshgrid(np.arange(0, H, step), np.arange(0, W, step), indexing="ij")
    for L, response in zip(sizes, responses, strict=True):
        l, h = L // 3, L // 2
        yy = _box(integral, y - h, x - l + 1, L, 2 * l - 1) - 3 * _box(integral, y - l // 2, x - l + 1, l, 2 * l - 1)
        xx = _box(integral, y - l + 1, x - h, 2 * l - 1, L) - 3 * _box(integral, y - l + 1, x - l // 2, 2 * l - 1, l)
        xy = _box(integral, y - l, x + 1, l, l) + _box(integral, y + 1, x - l, l, l)
        xy = xy - _box(integral, y - l, x - l, l, l) - _box(integral, y + 1, x + 1, l, l)
        inside = (y >= h) & (y < H - h) & (x >= h) & (x < W - h)
        response[:] = np.where(inside, (yy * xx - (0.9 * xy) ** 2) / L**4, 0)


@compiled
def responses_cpu(integral, sizes, step, responses):
    """Compiled :func:`responses_numpy`."""
    H, W = integral.shape[0] - 1, integral.shape[1] - 1
    flat, width = integral.reshape(-1), W + 1
    for m in range(sizes.shape[0]):
        L = sizes[m]
        l, h = L // 3, L // 2
        scale = 1.0 / (float(L) * L)
        responses[m] = 0
        first = -(-h // step)
        end = (W - h - 1) // step + 1
        if end <= first:
            continue
        x = first * step
        for r in range(-(-h // step), (H - h - 1) // step + 1):
            y = r * step
            out = responses[m, r, first:end]
            # Corners of the boxes of the first sample, none negative; the others lie c * step further.
            t0, t1 = np.uint64((y - h) * width + x), np.uint64((y - l // 2) * width + x)
            t2, t3 = np.uint64((y + l // 2 + 1) * width + x), np.uint64((y + h + 1) * width + x)
            s0, s1 = np.uint64((y - l + 1) * width + x), np.uint64((y + l) * width + x)
            q0, q1 = np.uint64((y - l) * width + x), np.uint64(y * width + x)
            q2, q3 = np.uint64((y + 1) * width + x), np.uint64((y + l + 1) * width + x)
            a, b = np.uint64(l - 1), np.uint64(l)
            e, f, k = np.uint64(h), np.uint64(l // 2), np.uint64(1)
            for c in range(end - first):
                i = np.uint64(c * step)
                tall = flat[t3 + i + b] - flat[t3 + i - a] - flat[t0 + i + b] + flat[t0 + i - a]
                middle = flat[t2 + i + b] - flat[t2 + i - a] - flat[t1 + i + b] + flat[t1 + i - a]
                yy = (tall - 3 * middle) * scale
                wide = flat[s1 + i + e + k] - flat[s1 + i - e] - flat[s0 + i + e + k] + flat[s0 + i - e]
                middle = flat[s1 + i + f + k] - flat[s1 + i - f] - flat[s0 + i + f + k] + flat[s0 + i - f]
                xx = (wide - 3 * middle) * scale
                upper = flat[q1 + i + b + k] - flat[q1 + i + k] - flat[q0 + i + b + k] + flat[q0 + i + k]
                upper -= flat[q1 + i] - flat[q1 + i - b] - flat[q0 + i] + flat[q0 + i - b]
                lower = flat[q3 + i] - flat[q3 + i - b] - flat[q2 + i] + flat[q2 + i - b]
                lower -= flat[q3 + i + b + k] - flat[q3 + i + k] - flat[q2 + i + b + k] + flat[q2 + i + k]
                xy = 0.9 * (upper + lower) * scale
                out[c] = yy * xx - xy * xy


def maxima_numpy(responses, threshold, places):
    """Write (i H' + y) W' + x of what is above the threshold and all 26 neighbours. Returns how many there are.

    Examples
    --------
    >>> responses = np.zeros((3, 3, 3), np.float32)
    >>> responses[1, 1, 1] = 1
    >>> places = np.empty(1, np.int64)
    >>> maxima_numpy(responses, 0.5, places), places.tolist()
    (1, [13])
    """
    if min(responses.shape) < 3:
        return 0
    windows = np.lib.stride_tricks.sliding_window_view(responses, (3, 3, 3)).reshape(
        *(n - 2 for n in responses.shape), 27
    )
    middle = windows[..., 13]
    others = np.delete(windows, 13, axis=-1).max(axis=-1)
    i, y, x = np.nonzero((middle > threshold) & (middle > others))
    found = np.ravel_multi_index((i + 1, y + 1, x + 1), responses.shape)
    places[: len(found)] = found[: len(places)]
    return len(found)


@compiled
def maxima_cpu(responses, threshold, places):
    """Compiled :func:`maxima_numpy`."""
    m, H, W = responses.shape
    flat = responses.reshape(-1)
    threshold = np.float32(threshold)
    count = 0
    for i in range(1, m - 1):
        for y in range(1, H - 1):
            row = (i * H + y) * W
            for x in range(1, W - 1):
                v = flat[np.uint64(row + x)]
                if not v > threshold or not (v > flat[np.uint64(row + x - 1)] and v > flat[np.uint64(row + x + 1)]):
                    continue
                largest = True
                for a in range(-1, 2):
                    for b in range(-1, 2):
                        near = row + x + (a * H + b) * W
                        for c in range(-1, 2):
                            if (a != 0 or b != 0 or c != 0) and not v > flat[near + c]:
                                largest = False
                    if not largest:
                        break
                if largest:
                    if count < places.shape[0]:
                        places[count] = row + x
                    count += 1
    return count


# Directions and descriptors -------------------------------------------------------------------------------------------


def _haar(integral, y, x, half):
    """How much the picture rises at rounded places, to the right and downwards, by boxes of twice `half`."""
    y, x = np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)
    left, right = (_box(integral, y - half, x + d, 2 * half, half) for d in (-half, 0))
    upper, lower = (_box(integral, y + d, x - half, half, 2 * half) for d in (-half, 0))
    return right - left, lower - upper


def directions_numpy(integral, keypoints, angles):
    """Write the direction of each keypoint."""
    d_y, d_x = np.mgrid[-6:7, -6:7]
    d_y, d_x = (d[np.hypot(d_y, d_x) <= 6] for d in (d_y, d_x))
    weights = np.exp(-(d_y**2 + d_x**2) / (2 * 2.5**2))
    for e, (row, column, s) in enumerate(keypoints):
        g_x, g_y = _haar(integral, row + d_y * s, column + d_x * s, max(1, int(2 * s + 0.5)))
        g_x, g_y = g_x * weights, g_y * weights
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

    >>> slope = integral_image(np.tile(np.arange(80.0), (80, 1)))
    >>> descriptors = np.empty((1, 64), np.float32)
    >>> descriptors_numpy(slope, np.array([[40.0, 40.0, 2.0]]), np.zeros(1), False, descriptors)
    >>> (descriptors.reshape(16, 4) > 1e-6).all(axis=0).tolist()
    [True, True, False, False]
    """
    b, a = np.meshgrid(np.arange(-RADIUS, RADIUS) + 0.5, np.arange(-RADIUS, RADIUS) + 0.5)  # along, across
    weights = np.exp(-(a**2 + b**2) / (2 * 3.3**2))
    i, j = a / 5 + 1.5, b / 5 + 1.5
    for (row, column, s), theta, descriptor in zip(keypoints, angles, descriptors, strict=True):
        cosine, sine = math.cos(theta), math.sin(theta)
        half = max(1, int(s + 0.5))
        g_x, g_y = _haar(integral, row + (sine * b + cosine * a) * s, column + (cosine * b - sine * a) * s, half)
        d_x, d_y = (cosine * g_x + sine * g_y) * weights, (cosine * g_y - sine * g_x) * weights
        if extended:
            parts = [np.where(sign, n, 0) for d, other in ((d_x, d_y), (d_y, d_x)) for n in (d, abs(d))
                     for sign in (other >= 0, other < 0)]  # fmt: skip
        else:
            parts = [d_x, abs(d_x), d_y, abs(d_y)]
        sums = np.zeros((4, 4, len(parts)))
        for p in range(4):
            for q in range(4):
                share = np.maximum(0, 1 - abs(i - p)) * np.maximum(0, 1 - abs(j - q))
                sums[p, q] = [(part * share).sum() for part in parts]
        descriptor[:] = sums.ravel() / max(np.linalg.norm(sums), 1e-30)


@compiled(fastmath=False)
def _corner(integral, y, x):
    y, x = max(0, min(y, integral.shape[0] - 1)), max(0, min(x, integral.shape[1] - 1))
    return integral[np.uint64(y), np.uint64(x)]


@compiled(fastmath=False)
def _rises(integral, y, x, half):
    """Compiled :func:`_haar` at one place: nine corners serve both directions."""
    y, x = int(math.floor(y + 0.5)), int(math.floor(x + 0.5))
    n, s, w, e = y - half, y + half, x - half, x + half
    if n >= 0 and w >= 0 and s < integral.shape[0] and e < integral.shape[1]:
        upper, here, lower = integral[np.uint64(n)], integral[np.uint64(y)], integral[np.uint64(s)]
        w_, x_, e_ = np.uint64(w), np.uint64(x), np.uint64(e)
        nw, no, ne = upper[w_], upper[x_], upper[e_]
        we, ea = here[w_], here[e_]
        sw, so, se = lower[w_], lower[x_], lower[e_]
    else:
        nw, no, ne = _corner(integral, n, w), _corner(integral, n, x), _corner(integral, n, e)
        we, ea = _corner(integral, y, w), _corner(integral, y, e)
        sw, so, se = _corner(integral, s, w), _corner(integral, s, x), _corner(integral, s, e)
    return (se - ne - so + no) - (so - no - sw + nw), (se - ea - sw + we) - (ea - ne - we + nw)


@compiled(fastmath=False)
def directions_cpu(integral, keypoints, angles):
    """Compiled :func:`directions_numpy`."""
    sums_x, sums_y = np.empty(BINS + SIXTY), np.empty(BINS + SIXTY)
    bell = np.empty(37)
    for square in range(37):
        bell[square] = math.exp(-square / (2 * 2.5**2))
    for e in range(keypoints.shape[0]):
        row, column, s = keypoints[e, 0], keypoints[e, 1], keypoints[e, 2]
        half = max(1, int(2 * s + 0.5))
        sums_x[:], sums_y[:] = 0, 0
        for d_y in range(-6, 7):
            for d_x in range(-6, 7):
                square = d_y * d_y + d_x * d_x
                if square > 36:
                    continue
                weight = bell[square]
                g_x, g_y = _rises(integral, row + d_y * s, column + d_x * s, half)
                g_x, g_y = g_x * weight, g_y * weight
                angle = math.atan2(g_y, g_x)
                angle = angle + 2 * math.pi if angle < 0 else angle
                k = int(angle * (BINS / (2 * math.pi))) % BINS
                sums_x[k] += g_x
                sums_y[k] += g_y
        for k in range(SIXTY):
            sums_x[BINS + k], sums_y[BINS + k] = sums_x[k], sums_y[k]
        best, best_x, best_y = -1.0, 0.0, 0.0
        for k in range(BINS):
            x = y = 0.0
            for t in range(k, k + SIXTY):
                x += sums_x[t]
                y += sums_y[t]
            if x * x + y * y > best:
                best, best_x, best_y = x * x + y * y, x, y
        angle = math.atan2(best_y, best_x)
        angles[e] = angle + 2 * math.pi if angle < 0 else angle


@compiled(inline="always", fastmath=False)
def _add_four(sums, at, x, y):
    sums[at] += x
    sums[at + np.uint64(1)] += abs(x)
    sums[at + np.uint64(2)] += y
    sums[at + np.uint64(3)] += abs(y)


@compiled(inline="always", fastmath=False)
def _add_eight(sums, at, x, y, d_x, d_y):
    """The sums of x apart by the sign of d_y, and those of y by that of d_x."""
    k = at + np.uint64(0 if d_y >= 0 else 1)
    sums[k] += x
    sums[k + np.uint64(2)] += abs(x)
    k = at + np.uint64(4 if d_x >= 0 else 5)
    sums[k] += y
    sums[k + np.uint64(2)] += abs(y)


@compiled(fastmath=False)
def descriptors_cpu(integral, keypoints, angles, extended, descriptors):
    """Compiled :func:`descriptors_numpy`."""
    depth = 8 if extended else 4
    # One field more at each side, so that no index needs a look.
    sums = np.empty((6, 6, depth))
    flat = sums.reshape(-1)
    right, below = np.uint64(depth), np.uint64(6 * depth)
    bell = np.empty(2 * RADIUS)
    for t in range(2 * RADIUS):
        bell[t] = math.exp(-((t - RADIUS + 0.5) ** 2) / (2 * 3.3**2))
    for e in range(keypoints.shape[0]):
        row, column, s = keypoints[e, 0], keypoints[e, 1], keypoints[e, 2]
        cosine, sine = math.cos(angles[e]), math.sin(angles[e])
        half = max(1, int(s + 0.5))
        sums[:] = 0
        for t in range(2 * RADIUS):
            a = t - RADIUS + 0.5
            i = int(a / 5 + 2.5)
            down = a / 5 + 2.5 - i
            for u in range(2 * RADIUS):
                b = u - RADIUS + 0.5
                y, x = row + (sine * b + cosine * a) * s, column + (cosine * b - sine * a) * s
                g_x, g_y = _rises(integral, y, x, half)
                weight = bell[t] * bell[u]
                d_x, d_y = (cosine * g_x + sine * g_y) * weight, (cosine * g_y - sine * g_x) * weight
                j = int(b / 5 + 2.5)
                across = b / 5 + 2.5 - j
                low, high = (1 - down) * d_x, down * d_x
                x00, x01, x10, x11 = low * (1 - across), low * across, high * (1 - across), high * across
                low, high = (1 - down) * d_y, down * d_y
                y00, y01, y10, y11 = low * (1 - across), low * across, high * (1 - across), high * across
                at = np.uint64((i * 6 + j) * depth)
                if depth == 4:
                    _add_four(flat, at, x00, y00), _add_four(flat, at + right, x01, y01)
                    _add_four(flat, at + below, x10, y10), _add_four(flat, at + below + right, x11, y11)
                else:
                    _add_eight(flat, at, x00, y00, d_x, d_y), _add_eight(flat, at + right, x01, y01, d_x, d_y)
                    at += below
                    _add_eight(flat, at, x10, y10, d_x, d_y), _add_eight(flat, at + right, x11, y11, d_x, d_y)
        total = 0.0
        for i in range(1, 5):
            for j in range(1, 5):
                for k in range(depth):
                    total += sums[i, j, k] * sums[i, j, k]
        scale = 1 / max(math.sqrt(total), 1e-30)
        for i in range(4):
            for j in range(4):
                for k in range(depth):
                    descriptors[e, (i * 4 + j) * depth + k] = sums[i + 1, j + 1, k] * scale


RESPONSES_IMPLEMENTATIONS = {"numpy": responses_numpy, "cpu": responses_cpu}
MAXIMA_IMPLEMENTATIONS = {"numpy": maxima_numpy, "cpu": maxima_cpu}
DIRECTIONS_IMPLEMENTATIONS = {"numpy": directions_numpy, "cpu": directions_cpu}
DESCRIPTORS_IMPLEMENTATIONS = {"numpy": descriptors_numpy, "cpu": descriptors_cpu}
