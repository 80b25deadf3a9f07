"""Layers that add noise in training."""

import numpy as np

from embeddings.checks import check_number
from embeddings.nn.layer import Layer


class Noise(Layer):
    """``y = x + deviation · ε`` with ε from the standard normal distribution; in evaluation ``y = x``.

    Parameters
    ----------
    deviation : float
    rng : numpy.random.Generator

    Examples
    --------
    >>> layer = Noise(0.5, rng=np.random.default_rng(0))
    >>> bool(np.any(layer(np.zeros(3)))), layer.eval()(np.zeros(3)).tolist()
    (True, [0.0, 0.0, 0.0])
    """

    def __init__(self, deviation, *, rng):
        super().__init__()
        self.deviation, self.rng = check_number("deviation", deviation, minimum=0), rng

    def forward(self, x, lengths=None):
        if not self.training or not self.deviation:
            return x
        return x + x.dtype.type(self.deviation) * self.rng.standard_normal(x.shape, x.dtype)

    def backward(self, grad):
        return grad


class Gaussian(Layer):
    """A latent vector drawn from a normal distribution whose mean and log-variance are the input's two halves.

    ``z = μ + σ ε``, which lets gradients through to μ and σ (Kingma & Welling 2014, section 2.4). ``backward`` adds the
    gradient of ``weight · KL(N(μ, σ²) ‖ N(0, 1))``, the mean over the batch, where
    ``KL = -½ Σ (1 + log σ² - μ² - σ²)`` (appendix B). In evaluation ``z = μ``.

    Parameters
    ----------
    weight : float
        Of the divergence, in units of the loss behind it.
    rng : numpy.random.Generator

    Examples
    --------
    >>> layer = Gaussian(1.0, rng=np.random.default_rng(0)).eval()
    >>> layer(np.array([[3.0, 4.0, 0.0, 0.0]]))
    array([[3., 4.]])
    """

    def __init__(self, weight, *, rng):
        super().__init__()
        self.weight, self.rng = check_number("weight", weight, minimum=0), rng

    def forward(self, x, lengths=None):
        mean, log_variance = np.split(x, 2, axis=-1)
        if not self.training:
            return mean
        deviation = np.exp(log_variance / 2)
        noise = self.rng.standard_normal(mean.shape, mean.dtype)
        self.push(mean, deviation, noise)
        return mean + deviation * noise

    def backward(self, grad):
        mean, deviation, noise = self.pop()
        share = mean.dtype.type(self.weight / len(mean))
        # z = μ + σ ε, σ = exp(½ log σ²)  =>  dμ = dz, d log σ² = ½ σ ε dz;  dKL/dμ = μ, dKL/d log σ² = ½ (σ² - 1)
        d_mean = grad + share * mean
        d_log_variance = (grad * deviation * noise + share * (deviation**2 - 1)) / 2
        return np.concatenate([d_mean, d_log_variance], axis=-1)
