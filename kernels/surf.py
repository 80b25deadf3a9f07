"""SURF, first half: where the determinant of the Hessian is largest, by sums over boxes in place of blurs.

    I(y, x) = Σ of the picture above y and left of x        J(y, x) = Σ of I above y and left of x

A box of width l, as a filter of a line, is (1 - zˡ) of its sums, where z moves by a pixel; two boxes in a row are
(1 - zˡ) (1 - zᵃ) of the sums of sums. So filters of any size cost the same. The second derivatives of a lobe of l:

    D_yy = (1 - zˡ)⁴ down, (1 - zˡ) (1 - zᵃ) across    D_xx  the same, turned    D_xy = (1 - zᵇ)³ down and across
    L_yy = D_yy / (l⁵ a)    L_xx = D_xx / (l⁵ a)    L_xy = D_xy / b⁶    det(y, x, l) = σ⁴ (L_yy L_xx - (1.1 L_xy)²)

where σ² = (2l² - 1) / 6. Bay et al. have one box where this file has two in a row (Heckbert). One box is less round: it
finds keypoints along every straight edge that is neither level nor upright, and so fewer of them again in a turned
picture.

b is the even number nearest to 2l / √3, so that D_xy is as wide as D_xx is along x; a, even if l is and odd if l is, is
the number with which D_xx is as wide along y: l² + a² = 3b². With the factor 1.1 a straight edge of any direction
answers 0 or nearly.

======== ============ ======================== =====================================================================
symbol   variable     shape                    what it is
======== ============ ======================== =====================================================================
I        integral     (H + 1, W + 1) int64     sums from the upper left corner; may run over, differences are right
J        twice        (H + 2, W + 2) int64     sums of the sums
l, a, b  sizes        (m, 3) int64             widths of the boxes, a row for each filter
         step         int                      pixels from sample to sample
det      responses    (m, H', W') float32      H' = ⌈H / step⌉; 0 where the filter reaches beyond the picture
======== ============ ======================== =====================================================================

Bay, Ess, Tuytelaars & Van Gool, "Speeded-Up Robust Features (SURF)", 2008; Heckbert, "Filtering by Repeated
Integration", 1986.
"""

import numpy as np

from kernels.compile import compiled

# What white is in the whole numbers that are summed, and the weight of D_xy.
WHITE = 65535
MIXED = 1.1


def integral_numpy(picture, integral):
    """Write the sums of all that lies above and left, one row and column of zeros first.

    Examples
    --------
    >>> integral = np.empty((3, 3), np.int64)
    >>> integral_numpy(np.array([[1, 2], [3, 4]]), integral)
    >>> integral.tolist()
    [[0, 0, 0], [0, 1, 3], [0, 4, 10]]
    """
    integral[0], integral[:, 0] = 0, 0
    integral[1:, 1:] = picture.cumsum(axis=0).cumsum(axis=1)


@compiled
def integral_cpu(picture, integral):
    """Compiled :func:`integral_numpy`."""
    H, W = picture.shape
    integral[0] = 0
    for y in range(H):
        source, above, row = picture[y], integral[y], integral[y + 1]
        total = np.int64(0)
        row[0] = 0
        for x in range(W):
            total += source[x]
            row[x + 1] = above[x + 1] + total


def filter_sizes(lobes):
    """Widths l, a and b of the boxes of filters, int64, shape (m, 3).

    Examples
    --------
    >>> filter_sizes([2, 3, 5, 9]).tolist()
    [[2, 2, 2], [3, 7, 4], [5, 9, 6], [9, 15, 10]]
    """
    l = np.asarray(lobes)
    b = 2 * np.rint(l / 3**0.5)
    a = l % 2 + 2 * np.rint((np.sqrt(3 * b**2 - l**2) - l % 2) / 2)
    return np.stack([l, a, b], axis=1).astype(np.int64)


def filter_sigma(lobe):
    """Blur of a filter, σ in pixels.

    Examples
    --------
    >>> round(float(filter_sigma(5)), 2)
    2.86
    """
    return np.sqrt((2 * lobe**2 - 1) / 6)


def _filtered(sums, taps, axis):
    """Σ weight · sums moved by offset, of all places along an axis that are `reach` from its ends."""
    n, reach = sums.shape[axis], max(taps)
    return sum(weight * np.take(sums, range(reach + k, n - reach + k), axis) for k, weight in taps.items())


def _second(l):
    """(1 - zˡ)⁴, its middle at 0."""
    return {-2 * l: 1, -l: -4, 0: 6, l: -4, 2 * l: 1}


def _two_boxes(l, a):
    """(1 - zˡ) (1 - zᵃ), its middle at 0."""
    far, near = (l + a) // 2, (a - l) // 2
    return {-far: 1, -near: -1, near: -1, far: 1} if near else {-far: 1, 0: -2, far: 1}


