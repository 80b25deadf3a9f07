"""Histograms of oriented gradients: how much each cell of a picture rises, by direction; blocks of cells normalised.

    g_y(y, x) = I(y + 1, x) - I(y - 1, x)        g_x(y, x) = I(y, x + 1) - I(y, x - 1)        0 at the picture's edges

    h(cell, k) = (1 / pixels) Σ |g|  over the pixels of the cell whose angle lies in [180° k / n, 180° (k + 1) / n)

where the angle is that of (g_x, g_y), taken modulo 180°: light on dark counts as dark on light. In colour, each pixel
takes its gradient from the channel where it is largest, the first of equals. A block v of b × b' cells then becomes

    L1        v / (Σ|v| + ε)                L2        v / √(Σv² + ε²)                   ε = 10⁻⁵
    L1-sqrt   √(v / (Σ|v| + ε))             L2-Hys    L2, cut at 0.2, and L2 again

========= ============ ====================== ==================================================================
symbol    variable     shape                  what it is
========= ============ ====================== ==================================================================
I         planes       (C, H, W) float        the picture, one plane for each channel
cos, sin  boundaries   (n + 1, 2) float64     directions at which one bin ends and the next begins, from 0° to 180°
h         histograms   (R, S, n) float64      R × S cells; what is left over at the lower and right edges is not used
v         blocks       (R', S', b, b', n)     float32; R' = R - b + 1, S' = S - b' + 1
========= ============ ====================== ==================================================================

Dalal & Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005; as scikit-image defines it: no
interpolation between bins and cells.
"""

import functools
import math

import numpy as np

from kernels.compile import compiled

THREADS = 64
NORMS = {"L1": 0, "L1-sqrt": 1, "L2": 2, "L2-Hys": 3}
EPSILON = 1e-5
CUT = 0.2

# A direction this near to a boundary, beside its length, is looked at in degrees, as the definition has it.
NEAR = 1e-12

# A quick angle this near to a boundary, beside the width of a bin, is looked at again.
CLOSE = 1e-3

# atan(t) ≈ t (c0 + c1 t² + …) for t in [0, 1], to 2e-06: a polynomial fitted to it.
ATAN = (0.999977219, -0.332622828, 0.193540376, -0.116426481, 0.0526473493, -0.0117191347)


def boundaries(orientations):
    """Cosine and sine of the angles between bins, shape (orientations + 1, 2); those of 45°, 90° … are exact.

    Examples
    --------
    >>> boundaries(4)[:3].tolist()
    [[1.0, 0.0], [0.7071067811865476, 0.7071067811865476], [0.0, 1.0]]
    """
    angles = np.arange(orientations + 1) * (np.pi / orientations)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    eighths = 4 * np.arange(orientations + 1)  # of 180°, times orientations
    directions[np.abs(directions) < 1e-15] = 0
    diagonal = (eighths == orientations) | (eighths == 3 * orientations)
    directions[diagonal] = np.sign(directions[diagonal]) * np.sqrt(0.5)
    return directions


