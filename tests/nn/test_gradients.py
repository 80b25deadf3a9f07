"""Every layer's ``backward`` is the derivative of its ``forward``, and adds to the gradients."""

import numpy as np
import pytest

from embeddings import nn
from embeddings.nn.gradient_check import gradient_check
from tests.nn.layers import LAYERS


@pytest.mark.parametrize("name", LAYERS)
def test_backward_is_the_derivative_of_forward(name):
    make, x, lengths = LAYERS[name]
    errors = gradient_check(make().astype(np.float64), x, lengths)
    assert max(errors.values(), default=0) < 1e-7, errors


# What shares its code with a layer of the list: other numbers of dimensions, other names.
TWINS = {"Layer", *(f"{name}{n}d" for name in ("MaxPool", "AveragePool", "Upsample") for n in (1, 2, 3)), "Reshape"}
TWINS |= {"ReLU", "Tanh", "Sigmoid", "SiLU", "GELU"}


def test_the_list_holds_every_layer():
    checked = {type(layer).__name__ for make, _, _ in LAYERS.values() for _, layer in make().walk()}
    values = {name: getattr(nn, name) for name in nn.__all__}
    layers = {name for name, value in values.items() if isinstance(value, type) and issubclass(value, nn.Layer)}
    assert layers - checked - TWINS == set()


class Wrong(nn.Linear):
    def backward(self, grad):
        x = self.pop()
        self.weight.grad[:] = x.T @ grad  # overwritten, not added to
        self.bias.grad += grad.sum(0)
        return grad @ self.weight.data.T


def test_a_wrong_gradient_is_found():
    layer = Wrong(3, 2, rng=np.random.default_rng(0), dtype=np.float64)
    errors = gradient_check(layer, np.random.default_rng(1).normal(size=(4, 3)))
    assert errors["weight"] > 0.1 and errors["bias"] < 1e-7


def test_float32_is_refused():
    with pytest.raises(TypeError, match="float64"):
        gradient_check(nn.Linear(3, 2, rng=np.random.default_rng(0)), np.ones((4, 3)))


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (nn.CrossEntropy(), np.array([0, 2, 1, 0])),
        (nn.CrossEntropy(), np.array([0, -100, 1, -100])),
        (nn.BinaryCrossEntropy(), np.random.default_rng(2).random((4, 3))),
        (nn.MSE(), np.random.default_rng(2).random((4, 3))),
        (nn.InfoNCE(0.5), None),
        (nn.InfoNCE(0.5, symmetric=False, similarity="dot"), None),
    ],
)
def test_gradients_of_losses(loss, target):
    x = np.random.default_rng(1).normal(size=(4, 3))
    grad, step = loss(x, target)[1], 1e-6
    for i in range(x.size):
        above, below = x.copy(), x.copy()
        above.flat[i] += step
        below.flat[i] -= step
        difference = (loss(above, target)[0] - loss(below, target)[0]) / (2 * step)
        assert abs(difference - grad.flat[i]) < 1e-8
