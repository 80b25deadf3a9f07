"""The network of the DiffusionTransformer: what a clip looks like, told from noisy tokens, the time and labels."""

import numpy as np

from embeddings.nn import Embedding, Layer, LayerNorm, Linear, MultiHeadAttention, Sequential, SiLU
from embeddings.video.positions import grid_positions, sinusoidal_positions
from kernels.activation import KINDS


class ModulatedBlock(Layer):
    """A block of a Transformer that a vector steers: adaLN-Zero ([1]_, section 3.2).

    ``y = x + g₁ ∘ attention(norm(x) ∘ (1 + s₁) + b₁)``, ``z = y + g₂ ∘ network(norm(y) ∘ (1 + s₂) + b₂)``, where shifts
    b, scales s and gates g are linear in the vector, the same for all tokens of a clip. All begin with 0, and then the
    block gives what it is given.

    Parameters
    ----------
    d, n_heads : int
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32

    References
    ----------
    .. [1] Peebles & Xie, "Scalable Diffusion Models with Transformers", ICCV 2023.

    Examples
    --------
    >>> block = ModulatedBlock(8, 2, rng=np.random.default_rng(0))
    >>> x = np.random.default_rng(1).normal(size=(3, 5, 8)).astype(np.float32)
    >>> bool((block((x, np.ones((3, 8), np.float32))) == x).all())
    True
    """

    def __init__(self, d, n_heads, *, rng, dtype=np.float32):
        super().__init__()
        self.modulation = _zero(Linear(d, 6 * d, rng=rng, dtype=dtype))
        self.norm_1, self.norm_2 = LayerNorm(d, dtype=dtype), LayerNorm(d, dtype=dtype)
        self.attention = MultiHeadAttention(d, n_heads, rng=rng, dtype=dtype)
        self.inner = Linear(d, 4 * d, rng=rng, dtype=dtype)
        self.outer = Linear(4 * d, d, rng=rng, dtype=dtype)

    def forward(self, x, lengths=None):
        """`x` is (tokens (B, P, d), the vectors that steer (B, d))."""
        x, steering = x
        modulation = np.split(self.modulation.forward(steering)[:, None], 6, axis=-1)  # (B, 1, d) each
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = modulation
        u = self.norm_1.forward(x)
        a = self.attention.forward(u * (1 + scale_1) + shift_1)
        y = x + gate_1 * a
        v = self.norm_2.forward(y)
        h, slope = self.inner.bend(v * (1 + scale_2) + shift_2, KINDS["gelu"])
        f = self.outer.forward(h)
        self.push(u, a, v, f, slope, modulation)
        return y + gate_2 * f

    def backward(self, grad):
        """The gradients of the tokens and of the vectors."""
        u, a, v, f, slope, (_, scale_1, gate_1, _, scale_2, gate_2) = self.pop()
        # z = y + g₂ ∘ f,  f = network(v ∘ (1 + s₂) + b₂)
        dv = self.inner.backward(self.outer.backward(grad * gate_2, times=slope))
        dy = grad + self.norm_2.backward(dv * (1 + scale_2))
        # y = x + g₁ ∘ a,  a = attention(u ∘ (1 + s₁) + b₁)
        du = self.attention.backward(dy * gate_1)
        dx = dy + self.norm_1.backward(du * (1 + scale_1))
        pairs = (du, None), (du, u), (dy, a), (dv, None), (dv, v), (grad, f)
        return dx, self.modulation.backward(np.concatenate([_over_tokens(*pair) for pair in pairs], axis=-1))


class DenoisingTransformer(Layer):
    """Tells from noisy tokens, the time and what is asked for how the clip looks: ``x̂ = f(x_t, t, labels)``.

    The vectors of the time and of each label, added up, steer every block, and the norm after the last.

    Parameters
    ----------
    n_labels : tuple of int
        How many values each label has; one more stands for "not told".
    token_numbers : int
        Of a spacetime patch.
    grid : tuple of int
    width, n_layers, n_heads : int
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32
    """

    def __init__(self, n_labels, token_numbers, grid, width, n_layers, n_heads, *, rng, dtype=np.float32):
        super().__init__()
        self.inward = Linear(token_numbers, width, rng=rng, dtype=dtype)
        self.labels = [Embedding(n + 1, width, scale=0.5, rng=rng, dtype=dtype) for n in n_labels]
        self.time = Sequential(
            Linear(width, width, rng=rng, dtype=dtype), SiLU(), Linear(width, width, rng=rng, dtype=dtype)
        )
        self.activation = SiLU()
        self.places = sinusoidal_positions(grid_positions(grid), width).astype(dtype)
        self.blocks = [ModulatedBlock(width, n_heads, rng=rng, dtype=dtype) for _ in range(n_layers)]
        self.norm = LayerNorm(width, dtype=dtype)
        self.modulation = _zero(Linear(width, 2 * width, rng=rng, dtype=dtype))
        self.outward = _zero(Linear(width, token_numbers, rng=rng, dtype=dtype))

    def forward(self, x, lengths=None):
        """`x` is (noisy tokens (B, P, p), times (B,), labels (B, L))."""
        noisy, times, labels = x
        # Times between 0 and 1 become sinusoids of places between 0 and 1000.
        width = self.norm.weight.data.size
        asked = self.time.forward(sinusoidal_positions(1000 * times[:, None], width))
        for i, layer in enumerate(self.labels):
            asked = asked + layer.forward(labels[:, i])
        steering = self.activation.forward(asked)
        y = self.inward.forward(noisy) + self.places
        for block in self.blocks:
            y = block.forward((y, steering))
        shift, scale = np.split(self.modulation.forward(steering)[:, None], 2, axis=-1)
        u = self.norm.forward(y)
        self.push(u, scale)
        return self.outward.forward(u * (1 + scale) + shift)

    def backward(self, grad):
        u, scale = self.pop()
        du = self.outward.backward(grad)
        dy = self.norm.backward(du * (1 + scale))
        d_steering = self.modulation.backward(np.concatenate([_over_tokens(du), _over_tokens(du, u)], axis=-1))
        for block in reversed(self.blocks):
            dy, part = block.backward(dy)
            d_steering = d_steering + part
        d_asked = self.activation.backward(d_steering)
        for layer in self.labels:
            layer.backward(d_asked)
        self.time.backward(d_asked)
        return self.inward.backward(dy)


def _zero(linear):
    """The layer, its weights 0 at first."""
    linear.weight.data[:] = linear.bias.data[:] = 0
    return linear


def _over_tokens(grad, times=None):
    """Σ_p grad (∘ times): what all tokens (B, P, d) of a clip say of a number that they share, (B, d)."""
    return grad.sum(axis=1) if times is None else np.einsum("bpd,bpd->bd", grad, times)
