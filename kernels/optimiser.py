"""Steps of optimisers: parameters moved against their gradients.

    SGD       v ← m v + g                     w ← w - α v
    AdaGrad   s ← s + g²                      w ← w - α g / (√s + ε)
    Adam      v ← β₁ v + (1 - β₁) g           s ← β₂ s + (1 - β₂) g²
              w ← w - α' v / (√s / c + ε)     α' = α / (1 - β₁ᵗ),  c = √(1 - β₂ᵗ)

Adam's moments v and s begin at zero; α' and c undo what that costs in the first steps. *Decoupled* weight decay (AdamW)
shrinks w by the factor 1 - α λ before the step; otherwise λ w is added to the gradient g.

======= ============= =========== ==================================================
symbol  variable      shape       what it is
======= ============= =========== ==================================================
w       weights       (n,)        changed in place
g       grad          (n,)        gradient of the loss
v       momentum      (n,)        changed in place
s       squares       (n,)        changed in place
α       rate          float       learning rate
λ       decay         float       weight decay
        shrink        float       1 - α λ where decay is decoupled, else 1
======= ============= =========== ==================================================

Duchi, Hazan & Singer, JMLR 12, 2011 (AdaGrad, figure 1); Kingma & Ba, ICLR 2015 (Adam, algorithm 1); Loshchilov &
Hutter, ICLR 2019 (AdamW, algorithm 2).
"""

import functools
import math

import numpy as np

from kernels.compile import compiled

THREADS = 256


def sgd_numpy(weights, grad, momentum, rate, keep, decay):
    """One step of SGD; `keep` is m.

    Examples
    --------
    >>> weights, momentum = np.array([1.0]), np.zeros(1)
    >>> for _ in range(2):
    ...     sgd_numpy(weights, np.array([1.0]), momentum, 0.1, 0.5, 0.0)
    >>> weights.round(6).tolist()
    [0.75]
    """
    momentum[:] = keep * momentum + grad + decay * weights
    weights -= rate * momentum


def adagrad_numpy(weights, grad, squares, rate, epsilon, decay):
    """One step of AdaGrad.

    Examples
    --------
    >>> weights = np.array([1.0])
    >>> adagrad_numpy(weights, np.array([3.0]), np.zeros(1), 0.1, 0.0, 0.0)
    >>> weights.round(6).tolist()
    [0.9]
    """
    g = grad + decay * weights
    squares += g**2
    weights -= rate * g / (np.sqrt(squares) + epsilon)


def adam_numpy(weights, grad, momentum, squares, rate, beta_1, beta_2, correction, epsilon, decay, shrink):
    """One step of Adam; `rate` is α', `correction` c.

    Examples
    --------
    >>> weights = np.array([1.0])
    >>> correction = np.sqrt(1 - 0.99)
    >>> adam_numpy(weights, np.array([3.0]), np.zeros(1), np.zeros(1), 0.1 / 0.1, 0.9, 0.99, correction, 0.0, 0.0, 1.0)
    >>> weights.round(6).tolist()
    [0.9]
    """
    weights *= shrink
    g = grad + decay * weights
    momentum[:] = beta_1 * momentum + (1 - beta_1) * g
    squares[:] = beta_2 * squares + (1 - beta_2) * g**2
    weights -= rate * momentum / (np.sqrt(squares) / correction + epsilon)


@compiled(fastmath=False)
def sgd_cpu(weights, grad, momentum, rate, keep, decay):
    """Compiled :func:`sgd_numpy`."""
    kind = weights.dtype.type
    rate, keep, decay = kind(rate), kind(keep), kind(decay)
    for i in range(weights.shape[0]):
        v = keep * momentum[i] + grad[i] + decay * weights[i]
        momentum[i] = v
        weights[i] -= rate * v


