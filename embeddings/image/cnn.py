"""A small convolutional network, trained on labelled pictures; a layer of it is the embedding."""

import numpy as np

from embeddings import nn
from embeddings.checks import check_choice, check_integer
from embeddings.image.network import ImageNetwork
from kernels.stage import Stages

# Fewer pictures than these are looked at one by one.
FEW = 8


class CNN(ImageNetwork):
    """Pictures to vectors that tell their classes apart.

    Each stage is a convolution, the largest number of every 2 × 2 places, and a ReLU; then come a dense layer with a
    ReLU and one that scores the classes. Trained with Adam on the cross-entropy.

    Parameters
    ----------
    channels : tuple of int, default (16, 32)
        Of the convolutions.
    kernel_size : int, default 5
    hidden : int, default 64
        Numbers of the dense layer.
    layer : str, default "hidden"
        Whose activations are the embedding: ``"conv1"``, ``"pool1"`` (after its ReLU), ``"conv2"`` …, ``"hidden"`` or
        ``"scores"``. Places are laid side by side.
    epochs : int, default 20
    batch_size : int, default 64
    learning_rate : float, default 0.002
        Falls to 0 along a cosine.
    seed : int, default 1

    Attributes
    ----------
    network_ : Sequential
    classes_ : array or list of str
        The labels, sorted.
    shape_ : tuple
        Channels, rows and columns of the pictures.
    mean_, deviation_ : float
        Of all pixels seen in training; taken away and divided by.
    loss_history_ : list of float

    Examples
    --------
    Bars that stand, and bars that lie:

    >>> pictures = np.zeros((40, 16, 16), np.float32)
    >>> for i in range(20):
    ...     pictures[i, :, 4 + i % 8] = pictures[20 + i, 4 + i % 8] = 1
    >>> model = CNN(epochs=20, batch_size=8).fit(pictures, ["stands"] * 20 + ["lies"] * 20)
    >>> model.predict(pictures[[3, 27]]).tolist()
    ['stands', 'lies']
    >>> model.transform(pictures).shape
    (40, 64)

    References
    ----------
    LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998.
    """

    def __init__(
        self,
        channels=(16, 32),
        kernel_size=5,
        hidden=64,
        *,
        layer="hidden",
        epochs=20,
        batch_size=64,
        learning_rate=0.002,
        seed=1,
    ):
        self.channels = channels
        self.kernel_size = kernel_size
        self.hidden = hidden
        self.layer = layer
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X, y):
        """Learn from pictures of one size and a label for each. Returns the model.

        Parameters
        ----------
        X : array or list of pictures
            Grey (height, width) or RGB (height, width, 3).
        y : sequence of int, bool or str
        """
        self._check()
        self.__dict__.pop("shape_", None)
        pixels = self._pixels(X)
        labels = self._labels(y, len(pixels))
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y must hold at least two classes, got {classes.tolist()}")
        self._check_size(pixels.shape[2:])
        self.shape_ = pixels.shape[1:]
        self.classes_ = classes.tolist() if classes.dtype.kind == "U" else classes
        self.mean_ = float(pixels.mean(dtype=np.float64))
        self.deviation_ = float(pixels.std(dtype=np.float64)) or 1.0
        self.network_ = self._build(np.random.default_rng(self.seed))
        steps = self.epochs * -(-len(pixels) // self.batch_size)
        trainer = nn.Trainer(
            self.network_,
            nn.CrossEntropy(),
            nn.Adam(self.network_.parameters(), self.learning_rate),
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed,
            schedule=nn.WarmUpCosine(steps),
            desc="CNN",
        )
        self.loss_history_ = trainer.fit(self._normal(pixels), numbers).loss_history_
        self._lay_out()
        return self

    def fit_transform(self, X, y):
        """``fit(X, y).transform(X)``."""
        return self.fit(X, y).transform(X)

    def transform(self, X):
        """The embeddings: activations of the layer, (n, numbers), float32."""
        made = self.activations(X)
        return made.reshape(len(made), -1)

    def activations(self, X, layer=None):
        """What a layer makes of pictures: maps (n, channels, rows, columns), or (n, numbers).

        Parameters
        ----------
        layer : str, optional
            By default the model's own.
        """
        self._check_is_fitted()
        names = self._names()
        layer = check_choice("layer", self.layer if layer is None else layer, tuple(names))
        return self._through(self.network_.layers[: names[layer]], self._normal(self._pixels(X)))

    def predict_proba(self, X):
        """Probabilities of the classes, (n, classes), in the order of ``classes_``."""
        scores = self._score(X)
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def predict(self, X):
        """The likeliest class of each picture."""
        return np.asarray(self.classes_)[self._score(X).argmax(axis=1)]

    def score(self, X, y):
        """The share of pictures whose class is right."""
        found = self.predict(X)
        return float(np.mean(found == self._labels(y, len(found))))

    def _score(self, X):
        self._check_is_fitted()
        pixels = self._normal(self._pixels(X))
        if len(pixels) < FEW:
            return np.stack([self._stages(picture) for picture in pixels])
        return self._through([self.network_], pixels)

    def _lay_out(self):
        learned = [(layer.weight.data, layer.bias.data) for layer in self.network_.layers if hasattr(layer, "weight")]
        self._stages = Stages(self.shape_, learned[:-2], *learned[-2:])

    def _set_state(self, state):
        super()._set_state(state)
        self._lay_out()

    def _check(self):
        if not isinstance(self.channels, tuple | list) or not self.channels:
            raise ValueError(f"channels must be a tuple of at least one number, got {self.channels!r}")
        for n in self.channels:
            check_integer("channels", n, 1)
        check_integer("kernel_size", self.kernel_size, 1)
        check_integer("hidden", self.hidden, 1)
        check_choice("layer", self.layer, tuple(self._names()))
        self._check_training()

    def _labels(self, y, n):
        labels = np.asarray(y)
        if labels.ndim != 1 or len(labels) != n or labels.dtype.kind not in "iubU":
            raise ValueError(
                f"y must hold one label (int, bool or str) for each of {n} pictures, got {labels.dtype} of shape "
                f"{labels.shape}"
            )
        return labels

    def _check_size(self, size):
        needed = 1
        for _ in self.channels:
            needed = 2 * needed + self.kernel_size - 1
        if min(size) < needed:
            raise ValueError(
                f"pictures must be at least {needed} × {needed} for {len(self.channels)} stages with kernel_size="
                f"{self.kernel_size}, got {size[0]} × {size[1]}"
            )

    def _names(self):
        """How many layers of the network make each named one."""
        names = {}
        for stage in range(len(self.channels)):
            names[f"conv{stage + 1}"], names[f"pool{stage + 1}"] = 3 * stage + 1, 3 * stage + 3
        behind = 3 * len(self.channels) + 1  # Flatten
        return {**names, "hidden": behind + 2, "scores": behind + 3}

    def _build(self, rng):
        C, H, W = self.shape_
        layers = []
        for i, n_out in enumerate(self.channels):
            layers.append(nn.Conv2d(C, n_out, self.kernel_size, input_gradient=i > 0, rng=rng))
            # A ReLU after the pool gives what one before it would, from a quarter of the numbers.
            layers += [nn.MaxPool2d(2), nn.ReLU()]
            C, H, W = n_out, (H - self.kernel_size + 1) // 2, (W - self.kernel_size + 1) // 2
        layers += [nn.Flatten(), nn.Linear(C * H * W, self.hidden, rng=rng), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(self.hidden, len(self.classes_), rng=rng))

    def _normal(self, pixels):
        return (pixels - np.float32(self.mean_)) * np.float32(1 / self.deviation_)
