"""Autoencoders: pictures squeezed into a few numbers, and drawn again from them."""

import numpy as np

from embeddings import nn
from embeddings.checks import check_choice, check_integer, check_number
from embeddings.image.network import ImageNetwork


class Autoencoder(ImageNetwork):
    """A network that draws its own input, through a waist of `latent_dim` numbers.

    Without any ReLU it would find the subspace of principal components. Trained with Adam on the mean squared error of
    the pixels.

    Parameters
    ----------
    kind : {"dense", "conv"}, default "dense"
        Two dense layers on each side, or two convolutions that halve the picture, and their mirror image.
    latent_dim : int, default 32
    denoising : float, default 0.0
        Standard deviation of the noise on the pixels that the network sees; it has to draw the clean ones (Vincent
        et al. 2008).
    variational : bool, default False
        Whether the latent vector is drawn from a normal distribution that is kept near the standard one, so that any
        vector near 0 can be drawn (Kingma & Welling, "Auto-Encoding Variational Bayes", 2014).
    beta : float, default 1.0
        Weight of that nearness: the squared error counts as if pixels had a deviation of 0.3 around what is drawn.
    hidden : int, default 256
        Numbers of the dense layer before the waist.
    epochs : int, default 20
    batch_size : int, default 64
    learning_rate : float, default 0.002
        Falls to 0 along a cosine.
    seed : int, default 1

    Attributes
    ----------
    network_ : Sequential
        Noise, encoder, latent, decoder.
    shape_ : tuple
        Channels, rows and columns of the pictures.
    loss_history_ : list of float
        Mean squared error of an epoch's pixels.

    Examples
    --------
    >>> pictures = np.random.default_rng(0).random((20, 8, 8))
    >>> model = Autoencoder(latent_dim=3, hidden=16, epochs=2).fit(pictures)
    >>> model.transform(pictures).shape, model.inverse_transform(np.zeros((2, 3))).shape
    ((20, 3), (2, 8, 8))

    References
    ----------
    Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006.
    """

    # Channels of the convolutions.
    _channels = (16, 32)

    # The standard deviation of pixels around what is drawn, for the divergence of a variational one.
    _pixel_deviation = 0.3

    def __init__(
        self,
        kind="dense",
        latent_dim=32,
        *,
        denoising=0.0,
        variational=False,
        beta=1.0,
        hidden=256,
        epochs=20,
        batch_size=64,
        learning_rate=0.002,
        seed=1,
    ):
        self.kind = kind
        self.latent_dim = latent_dim
        self.denoising = denoising
        self.variational = variational
        self.beta = beta
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X, y=None):
        """Learn to draw pictures of one size; `y` is ignored. Returns the model."""
        check_choice("kind", self.kind, ("dense", "conv"))
        check_integer("latent_dim", self.latent_dim, 1)
        check_number("denoising", self.denoising, 0)
        check_choice("variational", self.variational, (True, False))
        check_number("beta", self.beta, 0)
        check_integer("hidden", self.hidden, 1)
        self._check_training()
        self.__dict__.pop("shape_", None)
        pixels = self._pixels(X)
        self.shape_ = pixels.shape[1:]
        self.network_ = self._build(np.random.default_rng(self.seed))
        steps = self.epochs * -(-len(pixels) // self.batch_size)
        trainer = nn.Trainer(
            self.network_,
            nn.MSE(),
            nn.Adam(self.network_.parameters(), self.learning_rate),
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed,
            schedule=nn.WarmUpCosine(steps),
            desc="autoencoder",
        )
        self.loss_history_ = trainer.fit(pixels, pixels).loss_history_
        return self

    def transform(self, X):
        """The latent vectors, (n, latent_dim), float32; of a variational one, their means."""
        self._check_is_fitted()
        _, encoder, latent, _ = self.network_.layers
        return self._through([encoder, latent], self._pixels(X))

    def inverse_transform(self, Z):
        """Pictures drawn from latent vectors: (n, height, width) or (n, height, width, 3), float32 from 0 to 1."""
        self._check_is_fitted()
        Z = np.asarray(Z, np.float32)
        if Z.ndim != 2 or Z.shape[1] != self.latent_dim or not len(Z):
            raise ValueError(f"Z must have the shape (n, {self.latent_dim}), n at least 1, got {Z.shape}")
        pixels = np.clip(self._through([self.network_.layers[3]], Z), 0, 1)
        return pixels[:, 0] if self.shape_[0] == 1 else np.moveaxis(pixels, 1, -1)

    def reconstruct(self, X):
        """The pictures as the network draws them: ``inverse_transform(transform(X))``."""
        return self.inverse_transform(self.transform(X))

    def _build(self, rng):
        n_code = self.latent_dim * (1 + bool(self.variational))
        encoder, decoder = (self._dense if self.kind == "dense" else self._convolutional)(n_code, rng)
        latent = nn.Sequential()
        if self.variational:
            # Squared errors are means over pixels: ‖x - y‖² / 2 σ² + β KL, times 2 σ² / pixels.
            latent = nn.Gaussian(self.beta * 2 * self._pixel_deviation**2 / int(np.prod(self.shape_)), rng=rng)
        return nn.Sequential(nn.Noise(self.denoising, rng=rng), encoder, latent, decoder)

    def _dense(self, n_code, rng):
        n = int(np.prod(self.shape_))
        encoder = nn.Flatten(), nn.Linear(n, self.hidden, rng=rng), nn.ReLU(), nn.Linear(self.hidden, n_code, rng=rng)
        decoder = (
            nn.Linear(self.latent_dim, self.hidden, rng=rng),
            nn.ReLU(),
            nn.Linear(self.hidden, n, rng=rng),
            nn.Reshape(*self.shape_),
        )
        return nn.Sequential(*encoder), nn.Sequential(*decoder)

    def _convolutional(self, n_code, rng):
        C, H, W = self.shape_
        few, many = self._channels
        # A convolution with stride 2 rounds up; the mirror image is cut to size.
        size = -(-H // 4), -(-W // 4)
        n = many * size[0] * size[1]
        encoder = (
            *(nn.Conv2d(C, few, 3, stride=2, padding=1, input_gradient=False, rng=rng), nn.ReLU()),
            *(nn.Conv2d(few, many, 3, stride=2, padding=1, rng=rng), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(n, self.hidden, rng=rng), nn.ReLU(), nn.Linear(self.hidden, n_code, rng=rng)),
        )
        decoder = (
            *(nn.Linear(self.latent_dim, self.hidden, rng=rng), nn.ReLU(), nn.Linear(self.hidden, n, rng=rng)),
            *(nn.ReLU(), nn.Reshape(many, *size), nn.Upsample2d(2)),
            *(nn.Conv2d(many, few, 3, padding="same", rng=rng), nn.ReLU(), nn.Upsample2d(2)),
            *(nn.Conv2d(few, C, 3, padding="same", rng=rng), nn.Crop(H, W)),
        )
        return nn.Sequential(*encoder), nn.Sequential(*decoder)
