"""Convolution in one, two or three dimensions (a picture is a volume of depth 1), forward and backward.

What is called convolution in networks is correlation: the kernel is not turned over. With stride s, padding p and
dilation δ, all of three numbers, one for each dimension,

    y_b,q,o = β_o + Σ_k Σ_c  w_k,c,o  x_b,(s q + δ k - p),c            x is 0 outside its borders

    ∂w_k,c,o = Σ_b Σ_q  x_b,(s q + δ k - p),c  ∂y_b,q,o                ∂β_o = Σ_b Σ_q  ∂y_b,q,o
    ∂x_b,r,c = Σ_k Σ_o  w_k,c,o  ∂y_b,q,o      over the places q with s q + δ k - p = r

======= ========== ======================= ===============================================================
symbol  variable   shape                   what it is
======= ========== ======================= ===============================================================
x       x          (B, C, D, H, W)         a batch of volumes; any strides in memory
w       w          (kd, kh, kw, C, O)      weights, O channels made of C
β       bias       (O,)
s, p, δ stride …   three int               of depth, rows and columns
y       y          (B, O, D', H', W')      the result; D' = (D + 2p - δ (kd - 1) - 1) // s + 1, H' and W' alike
∂w, ∂β  dw, db     as w and bias           gradients; added to, in place
======= ========== ======================= ===============================================================

In memory the channels of a place lie side by side (channels last), whatever the order of the axes that is shown. The
patches that one result needs are then rows of a matrix, (places, K) with K = kd kh kw C, and the whole is its product
with w as (K, O), some places at a time, so that the patches stay in the cache. That suits many channels; for few there
is ``kernels/conv_lanes.py``, and for weights that stay the same ``kernels/conv_direct.py``.

Chellapilla, Puri & Simard, "High Performance Convolutional Neural Networks for Document Processing", 2006.
"""

import functools

import numpy as np

from kernels.compile import compiled

THREADS = 128

# Numbers in the patches of one product: they stay in the second cache.
PATCHES = 1 << 18


def output_size(size, kernel, stride, padding, dilation):
    """Length of each dimension of the result; below 1 where the kernel does not fit.

    Examples
    --------
    >>> output_size((1, 28, 28), (1, 5, 5), (1, 2, 2), (0, 2, 2), (1, 1, 1))
    (1, 14, 14)
    """
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def _windows(padded, size, stride, dilation, tap):
    """What one tap of the kernel sees of the padded volumes: a view, (B, C, D', H', W')."""
    steps = zip(tap, dilation, stride, size, strict=True)
    return padded[:, :, *(slice(k * d, k * d + (n - 1) * s + 1, s) for k, d, s, n in steps)]


def conv_numpy(x, w, bias, stride, padding, dilation, relu=False):
    """Every tap of the kernel looks at a shifted view of x, and adds what its weights make of the channels.

    Parameters
    ----------
    relu : bool, default False
        Whether negative results become 0.

    Examples
    --------
    Correlation, not convolution: the kernel is not turned over.

    >>> one = (1, 1, 1)
    >>> x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 1, 1, 4)
    >>> w = np.array([1.0, 10.0]).reshape(1, 1, 2, 1, 1)
    >>> conv_numpy(x, w, np.zeros(1), one, (0, 0, 0), one).ravel().tolist()
    [21.0, 32.0, 43.0]
    """
    kernel, size = w.shape[:3], output_size(x.shape[2:], w.shape[:3], stride, padding, dilation)
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    y = np.zeros((len(x), w.shape[4], *size), x.dtype)  # (B, O, D', H', W')
    for tap in np.ndindex(*kernel):
        y += np.einsum("bcdhw,co->bodhw", _windows(padded, size, stride, dilation, tap), w[tap])
    y += bias[:, None, None, None]
    return np.maximum(y, 0) if relu else y


