"""VideoAutoencoder: clips made small in time and space, and large again."""

import numpy as np

from embeddings.checks import check_integer, check_number
from embeddings.nn import MSE, Conv3d, Layer, ReLU, Residual, Sequential
from embeddings.video.clips import centred, check_clips, uncentred
from embeddings.video.network_model import NetworkModel
from embeddings.video.patch_embedding import PatchEmbedding


class Unpatch(Layer):
    """Each place of a small grid becomes a patch: (B, width, T, H, W) to (B, C, t T, h H, w W).

    The inverse of :class:`PatchEmbedding`: one linear layer for all places, whose result is laid out.
    """

    def __init__(self, patch_size, width, n_channels, *, rng, dtype=np.float32):
        super().__init__()
        self.patch_size, self.n_channels = patch_size, n_channels
        # A kernel of one place is a linear layer.
        self.linear = Conv3d(width, n_channels * int(np.prod(patch_size)), 1, rng=rng, dtype=dtype)

    def forward(self, x, lengths=None):
        y = self.linear.forward(x)
        (t, h, w), (B, _, T, H, W) = self.patch_size, y.shape
        y = y.reshape(B, self.n_channels, t, h, w, T, H, W).transpose(0, 1, 5, 2, 6, 3, 7, 4)
        return np.ascontiguousarray(y).reshape(B, self.n_channels, T * t, H * h, W * w)

    def backward(self, grad):
        (t, h, w), (B, C, T, H, W) = self.patch_size, grad.shape
        grad = grad.reshape(B, C, T // t, t, H // h, h, W // w, w).transpose(0, 1, 3, 5, 7, 2, 4, 6)
        return self.linear.backward(np.ascontiguousarray(grad).reshape(B, -1, T // t, H // h, W // w))


class GridEmbedding(PatchEmbedding):
    """:class:`PatchEmbedding` whose tokens stay where they were: (B, C, T, H, W) to (B, width, T/t, H/h, W/w)."""

    def forward(self, x, lengths=None):
        self._grid = tuple(n // p for n, p in zip(x.shape[2:], self.patch_size, strict=True))
        y = super().forward(x)  # (B, P, width)
        return np.ascontiguousarray(y.swapaxes(1, 2)).reshape(len(x), -1, *self._grid)

    def backward(self, grad):
        return super().backward(np.ascontiguousarray(grad.reshape(*grad.shape[:2], -1).swapaxes(1, 2)))


class Sample(Layer):
    """Means and logarithms of variances, (B, 2 C, …), become numbers drawn there ([1]_, section 2.4).

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
        mean, s = np.split(x, 2, axis=1)
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
        return np.concatenate([d_mean, d_s], axis=1)


class VideoAutoencoder(NetworkModel):
    """A network that squeezes a clip into few numbers, in a grid over time and space, and draws it again from them.

    Patches of `patch_size` become `width` channels of a small grid, convolutions let neighbours talk, and
    `latent_channels` are kept; the way back is the mirror image. What is kept is
    ``3 t h w / latent_channels`` times smaller than the clip. Being convolutions, they take clips of any length and
    size that patches fill.

    Parameters
    ----------
    patch_size : tuple of three int, default (8, 4, 4)
        Compression along frames, height and width.
    latent_channels : int, default 8
        With the default patches: 48 times smaller.
    width : int, default 64
    n_blocks : int, default 2
        Residual blocks of two convolutions, on each side.
    variational : bool, default False
        Whether numbers are drawn around those that are kept, and these kept near a standard normal distribution, so
        that nearby latents look alike ([1]_).
    beta : float, default 1e-4
        The weight of that distance, a mean over the latents, beside the mean squared error.
    epochs, batch_size : int, default 20 and 16
    learning_rate : float, default 2e-3
    seed : int, default 1
    callbacks : sequence of callable, default ()
        Each is called with the trainer after every epoch; training ends if one returns True.

    Attributes
    ----------
    network_ : Layer
        ``network_.layers``: encoder and decoder.
    n_channels_ : int
    loss_history_ : list of float
        Mean squared error per epoch, of brightness between -1 and 1.

    Examples
    --------
    >>> clips = np.random.default_rng(0).integers(0, 255, (6, 4, 8, 8, 3)).astype(np.uint8)
    >>> model = VideoAutoencoder((2, 4, 4), latent_channels=2, width=8, n_blocks=1, epochs=1).fit(clips)
    >>> latents = model.transform(clips)
    >>> latents.shape, model.inverse_transform(latents).shape, model.compression
    ((6, 2, 2, 2, 2), (6, 4, 8, 8, 3), 48.0)

    References
    ----------
    .. [1] Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
    """

    weight_decay = 0.0

    def __init__(
        self,
        patch_size=(8, 4, 4),
        latent_channels=8,
        width=64,
        n_blocks=2,
        variational=False,
        beta=1e-4,
        epochs=20,
        batch_size=16,
        learning_rate=2e-3,
        seed=1,
        callbacks=(),
    ):
        self.patch_size = patch_size
        self.latent_channels = latent_channels
        self.width = width
        self.n_blocks = n_blocks
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
        for name, minimum in (("latent_channels", 1), ("width", 1), ("n_blocks", 0)):
            check_integer(name, getattr(self, name), minimum=minimum)
        check_number("beta", self.beta, minimum=0)
        X = self._fitting(X)
        self.n_channels_ = X.shape[-1]

        def batch(chosen, rng):
            x = centred(X[chosen])
            return x, x

        return self._train(MSE(), len(X), batch)

    def transform(self, X):
        """The latents of clips.

        Returns
        -------
        array, shape (n, frames / t, height / h, width / w, latent_channels), float32
        """
        self._check_is_fitted()
        X = self._fitting(X)
        encoder = self.network_.layers[0]
        latents = self._in_batches(len(X), lambda some: encoder.forward(centred(X[some])))
        return np.ascontiguousarray(np.moveaxis(latents, 1, -1))

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
        first = np.ascontiguousarray(np.moveaxis(latents, -1, 1))
        return self._in_batches(len(first), lambda some: uncentred(decoder.forward(first[some])))

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
        encoder = [GridEmbedding(self.patch_size, self.n_channels_, d, rng=rng), *self._blocks(rng)]
        encoder.append(Conv3d(d, kept * (2 if self.variational else 1), 1, rng=rng))
        if self.variational:
            encoder.append(Sample(self.beta, rng))
        decoder = [Conv3d(kept, d, (1, 3, 3), padding="same", rng=rng), *self._blocks(rng)]
        return Sequential(
            Sequential(*encoder), Sequential(*decoder, Unpatch(self.patch_size, d, self.n_channels_, rng=rng))
        )

    def _blocks(self, rng):
        blocks = []
        for i in range(self.n_blocks):
            # Along space, and in every second block along time.
            kernel = (1, 3, 3) if i % 2 == 0 else (3, 3, 3)
            last = Conv3d(self.width, self.width, kernel, padding="same", rng=rng)
            last.weight.data *= np.float32(0.1)  # the way around counts for most at first
            first = Conv3d(self.width, self.width, kernel, padding="same", rng=rng, relu=True)
            blocks.append(Residual(Sequential(ReLU(), first, last)))
        return blocks
