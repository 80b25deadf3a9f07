"""SIFT, second half: which way a keypoint points, and what the gradients around it look like.

    orientation   h_k = Σ |g| exp(-r² / 2 (1.5 σ)²)  over the directions k of 36, within 4.5 σ
    descriptor    v_ijk = Σ |g| exp(-(a² + b²) / 8)  over 4 × 4 fields and 8 directions, each pixel shared by the
                  nearest ones, where a, b are its place from the keypoint, turned by its angle, in fields of 3 σ
                  v ← v / |v|, cut at 0.2, and divided by its length again

========= ============ ==================== ==========================================================================
symbol    variable     shape                what it is
========= ============ ==================== ==========================================================================
L         levels       (S, H, W) float32    one octave of blurred pictures
          keypoints    (n, 4) float64       row, column, σ in pixels of the octave, level whose gradients are taken
θ         angles       (n,) float64         radians, from the columns' axis to the rows'
h         histograms   (n, 36) float32      direction k is 10° k
v         descriptors  (n, 128) float32     rows of fields, columns of fields, directions
========= ============ ==================== ==========================================================================

Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004, sections 5 and 6.
"""

import math

import numpy as np

from kernels.compile import compiled

BINS = 36
FIELDS, DIRECTIONS = 4, 8
CUT = 0.2

# Reach of the orientation histogram in σ, and width of a field of the descriptor.
REACH, FIELD = 4.5, 3.0

# atan(t) ≈ t (c0 + c1 t² + …) for t in [0, 1], to 2e-6: a polynomial fitted to it.
ATAN = tuple(map(np.float32, (0.99997722, -0.33262283, 0.19354038, -0.11642648, 0.05264735, -0.01171913)))


def _gradients(level, rows, columns):
    """Sizes and angles of the gradients in a window of a level, float64."""
    level = level.astype(np.float64)
    g_y = (level[rows.start + 1 : rows.stop + 1] - level[rows.start - 1 : rows.stop - 1])[:, columns]
    g_x = level[rows, columns.start + 1 : columns.stop + 1] - level[rows, columns.start - 1 : columns.stop - 1]
    return np.hypot(g_y, g_x), np.arctan2(g_y, g_x)


def _window(centre, reach, n):
    """Places at most `reach` from `centre` that have neighbours on both sides."""
    return slice(max(1, math.ceil(centre - reach)), max(1, min(n - 2, math.floor(centre + reach)) + 1))


def orientations_numpy(levels, keypoints, histograms):
    """Write how much the surroundings of each keypoint rise in each direction, smoothed, to `histograms`.

    Examples
    --------
    A slope that rises to the right: direction 0.

    >>> slope = np.tile(np.arange(32, dtype=np.float32), (1, 32, 1))
    >>> histograms = np.empty((1, 36), np.float32)
    >>> orientations_numpy(slope, np.array([[16.0, 16.0, 2.0, 0.0]]), histograms)
    >>> int(histograms[0].argmax())
    0
    """
    for (row, column, sigma, level), histogram in zip(keypoints, histograms, strict=True):
        H, W = levels.shape[1:]
        rows, columns = _window(row, REACH * sigma, H), _window(column, REACH * sigma, W)
        size, angle = _gradients(levels[int(level)], rows, columns)
        d_y, d_x = np.arange(rows.start, rows.stop)[:, None] - row, np.arange(columns.start, columns.stop) - column
        votes = size * np.exp(-(d_y**2 + d_x**2) / (2 * (REACH / 3 * sigma) ** 2))
        place = (angle / (2 * np.pi) * BINS) % BINS
        first = np.floor(place).astype(int)
        h = np.zeros(BINS)
        np.add.at(h, first % BINS, votes * (1 - (place - first)))
        np.add.at(h, (first + 1) % BINS, votes * (place - first))
        histogram[:] = 6 * h
        for k, weight in ((1, 4), (2, 1)):
            histogram += weight * (np.roll(h, k) + np.roll(h, -k))
        histogram /= 16