def conv_backward_numpy(x, w, dy, stride, padding, dilation, dw, db):
    """Add to dw and db; returns the gradient of x, (B, C, D, H, W).

    Examples
    --------
    >>> one, none = (1, 1, 1), (0, 0, 0)
    >>> x, dy = np.array([[[[[1.0, 2.0, 3.0]]]]]), np.array([[[[[1.0, 0.0]]]]])
    >>> w, dw, db = np.array([1.0, 10.0]).reshape(1, 1, 2, 1, 1), np.zeros((1, 1, 2, 1, 1)), np.zeros(1)
    >>> conv_backward_numpy(x, w, dy, one, none, one, dw, db).ravel().tolist(), dw.ravel().tolist()
    ([1.0, 10.0, 0.0], [1.0, 2.0])
    """
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    d_padded = np.zeros_like(padded)
    for tap in np.ndindex(*w.shape[:3]):
        # y += window w_k  =>  dw_k = windowᵀ dy,  d_window = dy w_kᵀ
        dw[tap] += np.einsum("bcdhw,bodhw->co", _windows(padded, dy.shape[2:], stride, dilation, tap), dy)
        _windows(d_padded, dy.shape[2:], stride, dilation, tap)[...] += np.einsum("bodhw,co->bcdhw", dy, w[tap])
    db += dy.sum((0, 2, 3, 4))
    inside = (slice(p, p + n) for p, n in zip(padding, x.shape[2:], strict=True))
    return d_padded[:, :, *inside]


# Channels last: patches as rows of a matrix ---------------------------------------------------------------------------


def channels_last(x):
    """The volumes as a contiguous array (B, D, H, W, C): a view, if they lie so in memory."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


@compiled
def _gather(x, shape, kernel, stride, padding, dilation, size, start, stop, patches):
    """patches[p - start] = what the place p of the result sees of x, 0 outside the borders; both flat."""
    D, H, W, C = shape
    kd, kh, kw = kernel
    rest, j = divmod(start, size[2])
    rest, i = divmod(rest, size[1])
    b, t = divmod(rest, size[0])
    at = 0
    for _ in range(start, stop):
        left = j * stride[2] - padding[2]
        inside = dilation[2] == 1 and left >= 0 and left + kw <= W
        for u in range(kd):
            depth = t * stride[0] + u * dilation[0] - padding[0]
            for v in range(kh):
                row = i * stride[1] + v * dilation[1] - padding[1]
                seen = 0 <= depth < D and 0 <= row < H
                source = (((b * D + depth) * H + row) * W + left) * C
                if seen and inside:
                    # The columns of one row lie side by side.
                    for k in range(kw * C):
                        patches[at + k] = x[source + k]
                    at += kw * C
                else:
                    for z in range(kw):
                        if seen and 0 <= left + z * dilation[2] < W:
                            for c in range(C):
                                patches[at + c] = x[source + z * dilation[2] * C + c]
                        else:
                            for c in range(C):
                                patches[at + c] = 0
                        at += C
        j += 1
        if j == size[2]:
            j, i = 0, i + 1
            if i == size[1]:
                i, t = 0, t + 1
                if t == size[0]:
                    t, b = 0, b + 1


@compiled
def _scatter(dx, shape, kernel, stride, padding, dilation, size, start, stop, patches):
    """Add the patches' gradients to where :func:`_gather` took the patches from."""
    D, H, W, C = shape
    kd, kh, kw = kernel
    rest, j = divmod(start, size[2])
    rest, i = divmod(rest, size[1])
    b, t = divmod(rest, size[0])
    at = 0
    for _ in range(start, stop):
        left = j * stride[2] - padding[2]
        for u in range(kd):
            depth = t * stride[0] + u * dilation[0] - padding[0]
            for v in range(kh):
                row = i * stride[1] + v * dilation[1] - padding[1]
                if 0 <= depth < D and 0 <= row < H:
                    target = (((b * D + depth) * H + row) * W + left) * C
                    if dilation[2] == 1 and left >= 0 and left + kw <= W:
                        for k in range(kw * C):
                            dx[target + k] += patches[at + k]
                    else:
                        for z in range(kw):
                            if 0 <= left + z * dilation[2] < W:
                                for c in range(C):
                                    dx[target + z * dilation[2] * C + c] += patches[at + z * C + c]
                at += kw * C
        j += 1
        if j == size[2]:
            j, i = 0, i + 1
            if i == size[1]:
                i, t = 0, t + 1
                if t == size[0]:
                    t, b = 0, b + 1