def histograms_numpy(planes, boundaries, cell_height, cell_width, histograms):
    """Write the histogram of each cell, in place.

    Examples
    --------
    A slope that rises to the right by 1 a pixel: in the middle, g_x = 2 and the angle is 0°.

    >>> h = np.empty((1, 1, 9))
    >>> histograms_numpy(np.array([[[0.0, 1, 2]] * 3]), boundaries(9), 3, 3, h)
    >>> (9 * h[0, 0]).round(6).tolist()
    [6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    rows, columns, n = histograms.shape
    g_y, g_x = np.zeros(planes.shape), np.zeros(planes.shape)  # (C, H, W)
    g_y[:, 1:-1] = planes[:, 2:] - planes[:, :-2]
    g_x[:, :, 1:-1] = planes[:, :, 2:] - planes[:, :, :-2]
    channel = np.hypot(g_y, g_x).argmax(axis=0)[None]
    g_y, g_x = (np.take_along_axis(g, channel, axis=0)[0] for g in (g_y, g_x))  # (H, W)
    size = np.hypot(g_y, g_x)
    angle = np.rad2deg(np.arctan2(g_y, g_x)) % 180
    for k in range(n):
        inside = (angle >= 180 / n * k) & (angle < 180 / n * (k + 1))
        votes = np.where(inside, size, 0)[: rows * cell_height, : columns * cell_width]
        histograms[:, :, k] = votes.reshape(rows, cell_height, columns, cell_width).mean(axis=(1, 3))


@compiled
def _row_gradients(above, below, row, y_scale, g_y, g_x):
    """Gradients of one row of a grey picture."""
    W = row.shape[0]
    for x in range(W):
        g_y[x] = (below[x] - above[x]) * y_scale
    for x in range(1, W - 1):
        g_x[x] = row[x + 1] - row[x - 1]
    g_x[0] = g_x[W - 1] = 0


@compiled(fastmath=False)
def _largest_gradients(planes, y, g_y, g_x):
    """Gradients of one row of a coloured picture, from the channel where they are largest."""
    C, H, W = planes.shape
    for x in range(W):
        best = -1.0
        for c in range(C):
            vertical = np.float64(planes[c, y + 1, x] - planes[c, y - 1, x]) if 0 < y < H - 1 else 0.0
            horizontal = np.float64(planes[c, y, x + 1] - planes[c, y, x - 1]) if 0 < x < W - 1 else 0.0
            square = vertical * vertical + horizontal * horizontal
            larger = square > best
            if abs(square - best) <= NEAR * best:
                larger = math.hypot(vertical, horizontal) > math.hypot(g_y[x], g_x[x])
            if larger:
                best, g_y[x], g_x[x] = square, vertical, horizontal


@compiled
def _sizes_and_angles(g_y, g_x, width, n, size, angle):
    """Sizes of gradients, and their angles in parts of 180° / n, quick and to 1e-6 of a turn."""
    for x in range(width):
        # The upper half of the plane is turned into the lower one.
        across = -g_x[x] if g_y[x] < 0 else g_x[x]
        along, aside = abs(g_y[x]), abs(across)
        size[x] = math.sqrt(along * along + aside * aside)
        # The arc tangent of the smaller side over the larger one.
        steep = along > aside
        smaller = aside if steep else along
        larger = along if steep else aside
        t = smaller / (larger if larger > 1e-300 else 1e-300)
        u = t * t
        p = ATAN[5]
        p = p * u + ATAN[4]
        p = p * u + ATAN[3]
        p = p * u + ATAN[2]
        p = p * u + ATAN[1]
        p = p * u + ATAN[0]
        p *= t
        p = math.pi / 2 - p if steep else p
        p = (math.pi - p if across < 0 else p) * (n / math.pi)
        # 0° and 180° are the first bin, without a second look.
        angle[x] = 0.5 if along == 0 else p


@compiled(fastmath=False)
def _side_of_boundary(g_y, g_x, size, k, boundaries):
    """The bin of a direction at boundary k: which side of it, by a product; -1 where rounding would decide."""
    turn = -1.0 if g_y < 0 else 1.0
    side = turn * (g_y * boundaries[k, 0] - g_x * boundaries[k, 1])
    if abs(side) > NEAR * size or g_x == 0 or abs(g_x) == abs(g_y):
        return k if side >= 0 else k - 1
    return -1


@compiled
def _vote(planes, boundaries, cell_height, cell_width, histograms, undecided):
    """Add gradients to histograms, but for those that `undecided` gets: (row, column, g_y, g_x). Returns how many."""
    rows, columns, n = histograms.shape
    C, H, W = planes.shape
    width = columns * cell_width
    g_y, g_x, size, angle = np.zeros(W), np.zeros(W), np.empty(W), np.empty(W)
    votes = np.zeros(columns * n)
    share = 1 / (cell_height * cell_width)
    count = 0
    for y in range(rows * cell_height):
        if C == 1:
            inside = 0 < y < H - 1
            up, down, y_scale = (y - 1, y + 1, 1.0) if inside else (y, y, 0.0)
            _row_gradients(planes[0, up], planes[0, down], planes[0, y], y_scale, g_y, g_x)
        else:
            _largest_gradients(planes, y, g_y, g_x)
        _sizes_and_angles(g_y, g_x, width, n, size, angle)
        for s in range(columns):
            for x in range(s * cell_width, (s + 1) * cell_width):
                k = int(angle[x])
                part = angle[x] - k
                if part < CLOSE or part > 1 - CLOSE:
                    k = _side_of_boundary(g_y[x], g_x[x], size[x], k + (part > 0.5), boundaries)
                    if k < 0:
                        if count < undecided.shape[0]:
                            undecided[count, 0], undecided[count, 1] = y, x
                            undecided[count, 2], undecided[count, 3] = g_y[x], g_x[x]
                        count += 1
                        continue
                votes[np.uint64(s * n + k)] += size[x]
        if (y + 1) % cell_height == 0:
            for s in range(columns):
                for k in range(n):
                    histograms[y // cell_height, s, k] = votes[s * n + k] * share
                    votes[s * n + k] = 0
    return count


def histograms_cpu(planes, boundaries, cell_height, cell_width, histograms):
    """Compiled :func:`histograms_numpy`, row by row: a quick angle, and a second look where it is near a boundary.

    What only rounding would decide is left to NumPy's own arc tangent: compiled code has another one.
    """
    n = histograms.shape[2]
    undecided = np.empty((4096, 4))
    count = _vote(planes, boundaries, cell_height, cell_width, histograms, undecided)
    if count > len(undecided):
        undecided = np.empty((count, 4))
        _vote(planes, boundaries, cell_height, cell_width, histograms, undecided)
    y, x, g_y, g_x = undecided[:count].T
    angle = np.rad2deg(np.arctan2(g_y, g_x)) % 180
    k = np.searchsorted(180 / n * np.arange(n + 1), angle, side="right") - 1
    # Rounding makes an angle just below 0° one of 180°, which is in no bin.
    voters = k < n
    cells = (y // cell_height).astype(int)[voters], (x // cell_width).astype(int)[voters]
    np.add.at(histograms, (*cells, k[voters]), np.hypot(g_y, g_x)[voters] / (cell_height * cell_width))


@functools.cache
def _histograms_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def vote(planes, cell_height, cell_width, histograms):
        rows, columns, n = histograms.shape
        C, H, W = planes.shape
        place = cuda.grid(1)
        r, s = place // columns, place % columns
        if r >= rows:
            return
        for k in range(n):
            histograms[r, s, k] = 0
        for y in range(r * cell_height, (r + 1) * cell_height):
            for x in range(s * cell_width, (s + 1) * cell_width):
                g_y = g_x = best = -1.0
                for c in range(C):
                    vertical = float(planes[c, y + 1, x] - planes[c, y - 1, x]) if 0 < y < H - 1 else 0.0
                    horizontal = float(planes[c, y, x + 1] - planes[c, y, x - 1]) if 0 < x < W - 1 else 0.0
                    size = math.hypot(vertical, horizontal)
                    if size > best:
                        best, g_y, g_x = size, vertical, horizontal
                angle = math.atan2(g_y, g_x) * 180 / math.pi
                angle = angle + 180 if angle < 0 else angle
                angle = angle - 180 if angle >= 180 and g_y >= 0 else angle
                k = int(angle / (180 / n))
                if angle < 180 / n * k:
                    k -= 1
                elif angle >= 180 / n * (k + 1):
                    k += 1
                if k < n:
                    histograms[r, s, k] += best / (cell_height * cell_width)

    return vote


def histograms_cuda(planes, boundaries, cell_height, cell_width, histograms):
    """:func:`histograms_numpy` on a GPU, one thread for each cell; `boundaries` are not needed."""
    cells = histograms.shape[0] * histograms.shape[1]
    if cells:
        _histograms_kernel()[-(-cells // THREADS), THREADS](planes, cell_height, cell_width, histograms)


# Blocks ---------------------------------------------------------------------------------------------------------------


def blocks_numpy(histograms, norm, blocks):
    """Write every block of neighbouring cells, normalised, to `blocks`; `norm` is a value of ``NORMS``.

    Examples
    --------
    >>> blocks = np.empty((1, 1, 1, 2, 1), np.float32)
    >>> blocks_numpy(np.array([[[3.0], [4.0]]]), NORMS["L2"], blocks)
    >>> blocks.ravel().round(3).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    rows, columns, height, width, _ = blocks.shape
    for r in range(rows):
        for s in range(columns):
            v = histograms[r : r + height, s : s + width]
            if norm in (NORMS["L1"], NORMS["L1-sqrt"]):
                v = v / (np.abs(v).sum() + EPSILON)
                v = np.sqrt(v) if norm == NORMS["L1-sqrt"] else v
            else:
                v = v / np.sqrt((v**2).sum() + EPSILON**2)
                if norm == NORMS["L2-Hys"]:
                    v = np.minimum(v, CUT)
                    v = v / np.sqrt((v**2).sum() + EPSILON**2)
            blocks[r, s] = v


