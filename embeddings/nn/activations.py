"""Activations: layers that bend every number by itself, and softmax."""

import numpy as np

from embeddings.checks import check_choice
from embeddings.nn.layer import Layer
from kernels.activation import ACTIVATE_IMPLEMENTATIONS, FROM_RESULT, GRADIENT_IMPLEMENTATIONS, KINDS
from kernels.device import implementation

activate = implementation(ACTIVATE_IMPLEMENTATIONS)
activation_gradient = implementation(GRADIENT_IMPLEMENTATIONS)


class Activation(Layer):
    """One of the functions of ``kernels/activation.py``, number by number.

    Parameters
    ----------
    kind : {"relu", "tanh", "sigmoid", "silu", "gelu", "gelu_tanh"}

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> Activation("relu")(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, kind):
        super().__init__()
        self.kind = check_choice("kind", kind, tuple(KINDS))

    def forward(self, x, lengths=None):
        kind, y = KINDS[self.kind], np.empty_like(x)
        # Numbers in the order of memory, whatever the order of the axes that is shown.
        activate(kind, x.ravel("K"), y.ravel("K"))
        self.push(y if kind in FROM_RESULT else x)
        return y

    def backward(self, grad):
        kept = self.pop()
        dx = np.empty_like(kept)
        if grad.strides != kept.strides or grad.dtype != kept.dtype:
            same = np.empty_like(kept)
            same[...] = grad
            grad = same
        activation_gradient(KINDS[self.kind], kept.ravel("K"), grad.ravel("K"), dx.ravel("K"))
        return dx


class ReLU(Activation):
    """``max(x, 0)``.

    Examples
    --------
    >>> relu = ReLU()
    >>> relu(np.array([-1.0, 2.0])).tolist(), relu.backward(np.array([5.0, 5.0])).tolist()
    ([0.0, 2.0], [0.0, 5.0])
    """

    def __init__(self):
        super().__init__("relu")


class Tanh(Activation):
    """``tanh(x)``, between -1 and 1."""

    def __init__(self):
        super().__init__("tanh")


class Sigmoid(Activation):
    """``1 / (1 + e^-x)``, between 0 and 1."""

    def __init__(self):
        super().__init__("sigmoid")


class SiLU(Activation):
    """``x σ(x)``, also called swish."""

    def __init__(self):
        super().__init__("silu")


class GELU(Activation):
    """``x Φ(x)`` with the normal distribution Φ (Hendrycks & Gimpel 2016).

    Parameters
    ----------
    approximate : {"none", "tanh"}, default "none"
        "tanh" is the older formula that GPT-2 and some BERTs were trained with.

    Examples
    --------
    >>> GELU()(np.array([1.0])).round(4).tolist(), GELU("tanh")(np.array([1.0])).round(4).tolist()
    ([0.8413], [0.8412])
    """

    def __init__(self, approximate="none"):
        check_choice("approximate", approximate, ("none", "tanh"))
        super().__init__("gelu_tanh" if approximate == "tanh" else "gelu")


class Softmax(Layer):
    """``e^x_i / Σ_j e^x_j`` along the last axis: positive numbers whose sum is 1.

    Examples
    --------
    >>> Softmax()(np.log([[1.0, 3.0]])).round(6).tolist()
    [[0.25, 0.75]]
    """

    def forward(self, x, lengths=None):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        y = e / e.sum(axis=-1, keepdims=True)
        self.push(y)
        return y

    def backward(self, grad):
        y = self.pop()
        # dx = y (dy - Σ_j y_j dy_j)
        return y * (grad - (grad * y).sum(axis=-1, keepdims=True))