def descriptors_numpy(levels, keypoints, angles, descriptors):
    """Write the descriptor of each keypoint; zeros where there is no gradient at all.

    Examples
    --------
    A slope that rises to the right, seen by a keypoint that looks to the right: all is direction 0.

    >>> slope = np.tile(np.arange(64, dtype=np.float32), (1, 64, 1))
    >>> descriptors = np.empty((1, 128), np.float32)
    >>> descriptors_numpy(slope, np.array([[32.0, 32.0, 2.0, 0.0]]), np.zeros(1), descriptors)
    >>> descriptors.reshape(16, 8).any(axis=0).tolist()
    [True, False, False, False, False, False, False, False]
    """
    for (row, column, sigma, level), theta, descriptor in zip(keypoints, angles, descriptors, strict=True):
        H, W = levels.shape[1:]
        width = FIELD * sigma
        reach = width * math.sqrt(0.5) * (FIELDS + 1)
        rows, columns = _window(row, reach, H), _window(column, reach, W)
        size, angle = _gradients(levels[int(level)], rows, columns)
        d_y, d_x = np.arange(rows.start, rows.stop)[:, None] - row, np.arange(columns.start, columns.stop) - column
        a = (math.cos(theta) * d_y - math.sin(theta) * d_x) / width  # across the keypoint's direction
        b = (math.sin(theta) * d_y + math.cos(theta) * d_x) / width  # along it
        votes = size * np.exp(-(a**2 + b**2) / (2 * (FIELDS / 2) ** 2))
        places = (a + FIELDS / 2 - 0.5, b + FIELDS / 2 - 0.5, ((angle - theta) / (2 * np.pi) * DIRECTIONS) % DIRECTIONS)
        inside = (np.abs(a) < (FIELDS + 1) / 2) & (np.abs(b) < (FIELDS + 1) / 2)
        i, j, k = (p[inside] for p in places)
        v = np.zeros((FIELDS + 2, FIELDS + 2, DIRECTIONS))
        for corner in range(8):
            share, at = votes[inside], []
            for p, bit in ((i, corner & 1), (j, corner >> 1 & 1), (k, corner >> 2)):
                first = np.floor(p).astype(int)
                share = share * (p - first if bit else 1 - (p - first))
                at.append(first + bit)
            np.add.at(v, (at[0] + 1, at[1] + 1, at[2] % DIRECTIONS), share)
        v = v[1:-1, 1:-1].ravel()
        v = np.minimum(v / max(np.linalg.norm(v), 1e-30), CUT)
        descriptor[:] = v / max(np.linalg.norm(v), 1e-30)


@compiled
def _row_gradients(above, row, below, x0, x1, turn, scale, n, sizes, places):
    """Sizes of the gradients of a row from x0 to x1, and their angles less `turn`, in parts of a circle of n."""
    for x in range(x0, x1):
        g_y, g_x = below[x] - above[x], row[x + 1] - row[x - 1]
        along, aside = abs(g_y), abs(g_x)
        sizes[x - x0] = math.sqrt(along * along + aside * aside)
        steep = along > aside
        smaller = aside if steep else along
        larger = along if steep else aside
        t = smaller / (larger if larger > np.float32(1e-30) else np.float32(1e-30))
        u = t * t
        p = ATAN[5]
        p = p * u + ATAN[4]
        p = p * u + ATAN[3]
        p = p * u + ATAN[2]
        p = p * u + ATAN[1]
        p = p * u + ATAN[0]
        p = p * t
        p = np.float32(math.pi / 2) - p if steep else p
        p = np.float32(math.pi) - p if g_x < 0 else p
        p = -p if g_y < 0 else p
        p = (p - turn) * scale
        p = p + n if p < 0 else p
        p = p + n if p < 0 else p
        places[x - x0] = p - n if p >= n else p


@compiled
def _bell(start, stop, centre, sigma, weights):
    """exp(-(x - centre)² / 2σ²) of each place: the weight of a pixel is a product of its row's and its column's."""
    for x in range(start, stop):
        d = (x - centre) / sigma
        weights[x - start] = math.exp(-0.5 * d * d)


@compiled
def orientations_cpu(levels, keypoints, histograms):
    """Compiled :func:`orientations_numpy`."""
    S, H, W = levels.shape
    sizes, places = np.empty(W, np.float32), np.empty(W, np.float32)
    across, down = np.empty(W, np.float32), np.empty(H, np.float32)
    h = np.empty(BINS + 2, np.float32)
    scale = np.float32(BINS / (2 * math.pi))
    for e in range(keypoints.shape[0]):
        row, column, sigma, level = keypoints[e, 0], keypoints[e, 1], keypoints[e, 2], levels[int(keypoints[e, 3])]
        reach, spread = REACH * sigma, REACH / 3 * sigma
        y0, y1 = max(1, math.ceil(row - reach)), min(H - 2, math.floor(row + reach)) + 1
        x0, x1 = max(1, math.ceil(column - reach)), min(W - 2, math.floor(column + reach)) + 1
        _bell(x0, x1, column, spread, across)
        _bell(y0, y1, row, spread, down)
        h[:] = 0
        for y in range(y0, y1):
            zero, n = np.float32(0), np.float32(BINS)
            _row_gradients(level[y - 1], level[y], level[y + 1], x0, x1, zero, scale, n, sizes, places)
            weight = down[y - y0]
            for i in range(x1 - x0):
                vote = sizes[i] * across[i] * weight
                k = np.uint64(places[i])
                part = vote * (places[i] - np.float32(k))
                h[k] += vote - part
                h[k + np.uint64(1)] += part
        h[0] += h[BINS]
        h[1] += h[BINS + 1]
        for k in range(BINS):
            near = h[k - 1 if k > 0 else BINS - 1] + h[k + 1 if k < BINS - 1 else 0]
            far = h[k - 2 if k > 1 else k + BINS - 2] + h[k + 2 if k < BINS - 2 else k + 2 - BINS]
            histograms[e, k] = (6 * h[k] + 4 * near + far) / 16


