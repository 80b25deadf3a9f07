"""VideoAutoencoder: clips made small in time and space, and large again."""

import numpy as np
from threadpoolctl import threadpool_limits

from embeddings.checks import check_integer, check_number
from embeddings.nn import Layer, Linear, Sequential, TransformerBlock
from embeddings.nn.losses import Loss
from embeddings.video.clips import centred, check_clips, uncentred
from embeddings.video.network_model import NetworkModel
from embeddings.video.patch_embedding import PatchEmbedding, token_grid
from embeddings.video.patches import patchify, unpatchify
from embeddings.video.positions import grid_positions, sinusoidal_positions

_PATCHES = 4096  # that the components with which training begins are taken from


class GridEmbedding(PatchEmbedding):
    """:class:`PatchEmbedding` whose tokens stay where they were: (B, C, T, H, W) to (B, T/t, H/h, W/w, width)."""

    def forward(self, x, lengths=None):
        grid = (n // p for n, p in zip(x.shape[2:], self.patch_size, strict=True))
        return super().forward(x).reshape(len(x), *grid, -1)

    def backward(self, grad):
        return super().backward(grad.reshape(len(grad), -1, grad.shape[-1]))


class Unpatch(Layer):
    """Each place of a small grid becomes a patch: (B, T, H, W, width) to (B, C, t T, h H, w W).

    The inverse of :class:`GridEmbedding`: one linear layer for all places, whose result is laid out.
    """

    def __init__(self, patch_size, width, n_channels, *, rng, dtype=np.float32):
        super().__init__()
        self.patch_size = tuple(patch_size)
        self.linear = Linear(width, n_channels * int(np.prod(patch_size)), rng=rng, dtype=dtype)

    def forward(self, x, lengths=None):
        self.push(x.shape)
        sizes = tuple(n * p for n, p in zip(x.shape[1:4], self.patch_size, strict=True))
        patches = self.linear.forward(x.reshape(len(x), -1, x.shape[-1]))
        return unpatchify(patches, sizes, self.patch_size, channels="first")

    def backward(self, grad):
        patches = patchify(np.ascontiguousarray(grad), self.patch_size, channels="first")
        return self.linear.backward(patches).reshape(self.pop())


class WindowedBlocks(Layer):
    """Blocks of a Transformer over a grid of tokens, (B, T, H, W, width); they look at each other within windows.

    So a grid of any size takes time that grows with its tokens alone, and places are always those that were learned.

    Parameters
    ----------
    window : tuple of three int
        How many tokens a window has along each axis; those at the far ends have fewer.
    width, n_heads, n_blocks : int
    unplaced : int
        So many of the numbers of a token stay as they are when those that tell its place are added.
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32
    """

    def __init__(self, window, width, n_heads, n_blocks, unplaced, *, rng, dtype=np.float32):
        super().__init__()
        self.window, self.unplaced = tuple(window), unplaced
        self.blocks = [TransformerBlock(width, n_heads, rng=rng, dtype=dtype) for _ in range(n_blocks)]
        for block in self.blocks:
            for layer in (block.attention.outward, block.outer):
                layer.weight.data *= dtype(0.1)  # the way around counts for most at first
                layer.bias.data[:] = 0

    def forward(self, x, lengths=None):
        B, d, places = len(x), x.shape[-1], grid_positions(x.shape[1:4])
        windows, inside = np.divmod(places, self.window)  # (P, 3) each
        order = np.lexsort(windows.T[::-1])
        lengths = np.tile(np.unique(windows, axis=0, return_counts=True)[1], B)
        table = np.zeros((len(places), d), x.dtype)
        placed = (d - self.unplaced) // 2 * 2
        table[:, d - placed :] = sinusoidal_positions(inside, placed)
        y = (x.reshape(B, -1, d) + table)[:, order].reshape(-1, d)
        for block in self.blocks:
            y = block.forward(y, lengths)
        self.push(order)
        return _put_back(y, order, x.shape)

    def backward(self, grad):
        order, d = self.pop(), grad.shape[-1]
        dy = grad.reshape(len(grad), -1, d)[:, order].reshape(-1, d)
        for block in reversed(self.blocks):
            dy = block.backward(dy)
        return _put_back(dy, order, grad.shape)


def _put_back(rows, order, shape):
    """Rows of all clips, each clip's in `order`, as they stand in the grid."""
    y = np.empty((shape[0], len(order), shape[-1]), rows.dtype)
    y[:, order] = rows.reshape(y.shape)
    return y.reshape(shape)


class Sample(Layer):
    """Means and logarithms of variances, (…, 2 C), become numbers drawn there ([1]_, section 2.4).

    ``z = μ + e^(s / 2) ε``. In evaluation ε is 0. The loss that keeps (μ, s) near the standard normal distribution,
    ``-½ mean(1 + s - μ² - e^s)``, adds its own gradient in ``backward``.

    References
    ----------
    .. [1] Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
    """

    def __init__(self, weight, rng):
        super().__init__()
        self.weight, self.rng = weight, rng

    def forward(self, x, lengths=None):
        mean, s = np.split(x, 2, axis=-1)
        if not self.training:
            return mean
        s = np.clip(s, -10, 10)
        noise = self.rng.standard_normal(mean.shape, np.float32).astype(x.dtype)
        self.push(mean, s, noise)
        return mean + np.exp(s / 2) * noise

    def backward(self, grad):
        mean, s, noise = self.pop()
        share = self.weight / mean.size
        d_mean = grad + share * mean
        d_s = grad * noise * np.exp(s / 2) / 2 + share * (np.exp(s) - 1) / 2
        return np.concatenate([d_mean, d_s], axis=-1)


class Decibels(Loss):
    """Ten times the logarithm of each item's mean squared error, the mean over items: less by 1 is 1 dB of PSNR more.

    Items that are easy to draw count as much as those of which nobody draws every blade of grass.

    Examples
    --------
    >>> prediction, target = np.array([[0.3, 0.1], [0.0, 1.0]]), np.array([[0.2, 0.2], [0.0, 0.0]])
    >>> round(Decibels()(prediction, target)[0], 2)
    -11.48
    """

    floor = 1e-4  # added to an item's error, so that none counts without end

    def __call__(self, prediction, target):
        difference = (prediction - target).reshape(len(prediction), -1)
        errors = np.square(difference).mean(axis=1, keepdims=True, dtype=np.float64) + self.floor
        self.count = len(prediction)
        scale = 20 / np.log(10) / (errors * difference.size)
        return float(10 * np.log10(errors).mean()), (difference * scale.astype(difference.dtype)).reshape(target.shape)


class VideoAutoencoder(NetworkModel):
    """A network that squeezes a clip into few numbers, in a grid over time and space, and draws it again from them.

    Patches of `patch_size` become `width` numbers each, a Transformer lets them talk ([1]_), and `latent_channels` are
    kept; the way back is the mirror image. What is kept is ``3 t h w / latent_channels`` times smaller than the clip.
    Training begins with the principal components of the patches, and finds what lies beyond. Patches talk within
    windows as large as the clips of ``fit``; so clips of any length and size can be squeezed that patches fill.

    Parameters
    ----------
    patch_size : tuple of three int, default (8, 8, 8)
        Compression along frames, height and width.
    latent_channels : int, default 32
        With the default patches: 48 times smaller.
    width : int, default 192
        At least 6 more than `latent_channels`, and a multiple of `n_heads`.
    n_blocks : int, default 2
        Blocks of the Transformer, on each side.
    n_heads : int, default 4
    variational : bool, default False
        Whether numbers are drawn around those that are kept, and these kept near a standard normal distribution, so
        that nearby latents look alike ([2]_).
    beta : float, default 1e-4
        The weight of that distance, a mean over the latents, beside the error.
    epochs, batch_size : int, default 20 and 32
    learning_rate : float, default 1e-3
    seed : int, default 1
    callbacks : sequence of callable, default ()
        Each is called with the trainer after every epoch; training ends if one returns True.

    Attributes
    ----------
    network_ : Layer
        ``network_.layers``: encoder and decoder.
    n_channels_ : int
    window_ : tuple of int
        Patches along each axis of the clips of ``fit``.
    loss_history_ : list of float
        Mean squared error of a clip, of brightness between -1 and 1, in decibel, the mean over clips; see
        :class:`Decibels`. The PSNR is about 6 less its value.

    Examples
    --------
    >>> clips = np.random.default_rng(0).integers(0, 255, (6, 4, 8, 8, 3)).astype(np.uint8)
    >>> model = VideoAutoencoder((2, 4, 4), latent_channels=2, width=8, n_blocks=1, epochs=1).fit(clips)
    >>> latents = model.transform(clips)
    >>> latents.shape, model.inverse_transform(latents).shape, model.compression
    ((6, 2, 2, 2, 2), (6, 4, 8, 8, 3), 48.0)

    References
    ----------
    .. [1] Yu et al., "Vector-quantized Image Modeling with Improved VQGAN", ICLR 2022: autoencoders of Transformers.
    .. [2] Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
    """

    weight_decay = 0.0

    def __init__(
        self,
        patch_size=(8, 8, 8),
        latent_channels=32,
        width=192,
        n_blocks=2,
        n_heads=4,
        variational=False,
        beta=1e-4,
        epochs=20,
        batch_size=32,
        learning_rate=1e-3,
        seed=1,
        callbacks=(),
    ):
        self.patch_size = patch_size
        self.latent_channels = latent_channels
        self.width = width
        self.n_blocks = n_blocks
        self.n_heads = n_heads
        self.variational = variational
        self.beta = beta
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed
        self.callbacks = callbacks

    @property
    def compression(self):
        """How many numbers of a clip there are for each that is kept."""
        return self.n_channels_ * float(np.prod(self.patch_size)) / self.latent_channels

    def fit(self, X, y=None):
        """Learn to draw clips again.

        Parameters
        ----------
        X : array, shape (n, frames, height, width, channels)
            uint8, or floats in [0, 1].

        Raises
        ------
        ValueError, TypeError
            For bad parameters, and for clips that patches do not fill.
        """
        self._check_training()
        if not isinstance(self.patch_size, tuple | list) or len(self.patch_size) != 3:
            raise ValueError(f"patch_size must be three numbers (frames, height, width), got {self.patch_size!r}")
        for name, minimum in (("latent_channels", 1), ("n_blocks", 0), ("n_heads", 1)):
            check_integer(name, getattr(self, name), minimum=minimum)
        # Six numbers tell the place of a token, two for each axis.
        check_integer("width", self.width, minimum=self.latent_channels + 6)
        check_number("beta", self.beta, minimum=0)
        X = self._fitting(X)
        self.n_channels_, self.window_ = X.shape[-1], token_grid(X.shape[1:4], self.patch_size)

        def batch(chosen, rng):
            x = centred(X[chosen])
            return x, x

        return self._train(Decibels(), len(X), batch, lambda network: self._begin(network, X))

    def transform(self, X):
        """The latents of clips.

        Returns
        -------
        array, shape (n, frames / t, height / h, width / w, latent_channels), float32
        """
        self._check_is_fitted()
        X = self._fitting(X)
        encoder = self.network_.layers[0]
        return self._in_batches(len(X), lambda some: encoder.forward(centred(X[some])))

    def inverse_transform(self, latents):
        """Clips drawn from latents.

        Returns
        -------
        array, shape (n, frames, height, width, channels), uint8

        Raises
        ------
        ValueError
            If the latents have another shape than :meth:`transform` gives.
        """
        self._check_is_fitted()
        latents = np.asarray(latents, np.float32)
        if latents.ndim != 5 or latents.shape[-1] != self.latent_channels or not latents.size:
            raise ValueError(
                f"latents must be (n, frames, height, width, {self.latent_channels}), got the shape {latents.shape}"
            )
        decoder = self.network_.layers[1]
        return self._in_batches(len(latents), lambda some: uncentred(decoder.forward(latents[some])))

    def _fitting(self, X):
        X = check_clips(X, 3)
        if self.__sklearn_is_fitted__() and hasattr(self, "network_") and X.shape[-1] != self.n_channels_:
            raise ValueError(f"X has {X.shape[-1]} channels; fit saw {self.n_channels_}")
        for name, size, p in zip(("frames", "height", "width"), X.shape[1:4], self.patch_size, strict=True):
            if size % p:
                raise ValueError(f"the {name} of X, {size}, must be a multiple of {p}: patch_size is {self.patch_size}")
        return X

    def _build(self, rng):
        d, kept = self.width, self.latent_channels
        blocks = self.window_, d, self.n_heads, self.n_blocks, kept
        encoder = [
            GridEmbedding(self.patch_size, self.n_channels_, d, rng=rng),
            WindowedBlocks(*blocks, rng=rng),
            Linear(d, kept * (2 if self.variational else 1), rng=rng),
        ]
        if self.variational:
            encoder.append(Sample(self.beta, rng))
        decoder = [
            Linear(kept, d, rng=rng),
            WindowedBlocks(*blocks, rng=rng),
            Unpatch(self.patch_size, d, self.n_channels_, rng=rng),
        ]
        return Sequential(Sequential(*encoder), Sequential(*decoder))

    def _begin(self, network, X):
        """Make the network, but for what its blocks add, the principal components of patches."""
        kept, rng = self.latent_channels, np.random.default_rng(self.seed)
        some = rng.permutation(len(X))[: max(1, _PATCHES // int(np.prod(self.window_)))]
        patches = patchify(centred(X[np.sort(some)]), self.patch_size, channels="first")
        patches = patches.reshape(-1, patches.shape[-1])
        mean = patches.mean(axis=0)
        patches = patches - mean
        with threadpool_limits(1):  # the same bits for any number of threads
            variances, components = np.linalg.eigh(patches.T @ patches / np.float32(len(patches)))
        n = min(self.width, len(variances))
        components = components[:, ::-1][:, :n]  # (p, n), of the largest variances
        deviations = np.sqrt(np.maximum(variances[::-1][:n], 0) + 1e-4)
        (embed, _, inward, *_), (outward, _, unpatch) = (part.layers for part in network.layers)
        embed.linear.weight.data[:, :n] = components / deviations
        embed.linear.bias.data[:n] = -mean @ (components / deviations)
        inward.weight.data *= np.float32(0.1)
        inward.weight.data[:kept, :kept] += np.eye(kept, dtype=np.float32)
        outward.weight.data *= np.float32(0.1)
        outward.weight.data[:, :kept] = np.eye(kept)
        unpatch.linear.weight.data *= np.float32(0.1)
        unpatch.linear.weight.data[:kept] = (components * deviations).T[:kept]
        unpatch.linear.bias.data[:] = mean


def check_autoencoder(autoencoder):
    """Another model's autoencoder: None, or a fitted VideoAutoencoder; else TypeError or NotFittedError."""
    if autoencoder is None:
        return
    if not isinstance(autoencoder, VideoAutoencoder):
        raise TypeError(f"autoencoder must be a VideoAutoencoder, got a {type(autoencoder).__name__}")
    autoencoder._check_is_fitted()