@compiled
def blocks_cpu(histograms, norm, blocks):
    """Compiled :func:`blocks_numpy`."""
    rows, columns, height, width, n = blocks.shape
    R, S = histograms.shape[0], histograms.shape[1]
    # What a block needs to know of each of its cells, once for all blocks that hold it.
    sums = np.zeros((R, S))
    for r in range(R):
        for s in range(S):
            total = 0.0
            for k in range(n):
                h = histograms[r, s, k]
                total += h * h if norm >= 2 else h
            sums[r, s] = total
    flat = histograms.reshape(R, S * n)
    run = width * n
    out = blocks.reshape(rows, columns, height, run)
    for r in range(rows):
        for s in range(columns):
            total = 0.0
            for i in range(height):
                for j in range(width):
                    total += sums[r + i, s + j]
            scale = 1 / math.sqrt(total + EPSILON * EPSILON) if norm >= 2 else 1 / (total + EPSILON)
            again = 1.0
            if norm == 3:
                total = 0.0
                for i in range(height):
                    cells = flat[r + i, s * n : s * n + run]
                    for k in range(run):
                        v = min(cells[k] * scale, CUT)
                        total += v * v
                again = 1 / math.sqrt(total + EPSILON * EPSILON)
            for i in range(height):
                cells, block = flat[r + i, s * n : s * n + run], out[r, s, i]
                if norm == 3:
                    for k in range(run):
                        block[k] = min(cells[k] * scale, CUT) * again
                elif norm == 1:
                    for k in range(run):
                        block[k] = math.sqrt(cells[k] * scale)
                else:
                    for k in range(run):
                        block[k] = cells[k] * scale