def _first(b):
    """(1 - zᵇ)³, its middle at 0."""
    return {-3 * b // 2: -1, -b // 2: 3, b // 2: -3, 3 * b // 2: 1}


def responses_numpy(twice, sizes, step, responses):
    """Write the determinants of all filters at every `step`-th pixel.

    Examples
    --------
    A dot under the smallest filter: D_yy = D_xx = -4 · 2, L = D / 2⁶, D_xy = 0, σ² = 7 / 6.

    >>> picture = np.zeros((9, 9), np.int64)
    >>> picture[4, 4] = WHITE
    >>> integral, twice = np.empty((10, 10), np.int64), np.empty((11, 11), np.int64)
    >>> integral_numpy(picture, integral), integral_numpy(integral, twice)
    (None, None)
    >>> responses = np.empty((1, 9, 9), np.float32)
    >>> responses_numpy(twice, filter_sizes([2]), 1, responses)
    >>> round(float(responses[0, 4, 4]) * 2**12 / (7 / 6) ** 2, 3)
    64.0
    """
    H, W = twice.shape[0] - 2, twice.shape[1] - 2
    for (l, a, b), response in zip(sizes, responses, strict=True):
        response[:] = 0
        border = 2 * l - 1
        if min(H, W) <= 2 * border:
            continue
        size = H - 2 * border, W - 2 * border
        D_yy, D_xx, D_xy = (
            _middle(_filtered(_filtered(twice, down, 0), across, 1), size).astype(np.float64)
            for down, across in ((_second(l), _two_boxes(l, a)), (_two_boxes(l, a), _second(l)), (_first(b), _first(b)))
        )
        variance = filter_sigma(l) ** 2
        L_yy, L_xx = (D * (variance / (float(l) ** 5 * a * WHITE)) for D in (D_yy, D_xx))
        L_xy = D_xy * (MIXED * variance / (float(b) ** 6 * WHITE))
        first = -(-border // step) * step
        inner = (L_yy * L_xx - L_xy**2)[first - border :: step, first - border :: step]
        response[first // step :, first // step :][: inner.shape[0], : inner.shape[1]] = inner


def _middle(values, size):
    top, left = ((have - want) // 2 for have, want in zip(values.shape, size, strict=True))
    return values[top : top + size[0], left : left + size[1]]


@compiled
def responses_cpu(twice, sizes, step, responses):
    """Compiled :func:`responses_numpy`: of each row, what lies above and below first, into three lines."""
    H, P = twice.shape[0] - 2, twice.shape[1]
    W = P - 2
    seconds, boxes, firsts = np.empty(P, np.int64), np.empty(P, np.int64), np.empty(P, np.int64)
    for m in range(sizes.shape[0]):
        l, a, b = sizes[m]
        far, near, wide, half = (l + a) // 2, (a - l) // 2, 3 * b // 2, b // 2
        variance = (2.0 * l * l - 1) / 6
        plain = variance / (float(l) ** 5 * a * WHITE)
        mixed = MIXED * variance / (float(b) ** 6 * WHITE)
        responses[m] = 0
        border = 2 * l - 1
        first, end = -(-border // step), (W - border - 1) // step + 1
        for r in range(first, (H - border - 1) // step + 1):
            y = r * step + 1
            here = twice[y]
            n2, n1, s1, s2 = twice[y - 2 * l], twice[y - l], twice[y + l], twice[y + 2 * l]
            n_far, n_near, s_near, s_far = twice[y - far], twice[y - near], twice[y + near], twice[y + far]
            n_wide, n_half, s_half, s_wide = twice[y - wide], twice[y - half], twice[y + half], twice[y + wide]
            for x in range(P):
                seconds[x] = n2[x] + s2[x] - 4 * (n1[x] + s1[x]) + 6 * here[x]
                boxes[x] = n_far[x] + s_far[x] - n_near[x] - s_near[x]
                firsts[x] = s_wide[x] - n_wide[x] - 3 * (s_half[x] - n_half[x])
            out = responses[m, r, first:end]
            x = first * step + 1
            # Places of the first sample's neighbours; unsigned, so that none is taken for one from the end.
            here_, w2, w1, e1, e2 = (
                np.uint64(x),
                np.uint64(x - 2 * l),
                np.uint64(x - l),
                np.uint64(x + l),
                np.uint64(x + 2 * l),
            )
            w_far, w_near, e_near, e_far = (
                np.uint64(x - far),
                np.uint64(x - near),
                np.uint64(x + near),
                np.uint64(x + far),
            )
            w_wide, w_half, e_half, e_wide = (
                np.uint64(x - wide),
                np.uint64(x - half),
                np.uint64(x + half),
                np.uint64(x + wide),
            )
            for c in range(end - first):
                i = np.uint64(c * step)
                D_yy = seconds[w_far + i] + seconds[e_far + i] - seconds[w_near + i] - seconds[e_near + i]
                D_xx = boxes[w2 + i] + boxes[e2 + i] - 4 * (boxes[w1 + i] + boxes[e1 + i]) + 6 * boxes[here_ + i]
                D_xy = firsts[e_wide + i] - firsts[w_wide + i] - 3 * (firsts[e_half + i] - firsts[w_half + i])
                L_xy = np.float64(D_xy) * mixed
                out[c] = (np.float64(D_yy) * plain) * (np.float64(D_xx) * plain) - L_xy * L_xy


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


INTEGRAL_IMPLEMENTATIONS = {"numpy": integral_numpy, "cpu": integral_cpu}
RESPONSES_IMPLEMENTATIONS = {"numpy": responses_numpy, "cpu": responses_cpu}
MAXIMA_IMPLEMENTATIONS = {"numpy": maxima_numpy, "cpu": maxima_cpu}