@compiled
def _forward(x, w, bias, kernel, stride, padding, dilation, size, relu, patches, y):
    plain = patches.shape[0] == 0
    places = y.shape[0]
    flat, rows = x.reshape(-1), x.reshape(-1, x.shape[4])
    step = max(1, places if plain else patches.shape[0])
    zero = y.dtype.type(0)
    for start in range(0, places, step):
        stop = min(start + step, places)
        if plain:
            # A kernel of one place: the patches are the volumes themselves.
            np.dot(rows, w, y)
        else:
            _gather(flat, x.shape[1:], kernel, stride, padding, dilation, size, start, stop, patches.reshape(-1))
            np.dot(patches[: stop - start], w, y[start:stop])
        for p in range(start, stop):
            made = y[p]
            if relu:
                for o in range(made.shape[0]):
                    value = made[o] + bias[o]
                    # Written so that NaN stays.
                    made[o] = zero if value < zero else value
            else:
                for o in range(made.shape[0]):
                    made[o] += bias[o]


@compiled
def _backward(x, w, dy, kernel, stride, padding, dilation, size, patches, dw, db, dx):
    places = dy.shape[0]
    step = patches.shape[0]
    flat, flat_patches = x.reshape(-1), patches.reshape(-1)
    product = np.empty_like(dw)
    for start in range(0, places, step):
        stop = min(start + step, places)
        part = dy[start:stop]
        _gather(flat, x.shape[1:], kernel, stride, padding, dilation, size, start, stop, flat_patches)
        np.dot(patches[: stop - start].T, part, product)
        dw += product
        for p in range(stop - start):
            row = part[p]
            for o in range(row.shape[0]):
                db[o] += row[o]
        if dx.shape[0] > 0:
            np.dot(part, w.T, patches[: stop - start])
            _scatter(dx.reshape(-1), x.shape[1:], kernel, stride, padding, dilation, size, start, stop, flat_patches)