@compiled(fastmath=False)
def adagrad_cpu(weights, grad, squares, rate, epsilon, decay):
    """Compiled :func:`adagrad_numpy`."""
    kind = weights.dtype.type
    rate, epsilon, decay = kind(rate), kind(epsilon), kind(decay)
    for i in range(weights.shape[0]):
        g = grad[i] + decay * weights[i]
        s = squares[i] + g * g
        squares[i] = s
        weights[i] -= rate * g / (np.sqrt(s) + epsilon)


@compiled(fastmath=False)
def adam_cpu(weights, grad, momentum, squares, rate, beta_1, beta_2, correction, epsilon, decay, shrink):
    """Compiled :func:`adam_numpy`."""
    kind = weights.dtype.type
    rate, epsilon, decay, shrink = kind(rate), kind(epsilon), kind(decay), kind(shrink)
    less_1, less_2, over = kind(1 - beta_1), kind(1 - beta_2), kind(1 / correction)
    beta_1, beta_2 = kind(beta_1), kind(beta_2)
    for i in range(weights.shape[0]):
        w = weights[i] * shrink
        g = grad[i] + decay * w
        v = beta_1 * momentum[i] + less_1 * g
        s = beta_2 * squares[i] + less_2 * (g * g)
        momentum[i] = v
        squares[i] = s
        weights[i] = w - rate * v / (np.sqrt(s) * over + epsilon)


@functools.cache
def _cuda_kernels():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def sgd(weights, grad, momentum, rate, keep, decay):
        i = cuda.grid(1)
        if i < weights.shape[0]:
            momentum[i] = keep * momentum[i] + grad[i] + decay * weights[i]
            weights[i] -= rate * momentum[i]

    @cuda.jit
    def adagrad(weights, grad, squares, rate, epsilon, decay):
        i = cuda.grid(1)
        if i < weights.shape[0]:
            g = grad[i] + decay * weights[i]
            squares[i] += g * g
            weights[i] -= rate * g / (math.sqrt(squares[i]) + epsilon)

    @cuda.jit
    def adam(weights, grad, momentum, squares, rate, beta_1, beta_2, correction, epsilon, decay, shrink):
        i = cuda.grid(1)
        if i < weights.shape[0]:
            w = weights[i] * shrink
            g = grad[i] + decay * w
            momentum[i] = beta_1 * momentum[i] + (1 - beta_1) * g
            squares[i] = beta_2 * squares[i] + (1 - beta_2) * g * g
            weights[i] = w - rate * momentum[i] / (math.sqrt(squares[i]) / correction + epsilon)

    return sgd, adagrad, adam


def _launch(kernel, weights, *arguments):
    if weights.shape[0]:
        _cuda_kernels()[kernel][-(-weights.shape[0] // THREADS), THREADS](weights, *arguments)


def sgd_cuda(weights, grad, momentum, rate, keep, decay):
    """:func:`sgd_numpy` on a GPU, one thread for each number."""
    _launch(0, weights, grad, momentum, rate, keep, decay)


def adagrad_cuda(weights, grad, squares, rate, epsilon, decay):
    """:func:`adagrad_numpy` on a GPU, one thread for each number."""
    _launch(1, weights, grad, squares, rate, epsilon, decay)


def adam_cuda(weights, grad, momentum, squares, rate, beta_1, beta_2, correction, epsilon, decay, shrink):
    """:func:`adam_numpy` on a GPU, one thread for each number."""
    _launch(2, weights, grad, momentum, squares, rate, beta_1, beta_2, correction, epsilon, decay, shrink)


SGD_IMPLEMENTATIONS = {"numpy": sgd_numpy, "cpu": sgd_cpu, "cuda": sgd_cuda}
ADAGRAD_IMPLEMENTATIONS = {"numpy": adagrad_numpy, "cpu": adagrad_cpu, "cuda": adagrad_cuda}
ADAM_IMPLEMENTATIONS = {"numpy": adam_numpy, "cpu": adam_cpu, "cuda": adam_cuda}
