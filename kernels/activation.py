"""Activations: what a network's layers bend their numbers with, and the derivatives.

    relu        y = max(x, 0)                                    dx = dy           where y > 0, else 0
    tanh        y = (e^x - e^-x) / (e^x + e^-x)                  dx = dy (1 - y²)
    sigmoid     y = 1 / (1 + e^-x)                               dx = dy y (1 - y)
    silu        y = x σ(x)                                       dx = dy σ(x) (1 + x (1 - σ(x)))
    gelu        y = x Φ(x)                                       dx = dy (Φ(x) + x φ(x))
    gelu_tanh   y = x (1 + tanh u) / 2                           dx = dy ((1 + tanh u) / 2 + x (1 - tanh² u) u' / 2)
                u = √(2/π) (x + 0.044715 x³)

where Φ(x) = (1 + erf(x / √2)) / 2 is the normal distribution and φ(x) = e^(-x²/2) / √(2π) its density.

======= ============= ================ ===========================================================================
symbol  variable      shape            what it is
======= ============= ================ ===========================================================================
        kind          int              which activation: ``KINDS["relu"]`` and so on
x       x             (n,)             float32 or float64
y       y             (n,)             the result, written in place
        kept          (n,)             what the derivative is made of: y of relu, tanh and sigmoid, x of the others
dy, dx  grad, dx      (n,)             gradients with respect to y and x; dx is written in place
======= ============= ================ ===========================================================================

In float32 the compiled loops use the functions here instead of the C library's: plain arithmetic, so that a loop fills
the lanes. Their relative error is below 1e-6 (:func:`tanh`, :func:`sigmoid`, :func:`normal`, :func:`exponential`).

Nair & Hinton, ICML 2010 (relu); Hendrycks & Gimpel, arXiv:1606.08415 (gelu, silu).
"""

import functools
import math

import numpy as np
from numba import config, types
from numba.extending import overload

from kernels.compile import compiled
from kernels.simd import _float_from_bits

THREADS = 256

KINDS = {"relu": 0, "tanh": 1, "sigmoid": 2, "silu": 3, "gelu": 4, "gelu_tanh": 5}
RELU, TANH, SIGMOID, SILU, GELU, GELU_TANH = KINDS.values()
# The activations whose derivative is made of y.
FROM_RESULT = RELU, TANH, SIGMOID

_ROOT_2_OVER_PI = math.sqrt(2 / math.pi)
_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)
_CUBE = 0.044715


# The reference -------------------------------------------------------------------------------------------------------

_erf = np.vectorize(math.erf, otypes=[float])


def activate_numpy(kind, x, y):
    """Write the activation of `x` to `y`.

    Examples
    --------
    >>> y = np.empty(3)
    >>> activate_numpy(KINDS["sigmoid"], np.log([1.0, 3.0, 1 / 3]), y)
    >>> y.round(6).tolist()
    [0.5, 0.75, 0.25]
    """
    if kind == RELU:
        y[:] = np.maximum(x, 0)
    elif kind == TANH:
        y[:] = np.tanh(x)
    elif kind == SIGMOID:
        y[:] = _sigmoid_numpy(x)
    elif kind == SILU:
        y[:] = x * _sigmoid_numpy(x)
    elif kind == GELU:
        y[:] = x * (1 + _erf(x * _ROOT_HALF)) / 2
    else:
        y[:] = x * (1 + np.tanh(_ROOT_2_OVER_PI * (x + _CUBE * x**3))) / 2


def activation_gradient_numpy(kind, kept, grad, dx):
    """Write ``grad`` times the derivative to `dx`."""
    if kind == RELU:
        dx[:] = np.where(kept > 0, grad, 0)
    elif kind == TANH:
        dx[:] = grad * (1 - kept**2)
    elif kind == SIGMOID:
        dx[:] = grad * kept * (1 - kept)
    elif kind == SILU:
        s = _sigmoid_numpy(kept)
        dx[:] = grad * s * (1 + kept * (1 - s))
    elif kind == GELU:
        dx[:] = grad * ((1 + _erf(kept * _ROOT_HALF)) / 2 + kept * np.exp(-(kept**2) / 2) * _DENSITY)
    else:
        t = np.tanh(_ROOT_2_OVER_PI * (kept + _CUBE * kept**3))
        slope = _ROOT_2_OVER_PI * (1 + 3 * _CUBE * kept**2)
        dx[:] = grad * ((1 + t) / 2 + kept * (1 - t**2) * slope / 2)


