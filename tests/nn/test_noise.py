"""Layers that add noise: what they add, when, and the gradient of the divergence."""

import numpy as np

from embeddings import nn


def test_noise_has_its_deviation_in_training_alone():
    layer = nn.Noise(0.3, rng=np.random.default_rng(0))
    x = np.ones((200, 50), np.float32)
    y = layer(x)
    assert y.dtype == np.float32 and abs((y - x).std() - 0.3) < 0.01
    assert layer.backward(y) is y
    assert layer.eval()(x) is x


def test_the_gradient_is_that_of_the_loss_and_the_divergence():
    x, grad, weight = np.random.default_rng(1).normal(size=(3, 8)), np.random.default_rng(2).normal(size=(3, 4)), 0.7

    def value(x):
        mean, log_variance = np.split(x, 2, axis=1)
        divergence = -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum(axis=1)
        return (grad * nn.Gaussian(weight, rng=np.random.default_rng(0))(x)).sum() + weight * divergence.mean()

    layer = nn.Gaussian(weight, rng=np.random.default_rng(0))
    layer(x)
    comp = layer.backward(grad)
    for place in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        ref = (value(x + step) - value(x - step)) / 2e-6
        np.testing.assert_allclose(comp[place], ref, rtol=1e-6, atol=1e-8)