@compiled
def _normalised(v, descriptor):
    """Write v with length 1, cut, and with length 1 again."""
    total = np.float32(0)
    for i in range(v.shape[0]):
        total += v[i] * v[i]
    scale = np.float32(1) / max(np.float32(math.sqrt(total)), np.float32(1e-30))
    total = np.float32(0)
    for i in range(v.shape[0]):
        value = v[i] * scale
        value = value if value < np.float32(CUT) else np.float32(CUT)
        descriptor[i] = value
        total += value * value
    scale = np.float32(1) / max(np.float32(math.sqrt(total)), np.float32(1e-30))
    for i in range(v.shape[0]):
        descriptor[i] *= scale


@compiled
def descriptors_cpu(levels, keypoints, angles, descriptors):
    """Compiled :func:`descriptors_numpy`: of each row only the pixels that lie in the turned square."""
    S, H, W = levels.shape
    sizes, places = np.empty(W, np.float32), np.empty(W, np.float32)
    across, down = np.empty(W, np.float32), np.empty(H, np.float32)
    I, J = np.empty(W, np.float32), np.empty(W, np.float32)
    # One field more at each side, and one direction more, so that no index needs a look.
    side, depth = FIELDS + 3, DIRECTIONS + 2
    v = np.empty(side * side * depth, np.float32)
    folded = np.empty(FIELDS * FIELDS * DIRECTIONS, np.float32)
    scale, n = np.float32(DIRECTIONS / (2 * math.pi)), np.float32(DIRECTIONS)
    half, edge = FIELDS / 2 - 0.5, (FIELDS + 1) / 2 - 1e-4
    to_row, to_field, one = np.uint64(side * depth), np.uint64(depth), np.uint64(1)
    for e in range(keypoints.shape[0]):
        row, column, sigma, level = keypoints[e, 0], keypoints[e, 1], keypoints[e, 2], levels[int(keypoints[e, 3])]
        width = FIELD * sigma
        sine, cosine = math.sin(angles[e]) / width, math.cos(angles[e]) / width
        reach = width * math.sqrt(0.5) * (FIELDS + 1)
        y0, y1 = max(1, math.ceil(row - reach)), min(H - 2, math.floor(row + reach)) + 1
        left, right = max(1, math.ceil(column - reach)), min(W - 2, math.floor(column + reach)) + 1
        _bell(left, right, column, FIELDS / 2 * width, across)
        _bell(y0, y1, row, FIELDS / 2 * width, down)
        v[:] = 0
        turn = np.float32(math.atan2(sine, cosine))
        for y in range(y0, y1):
            d_y = y - row
            # |cosine d_y - sine d_x| < edge and |sine d_y + cosine d_x| < edge
            low, high = left - column, right - 1 - column
            for slope, start in ((-sine, cosine * d_y), (cosine, sine * d_y)):
                if abs(slope) > 1e-12:
                    p, q = (-edge - start) / slope, (edge - start) / slope
                    low, high = max(low, min(p, q)), min(high, max(p, q))
                elif abs(start) >= edge:
                    high = low - 1
            x0, x1 = math.ceil(column + low), math.floor(column + high) + 1
            if x0 >= x1:
                continue
            _row_gradients(level[y - 1], level[y], level[y + 1], x0, x1, turn, scale, n, sizes, places)
            i_0 = np.float32(cosine * d_y - sine * (x0 - column) + half + 1)
            j_0 = np.float32(sine * d_y + cosine * (x0 - column) + half + 1)
            i_step, j_step, weight = np.float32(-sine), np.float32(cosine), down[y - y0]
            for t in range(x1 - x0):
                I[t], J[t] = i_0 + i_step * np.float32(t), j_0 + j_step * np.float32(t)
                sizes[t] *= across[x0 - left + t] * weight
            for t in range(x1 - x0):
                i, j, k = np.uint64(I[t]), np.uint64(J[t]), np.uint64(places[t])
                b, c, d = I[t] - np.float32(i), J[t] - np.float32(j), places[t] - np.float32(k)
                at = i * to_row + j * to_field + k
                vote = sizes[t]
                low_row, high_row = vote - vote * b, vote * b
                v01, v11 = low_row * c, high_row * c
                v00, v10 = low_row - v01, high_row - v11
                v[at] += v00 - v00 * d
                v[at + one] += v00 * d
                v[at + to_field] += v01 - v01 * d
                v[at + to_field + one] += v01 * d
                v[at + to_row] += v10 - v10 * d
                v[at + to_row + one] += v10 * d
                v[at + to_row + to_field] += v11 - v11 * d
                v[at + to_row + to_field + one] += v11 * d
        for i in range(FIELDS):
            for j in range(FIELDS):
                at, to = ((i + 1) * side + j + 1) * depth, (i * FIELDS + j) * DIRECTIONS
                for k in range(DIRECTIONS):
                    folded[to + k] = v[at + k]
                folded[to] += v[at + DIRECTIONS]
                folded[to + 1] += v[at + DIRECTIONS + 1]
        _normalised(folded, descriptors[e])


ORIENTATIONS_IMPLEMENTATIONS = {"numpy": orientations_numpy, "cpu": orientations_cpu}
DESCRIPTORS_IMPLEMENTATIONS = {"numpy": descriptors_numpy, "cpu": descriptors_cpu}
