"""VisionTransformer: pictures and clips as sequences of patches, read as a text is."""

import numpy as np

from embeddings.checks import check_choice, check_integer
from embeddings.nn import CrossEntropy, Layer, LayerNorm, Linear, MeanOverTime, Sequential, TransformerBlock
from embeddings.video.clips import centred, check_clips, check_labels
from embeddings.video.network_model import NetworkModel
from embeddings.video.patch_embedding import ClassToken, FirstToken, GridPositions, PatchEmbedding, token_grid


class SpaceTimeBlock(Layer):
    """Two blocks: patches of one time look at each other, then those of one place ([1]_, model 3).

    ``(B, T S, width)`` with T times of S places costs T S (T + S) looks instead of (T S)².

    Parameters
    ----------
    n_times : int
    width, n_heads : int
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32

    References
    ----------
    .. [1] Arnab et al., "ViViT: A Video Vision Transformer", ICCV 2021, section 3.3.
    """

    def __init__(self, n_times, width, n_heads, *, rng, dtype=np.float32):
        super().__init__()
        self.n_times = n_times
        self.space = TransformerBlock(width, n_heads, rng=rng, dtype=dtype)
        self.time = TransformerBlock(width, n_heads, rng=rng, dtype=dtype)

    def forward(self, x, lengths=None):
        B, P, d = x.shape
        self.push(x.shape)
        y = self.space.forward(x.reshape(-1, P // self.n_times, d))  # (B T, S, d)
        y = self.time.forward(self._turn(y.reshape(B, self.n_times, -1, d)))  # (B S, T, d)
        return self._turn(y.reshape(B, -1, self.n_times, d)).reshape(x.shape)

    def backward(self, grad):
        B, P, d = self.pop()
        dy = self.time.backward(self._turn(grad.reshape(B, self.n_times, -1, d)))
        dy = self._turn(dy.reshape(B, -1, self.n_times, d))
        return self.space.backward(dy).reshape(B, P, d)

    @staticmethod
    def _turn(x):
        """(B, a, b, d) as (B b, a, d)."""
        return np.ascontiguousarray(x.swapaxes(1, 2)).reshape(-1, x.shape[1], x.shape[3])


class VisionTransformer(NetworkModel):
    """Patches as tokens, a Transformer over them, and a class from what it made of them ([1]_; of clips: [2]_).

    Parameters
    ----------
    patch_size : tuple of int, default (2, 8, 8)
        (height, width) for pictures, (frames, height, width) for clips; must fill what is learned from.
    width : int, default 64
        Numbers of a token.
    n_layers, n_heads : int, default 3 and 4
    pooling : {"mean", "cls"}, default "mean"
        What stands for the whole: the mean of all tokens, or a token of its own that gathers it.
    attention : {"joint", "factorised"}, default "joint"
        Whether every patch looks at every other, or first at those of its time and then at those of its place; for
        clips, with ``pooling="mean"``.
    positions : {"sinusoidal", "learned"}, default "sinusoidal"
    epochs, batch_size : int, default 20 and 64
    learning_rate : float, default 2e-3
    seed : int, default 1
    callbacks : sequence of callable, default ()
        Each is called with the trainer after every epoch; training ends if one returns True.

    Attributes
    ----------
    network_ : Layer
    classes_ : list
        The labels, in order.
    sizes_ : tuple of int
    n_channels_ : int
    loss_history_ : list of float
        Mean loss per epoch.

    Examples
    --------
    >>> dark, light = np.zeros((8, 8, 8, 1), np.uint8), np.full((8, 8, 8, 1), 200, np.uint8)
    >>> model = VisionTransformer((4, 4), width=8, n_layers=1, n_heads=2, epochs=20)
    >>> model = model.fit(np.concatenate([dark, light]), ["dark"] * 8 + ["light"] * 8)
    >>> model.predict(light[:1]), model.transform(light).shape
    (['light'], (8, 8))

    References
    ----------
    .. [1] Dosovitskiy et al., "An Image is Worth 16×16 Words", ICLR 2021.
    .. [2] Arnab et al., "ViViT: A Video Vision Transformer", ICCV 2021.
    """

    weight_decay = 0.05

    def __init__(
        self,
        patch_size=(2, 8, 8),
        width=64,
        n_layers=3,
        n_heads=4,
        pooling="mean",
        attention="joint",
        positions="sinusoidal",
        epochs=20,
        batch_size=64,
        learning_rate=2e-3,
        seed=1,
        callbacks=(),
    ):
        self.patch_size = patch_size
        self.width = width
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.pooling = pooling
        self.attention = attention
        self.positions = positions
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed
        self.callbacks = callbacks

    def fit(self, X, y):
        """Learn to tell the labels.

        Parameters
        ----------
        X : array, shape (n, [frames,] height, width, channels)
            uint8, or floats in [0, 1].
        y : sequence of n labels

        Raises
        ------
        ValueError, TypeError
            For bad parameters, and for clips or labels that do not fit.
        """
        self._check_parameters()
        X = check_clips(X, len(self.patch_size))
        self.classes_, numbers = check_labels(y, len(X))
        self.sizes_, self.n_channels_ = X.shape[1:-1], X.shape[-1]
        token_grid(self.sizes_, self.patch_size)
        return self._train(CrossEntropy(), len(X), lambda chosen, rng: (centred(X[chosen]), numbers[chosen]))

    def transform(self, X):
        """What stands for the whole, before the class is told.

        Returns
        -------
        array, shape (n, width), float32
        """
        return self._run(X, slice(-1))

    def predict_proba(self, X):
        """The probability of each class, (n, n_classes), in the order of ``classes_``."""
        scores = self._run(X, slice(None))
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def predict(self, X):
        """The most probable label of each item, a list."""
        return [self.classes_[i] for i in self.predict_proba(X).argmax(axis=1)]

    def score(self, X, y):
        """The share of right labels."""
        return float(np.mean([a == b for a, b in zip(self.predict(X), np.asarray(y).tolist(), strict=True)]))

    def attention_weights(self, X, layer=-1):
        """How much each token looks at each other, for pictures.

        Parameters
        ----------
        X : array
            A few items.
        layer : int, default -1
            Which block; of a factorised one, the times of each place.

        Returns
        -------
        array, shape (n, n_heads, P, P), or (n, n_heads, places, times, times) where attention is factorised
            With ``pooling="cls"`` the first token is the class's.
        """
        X = self._checked(X)
        blocks = [
            i for i, part in enumerate(self.network_.layers) if isinstance(part, TransformerBlock | SpaceTimeBlock)
        ]
        self.network_.eval()
        y = centred(X)
        for part in self.network_.layers[: blocks[layer]]:
            y = part.forward(y)
        block = self.network_.layers[blocks[layer]]
        if isinstance(block, TransformerBlock):
            return np.stack(block.weights(y))
        T, d = block.n_times, y.shape[-1]
        turned = block._turn(block.space.forward(y.reshape(-1, y.shape[1] // T, d)).reshape(len(y), T, -1, d))
        weights = np.stack(block.time.weights(turned))  # (n S, heads, T, T)
        return weights.reshape(len(y), -1, *weights.shape[1:]).swapaxes(1, 2)

    def _check_parameters(self):
        self._check_training()
        if not isinstance(self.patch_size, tuple | list) or len(self.patch_size) not in (2, 3):
            raise ValueError(f"patch_size must be 2 numbers for pictures or 3 for clips, got {self.patch_size!r}")
        check_integer("width", self.width, minimum=1)
        check_integer("n_layers", self.n_layers, minimum=1)
        check_choice("pooling", self.pooling, ("mean", "cls"))
        if check_choice("attention", self.attention, ("joint", "factorised")) == "factorised":
            if len(self.patch_size) != 3 or self.pooling != "mean":
                raise ValueError('attention="factorised" is for clips, patch_size of 3 numbers, with pooling="mean"')

    def _build(self, rng):
        grid = token_grid(self.sizes_, self.patch_size)
        parts = [
            PatchEmbedding(self.patch_size, self.n_channels_, self.width, rng=rng),
            GridPositions(grid, self.width, self.positions, rng=rng),
        ]
        if self.pooling == "cls":
            parts.append(ClassToken(self.width, rng=rng))
        for _ in range(self.n_layers):
            if self.attention == "factorised":
                parts.append(SpaceTimeBlock(grid[0], self.width, self.n_heads, rng=rng))
            else:
                parts.append(TransformerBlock(self.width, self.n_heads, rng=rng))
        parts += [LayerNorm(self.width), MeanOverTime() if self.pooling == "mean" else FirstToken()]
        return Sequential(*parts, Linear(self.width, len(self.classes_), rng=rng))

    def _checked(self, X):
        self._check_is_fitted()
        X = check_clips(X, len(self.patch_size))
        if X.shape[1:] != (*self.sizes_, self.n_channels_):
            raise ValueError(f"X has items of shape {X.shape[1:]}; fit saw {(*self.sizes_, self.n_channels_)}")
        return X

    def _run(self, X, part):
        X = self._checked(X)

        def some(chosen):
            y = centred(X[chosen])
            for layer in self.network_.layers[part]:
                y = layer.forward(y)
            return y

        return self._in_batches(len(X), some)