def _places_at_a_time(places, K, O):
    # Gathering a patch costs K of K O steps, and each product brings K O weights into the cache.
    return max(1, min(places, max(PATCHES // max(K, 1), O)))


def conv_cpu(x, w, bias, stride, padding, dilation, relu=False):
    """Compiled :func:`conv_numpy` for many channels, channels last in memory; float32 or float64."""
    x = channels_last(x)
    kernel, C, O = w.shape[:3], w.shape[3], w.shape[4]
    K = C * int(np.prod(kernel))
    size = output_size(x.shape[1:4], kernel, stride, padding, dilation)
    places = len(x) * int(np.prod(size))
    y = np.empty((places, O), x.dtype)
    plain = kernel == stride == (1, 1, 1) and not any(padding)
    patches = np.empty((0 if plain else _places_at_a_time(places, K, O), K), x.dtype)
    if places:
        _forward(x, w.reshape(K, O), bias, kernel, stride, padding, dilation, size, relu, patches, y)
    return np.moveaxis(y.reshape(len(x), *size, O), -1, 1)


def conv_backward_cpu(x, w, dy, stride, padding, dilation, dw, db, input_gradient=True):
    """Compiled :func:`conv_backward_numpy` for many channels; None where no `input_gradient` is asked for."""
    x, dy = channels_last(x), channels_last(dy)
    kernel, C, O = w.shape[:3], w.shape[3], w.shape[4]
    K, size = C * int(np.prod(kernel)), dy.shape[1:4]
    rows = dy.reshape(-1, O)
    dx = np.zeros(x.shape if input_gradient else (0,) * 5, x.dtype)
    if len(rows):
        patches = np.empty((_places_at_a_time(len(rows), K, O), K), x.dtype)
        flat = dw.reshape(K, O)
        _backward(x, w.reshape(K, O), rows, kernel, stride, padding, dilation, size, patches, flat, db, dx)
    return np.moveaxis(dx, -1, 1) if input_gradient else None


# On a GPU -------------------------------------------------------------------------------------------------------------


@functools.cache
def _cuda_kernels():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def forward(x, w, bias, stride, padding, dilation, relu, y):
        # Neighbouring threads make neighbouring columns.
        place = cuda.grid(1)
        if place >= y.size:
            return
        rest, j = divmod(place, y.shape[4])
        rest, i = divmod(rest, y.shape[3])
        rest, t = divmod(rest, y.shape[2])
        b, o = divmod(rest, y.shape[1])
        total = bias[o]
        for u in range(w.shape[0]):
            depth = t * stride[0] + u * dilation[0] - padding[0]
            for v in range(w.shape[1]):
                row = i * stride[1] + v * dilation[1] - padding[1]
                for z in range(w.shape[2]):
                    column = j * stride[2] + z * dilation[2] - padding[2]
                    if 0 <= depth < x.shape[2] and 0 <= row < x.shape[3] and 0 <= column < x.shape[4]:
                        for c in range(x.shape[1]):
                            total += w[u, v, z, c, o] * x[b, c, depth, row, column]
        y[b, o, t, i, j] = bias.dtype.type(0) if relu and total < 0 else total

    @cuda.jit
    def weights(x, dy, stride, padding, dilation, dw, db):
        # One thread for each weight, then one for each bias.
        place = cuda.grid(1)
        O = dy.shape[1]
        if place >= dw.size + O:
            return
        total = db.dtype.type(0)
        if place >= dw.size:
            o = place - dw.size
            for b in range(dy.shape[0]):
                for t in range(dy.shape[2]):
                    for i in range(dy.shape[3]):
                        for j in range(dy.shape[4]):
                            total += dy[b, o, t, i, j]
            db[o] += total
            return
        rest, o = divmod(place, O)
        rest, c = divmod(rest, dw.shape[3])
        rest, z = divmod(rest, dw.shape[2])
        u, v = divmod(rest, dw.shape[1])
        for b in range(dy.shape[0]):
            for t in range(dy.shape[2]):
                depth = t * stride[0] + u * dilation[0] - padding[0]
                for i in range(dy.shape[3]):
                    row = i * stride[1] + v * dilation[1] - padding[1]
                    if 0 <= depth < x.shape[2] and 0 <= row < x.shape[3]:
                        for j in range(dy.shape[4]):
                            column = j * stride[2] + z * dilation[2] - padding[2]
                            if 0 <= column < x.shape[4]:
                                total += x[b, c, depth, row, column] * dy[b, o, t, i, j]
        dw[u, v, z, c, o] += total

    @cuda.jit
    def inputs(w, dy, stride, padding, dilation, dx):
        place = cuda.grid(1)
        if place >= dx.size:
            return
        rest, column = divmod(place, dx.shape[4])
        rest, row = divmod(rest, dx.shape[3])
        rest, depth = divmod(rest, dx.shape[2])
        b, c = divmod(rest, dx.shape[1])
        total = w.dtype.type(0)
        for u in range(w.shape[0]):
            t, odd_t = divmod(depth + padding[0] - u * dilation[0], stride[0])
            for v in range(w.shape[1]):
                i, odd_i = divmod(row + padding[1] - v * dilation[1], stride[1])
                for z in range(w.shape[2]):
                    j, odd_j = divmod(column + padding[2] - z * dilation[2], stride[2])
                    # Only places whose window this tap of it sees.
                    if (
                        odd_t == odd_i == odd_j == 0
                        and 0 <= t < dy.shape[2]
                        and 0 <= i < dy.shape[3]
                        and 0 <= j < dy.shape[4]
                    ):
                        for o in range(dy.shape[1]):
                            total += w[u, v, z, c, o] * dy[b, o, t, i, j]
        dx[b, c, depth, row, column] = total

    return forward, weights, inputs


def conv_cuda(x, w, bias, stride, padding, dilation, relu=False):
    """:func:`conv_numpy` on a GPU, one thread for each number of the result."""
    forward, _, _ = _cuda_kernels()
    from numba import cuda

    size = output_size(x.shape[2:], w.shape[:3], stride, padding, dilation)
    y = cuda.device_array((x.shape[0], w.shape[4], *size), x.dtype)
    if y.size:
        forward[-(-y.size // THREADS), THREADS](x, w, bias, stride, padding, dilation, relu, y)
    return y


def conv_backward_cuda(x, w, dy, stride, padding, dilation, dw, db):
    """:func:`conv_backward_numpy` on a GPU, one thread for each weight, and for each number of x."""
    _, weights, inputs = _cuda_kernels()
    from numba import cuda

    weights[-(-(dw.size + db.size) // THREADS), THREADS](x, dy, stride, padding, dilation, dw, db)
    dx = cuda.device_array(x.shape, x.dtype)
    if dx.size:
        inputs[-(-dx.size // THREADS), THREADS](w, dy, stride, padding, dilation, dx)
    return dx


IMPLEMENTATIONS = {"numpy": conv_numpy, "cpu": conv_cpu, "cuda": conv_cuda}
BACKWARD_IMPLEMENTATIONS = {"numpy": conv_backward_numpy, "cpu": conv_backward_cpu, "cuda": conv_backward_cuda}