@functools.cache
def _blocks_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def normalise(histograms, norm, blocks):
        rows, columns, height, width, n = blocks.shape
        place = cuda.grid(1)
        r, s = place // columns, place % columns
        if r >= rows:
            return
        cells = height * width * n
        total = 0.0
        for e in range(cells):
            h = histograms[r + e // (width * n), s + e // n % width, e % n]
            total += h * h if norm >= 2 else h
        scale = 1 / math.sqrt(total + EPSILON * EPSILON) if norm >= 2 else 1 / (total + EPSILON)
        again = 1.0
        if norm == 3:
            total = 0.0
            for e in range(cells):
                v = min(histograms[r + e // (width * n), s + e // n % width, e % n] * scale, CUT)
                total += v * v
            again = 1 / math.sqrt(total + EPSILON * EPSILON)
        for e in range(cells):
            v = histograms[r + e // (width * n), s + e // n % width, e % n] * scale
            v = math.sqrt(v) if norm == 1 else min(v, CUT) * again if norm == 3 else v
            blocks[r, s, e // (width * n), e // n % width, e % n] = v

    return normalise


def blocks_cuda(histograms, norm, blocks):
    """:func:`blocks_numpy` on a GPU, one thread for each block."""
    places = blocks.shape[0] * blocks.shape[1]
    if places:
        _blocks_kernel()[-(-places // THREADS), THREADS](histograms, norm, blocks)


HISTOGRAMS_IMPLEMENTATIONS = {"numpy": histograms_numpy, "cpu": histograms_cpu, "cuda": histograms_cuda}
BLOCKS_IMPLEMENTATIONS = {"numpy": blocks_numpy, "cpu": blocks_cpu, "cuda": blocks_cuda}