def _sigmoid_numpy(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


# float32 in plain arithmetic; float64 as the C library has it --------------------------------------------------------


@compiled(fastmath=False, forceinline=True)
def _parts_of_exp(x):
    """n and e^r - 1 of x = n ln 2 + r; x between -87 and 88."""
    n = np.int32(np.float32(1.4426950408889634) * x + np.float32(200.5)) - np.int32(200)
    whole = np.float32(n)
    # ln 2 in two pieces, the first of few digits, so that the difference is exact.
    r = (x - whole * np.float32(0.693359375)) + whole * np.float32(2.1219444005469057e-4)
    p = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    return n, p * (r * r) + r


@compiled(fastmath=False, forceinline=True)
def _exponential(x):
    """e^x; beyond -87 and 88 its value there."""
    n, rest = _parts_of_exp(min(max(x, np.float32(-87)), np.float32(88)))
    return (rest + np.float32(1)) * _float_from_bits((n + np.int32(127)) << np.int32(23))


@compiled(fastmath=False, forceinline=True)
def _tanh(x):
    # tanh |x| = (1 - e) / (1 + e), e = e^(-2 |x|); 1 - e = -(2^n (e^r - 1) + (2^n - 1)) keeps its digits near 0.
    n, rest = _parts_of_exp(np.float32(-2) * min(abs(x), np.float32(12)))
    power = _float_from_bits((n + np.int32(127)) << np.int32(23))
    less = power * rest + (power - np.float32(1))
    y = less / (np.float32(2) + less)
    return y if x < 0 else (-y if x >= 0 else x)


@compiled(fastmath=False, forceinline=True)
def _sigmoid(x):
    y = np.float32(1) / (np.float32(1) + _exponential(-x))
    return y if x == x else x


@compiled(fastmath=False, forceinline=True)
def _bell(x):
    """e^(-x²/2). The digits that x² loses are put back."""
    x = min(abs(x), np.float32(13.1))
    high = np.float32(np.int32(x * np.float32(256))) / np.float32(256)
    low = x - high
    d = np.float32(0.5) * low * (x + high)
    rest = np.float32(1) - d * (np.float32(1) - d * (np.float32(0.5) - d * np.float32(0.16666667)))
    return _exponential(np.float32(-0.5) * high * high) * rest


@compiled(fastmath=False, forceinline=True)
def _normal(x):
    # Φ(-a) = e^(-a²/2) R(a) for a ≥ 0: R is smooth, here a polynomial in t = 1 / (1 + 0.34 a) fitted to it.
    a = abs(x)
    t = np.float32(1) / (np.float32(1) + np.float32(0.34) * a)
    p = np.float32(-0.0261218655) * t + np.float32(0.139506157)
    p = p * t + np.float32(-0.273146234)
    p = p * t + np.float32(0.202197681)
    p = p * t + np.float32(-0.0447284579)
    p = p * t + np.float32(0.115363242)
    p = p * t + np.float32(0.115196669)
    p = p * t + np.float32(0.136112327)
    p = p * t + np.float32(0.135620496)
    y = p * t * _bell(a)
    return y if x < 0 else (np.float32(1) - y if x >= 0 else x)


def tanh(x):
    """tanh x: within compiled loops, in float32, in plain arithmetic; elsewhere the library's."""
    return type(x)(math.tanh(x))


def sigmoid(x):
    """1 / (1 + e^-x), as :func:`tanh`."""
    return type(x)(1 / (1 + math.exp(-x))) if x > -700 else type(x)(0)


def normal(x):
    """Φ(x), the normal distribution, as :func:`tanh`."""
    return type(x)(math.erfc(-x * _ROOT_HALF) / 2)


def bell(x):
    """e^(-x²/2), as :func:`tanh`."""
    return type(x)(math.exp(-x * x / 2))


def exponential(x):
    """e^x, as :func:`tanh`; in float32 beyond -87 and 88 its value there."""
    return type(x)(math.exp(min(x, 700)))


if not config.DISABLE_JIT:
    _options = {"fastmath": False, "error_model": "numpy", "forceinline": True}

    @overload(tanh, jit_options=_options)
    def _tanh_of(x):
        return (lambda x: _tanh(x)) if x == types.float32 else (lambda x: math.tanh(x))

    @overload(sigmoid, jit_options=_options)
    def _sigmoid_of(x):
        return (lambda x: _sigmoid(x)) if x == types.float32 else (lambda x: 1 / (1 + math.exp(-x)))

    @overload(normal, jit_options=_options)
    def _normal_of(x):
        return (lambda x: _normal(x)) if x == types.float32 else (lambda x: math.erfc(-x * _ROOT_HALF) / 2)

    @overload(bell, jit_options=_options)
    def _bell_of(x):
        return (lambda x: _bell(x)) if x == types.float32 else (lambda x: math.exp(-x * x / 2))

    @overload(exponential, jit_options=_options)
    def _exponential_of(x):
        return (lambda x: _exponential(x)) if x == types.float32 else (lambda x: math.exp(x))


# Compiled ------------------------------------------------------------------------------------------------------------


@compiled(fastmath=False)
def activate_cpu(kind, x, y):
    """Compiled :func:`activate_numpy`."""
    one, half = x.dtype.type(1), x.dtype.type(0.5)
    root, cube = x.dtype.type(_ROOT_2_OVER_PI), x.dtype.type(_CUBE)
    n = x.shape[0]
    if kind == RELU:
        for i in range(n):
            v = x[i]
            y[i] = x.dtype.type(0) if v <= 0 else v
    elif kind == TANH:
        for i in range(n):
            y[i] = tanh(x[i])
    elif kind == SIGMOID:
        for i in range(n):
            y[i] = sigmoid(x[i])
    elif kind == SILU:
        for i in range(n):
            y[i] = x[i] * sigmoid(x[i])
    elif kind == GELU:
        for i in range(n):
            y[i] = x[i] * normal(x[i])
    else:
        for i in range(n):
            v = x[i]
            y[i] = v * half * (one + tanh(root * (v + cube * v * v * v)))


@compiled(fastmath=False)
def activation_gradient_cpu(kind, kept, grad, dx):
    """Compiled :func:`activation_gradient_numpy`."""
    kind_of = kept.dtype.type
    one, half, density = kind_of(1), kind_of(0.5), kind_of(_DENSITY)
    root, cube = kind_of(_ROOT_2_OVER_PI), kind_of(_CUBE)
    n = kept.shape[0]
    if kind == RELU:
        for i in range(n):
            dx[i] = grad[i] if kept[i] > 0 else kind_of(0)
    elif kind == TANH:
        for i in range(n):
            dx[i] = grad[i] * (one - kept[i] * kept[i])
    elif kind == SIGMOID:
        for i in range(n):
            dx[i] = grad[i] * kept[i] * (one - kept[i])
    elif kind == SILU:
        for i in range(n):
            s = sigmoid(kept[i])
            dx[i] = grad[i] * s * (one + kept[i] * (one - s))
    elif kind == GELU:
        for i in range(n):
            v = kept[i]
            dx[i] = grad[i] * (normal(v) + v * bell(v) * density)
    else:
        for i in range(n):
            v = kept[i]
            t = tanh(root * (v + cube * v * v * v))
            slope = root * (one + kind_of(3) * cube * v * v)
            dx[i] = grad[i] * half * ((one + t) + v * (one - t * t) * slope)


@functools.cache
def _cuda_kernels():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def activate(kind, x, y):
        i = cuda.grid(1)
        if i >= x.shape[0]:
            return
        v = x[i]
        if kind == RELU:
            y[i] = v * (v > 0) if v == v else v
        elif kind == TANH:
            y[i] = math.tanh(v)
        elif kind == SIGMOID:
            y[i] = 1 / (1 + math.exp(-v))
        elif kind == SILU:
            y[i] = v / (1 + math.exp(-v))
        elif kind == GELU:
            y[i] = v * math.erfc(-v * _ROOT_HALF) / 2
        else:
            y[i] = v * (1 + math.tanh(_ROOT_2_OVER_PI * (v + _CUBE * v * v * v))) / 2

    @cuda.jit
    def gradient(kind, kept, grad, dx):
        i = cuda.grid(1)
        if i >= kept.shape[0]:
            return
        v = kept[i]
        if kind == RELU:
            d = 1.0 if v > 0 else 0.0
        elif kind == TANH:
            d = 1 - v * v
        elif kind == SIGMOID:
            d = v * (1 - v)
        elif kind == SILU:
            s = 1 / (1 + math.exp(-v))
            d = s * (1 + v * (1 - s))
        elif kind == GELU:
            d = math.erfc(-v * _ROOT_HALF) / 2 + v * math.exp(-v * v / 2) * _DENSITY
        else:
            t = math.tanh(_ROOT_2_OVER_PI * (v + _CUBE * v * v * v))
            d = (1 + t + v * (1 - t * t) * _ROOT_2_OVER_PI * (1 + 3 * _CUBE * v * v)) / 2
        dx[i] = grad[i] * d

    return activate, gradient


def activate_cuda(kind, x, y):
    """:func:`activate_numpy` on a GPU, one thread for each number."""
    if x.shape[0]:
        _cuda_kernels()[0][-(-x.shape[0] // THREADS), THREADS](kind, x, y)


def activation_gradient_cuda(kind, kept, grad, dx):
    """:func:`activation_gradient_numpy` on a GPU, one thread for each number."""
    if kept.shape[0]:
        _cuda_kernels()[1][-(-kept.shape[0] // THREADS), THREADS](kind, kept, grad, dx)


ACTIVATE_IMPLEMENTATIONS = {"numpy": activate_numpy, "cpu": activate_cpu, "cuda": activate_cuda}
GRADIENT_IMPLEMENTATIONS = {
    "numpy": activation_gradient_numpy,
    "cpu": activation_gradient_cpu,
    "cuda": activation_gradient_cuda,
}
