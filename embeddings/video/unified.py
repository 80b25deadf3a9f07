"""UnifiedEncoder: texts, pictures, clips and sounds through one Transformer into one space."""

import numpy as np

from embeddings.checks import check_integer, check_number
from embeddings.nn import Embedding, InfoNCE, Layer, LayerNorm, Linear, Parameter, TransformerBlock
from embeddings.nn.losses import Loss
from embeddings.text.tokenizer import tokenize
from embeddings.video.audio import log_mel
from embeddings.video.clips import centred, check_clips
from embeddings.video.network_model import NetworkModel
from embeddings.video.patch_embedding import PatchEmbedding, token_grid
from embeddings.video.positions import grid_positions, sinusoidal_positions

MODALITIES = ("text", "image", "clip", "sound")
_LOUDNESS = 80.0  # decibel from the softest to the loudest of a spectrogram


class UnifiedNetwork(Layer):
    """One Transformer for tokens of every kind.

    ``forward`` takes a dict from modalities to batches, as :class:`UnifiedEncoder` prepares them, and gives the vectors
    of all items, modality after modality: (items of all, width). All tokens stand one behind the other, and each item's
    look at each other alone.

    Parameters
    ----------
    n_words : int
        Rows of the table of words.
    patches : dict of str to (patch_size, n_channels, positions)
        For pictures, clips and sounds.
    width, n_layers, n_heads : int
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32
    """

    def __init__(self, n_words, patches, width, n_layers, n_heads, *, rng, dtype=np.float32):
        super().__init__()
        self.text = Embedding(n_words, width, scale=0.1, rng=rng, dtype=dtype)
        self.names, self.places = list(patches), {}
        self.patches = []
        for name, (patch_size, n_channels, places) in patches.items():
            self.patches.append(PatchEmbedding(patch_size, n_channels, width, rng=rng, dtype=dtype))
            self.places[name] = places.astype(dtype)
        self.modality = Parameter(rng.normal(0, 0.1, (len(MODALITIES), width)).astype(dtype))
        self.blocks = [TransformerBlock(width, n_heads, rng=rng, dtype=dtype) for _ in range(n_layers)]
        self.norm = LayerNorm(width, dtype=dtype)
        self.outward = Linear(width, width, rng=rng, dtype=dtype)

    def forward(self, x, lengths=None):
        rows, sizes, kept = [], [], []
        for name, batch in x.items():
            if name == "text":
                words, counts = batch  # (R,) of all texts, (n,)
                starts = np.cumsum(counts) - counts
                places = np.arange(len(words)) - np.repeat(starts, counts)
                tokens = self.text.forward(words) + sinusoidal_positions(places[:, None], self.norm.weight.data.size)
            else:
                tokens = self.patches[self.names.index(name)].forward(batch) + self.places[name]
                counts = np.full(len(tokens), tokens.shape[1])
                tokens = tokens.reshape(-1, tokens.shape[2])
            rows.append(tokens + self.modality.data[MODALITIES.index(name)])
            sizes.append(counts)
            kept.append((name, len(tokens)))
        y, lengths = np.concatenate(rows), np.concatenate(sizes)
        for block in self.blocks:
            y = block.forward(y, lengths)
        y = self.norm.forward(y)
        # The mean of each item's tokens.
        means = np.add.reduceat(y, np.cumsum(lengths) - lengths, axis=0) / lengths[:, None].astype(y.dtype)
        self.push(kept, lengths)
        return self.outward.forward(means)

    def backward(self, grad):
        kept, lengths = self.pop()
        means = self.outward.backward(grad) / lengths[:, None].astype(grad.dtype)
        dy = self.norm.backward(np.repeat(means, lengths, axis=0))
        for block in reversed(self.blocks):
            dy = block.backward(dy)
        ends = np.cumsum([n for _, n in kept])
        for (name, n), end in zip(kept, ends, strict=True):
            part = dy[end - n : end]
            self.modality.grad[MODALITIES.index(name)] += part.sum(axis=0)
            if name == "text":
                self.text.backward(part)
            else:
                layer = self.patches[self.names.index(name)]
                layer.backward(part.reshape(-1, len(self.places[name]), part.shape[1]))


class PairsOfForms(Loss):
    """The mean of :class:`InfoNCE` over pairs of forms: (M N, d), the N items in each of M forms in turn.

    Parameters
    ----------
    temperature : float
    pairs : list of (int, int)
        Which of the forms are to find each other.
    """

    def __init__(self, temperature, pairs):
        self.temperature, self.pairs = temperature, pairs

    def __call__(self, prediction, target):
        """`target`, (N,), has the same number for items that say the same: they need not be told apart."""
        self.count = len(target)
        parts = np.split(prediction, len(prediction) // self.count)
        loss, grads = InfoNCE(self.temperature), [np.zeros_like(part) for part in parts]
        total = 0.0
        for i, j in self.pairs:
            value, grad = loss(np.concatenate([parts[i], parts[j]]), target)
            total += value / len(self.pairs)
            for k, part in ((i, grad[: self.count]), (j, grad[self.count :])):
                grads[k] += part / grad.dtype.type(len(self.pairs))
        return total, np.concatenate(grads)


class UnifiedEncoder(NetworkModel):
    """One vector for a text, a picture, a clip or a sound; those that belong together are near each other.

    The tokens of a text, and the patches of a picture, a clip and a log-mel spectrogram, are projected to one width;
    what kind they are and where they lie is added, and one Transformer reads all. It learns from items of which several
    forms are known: of all items of a batch, each form is to find the others of its own item ([1]_). Items of the same
    texts need not be told apart. Nor need pictures and clips find each other: they would do so by their backgrounds, of
    which no text and no sound tells.

    Parameters
    ----------
    width : int, default 64
    n_layers, n_heads : int, default 3 and 4
    clip_patch : tuple of three int, default (4, 8, 8)
    image_patch : tuple of two int, default (8, 8)
    sound_patch : int, default 3
        Frames of the spectrogram; a patch holds all its bands.
    n_fft, hop_length, n_mels : int, default 512, 125 and 64
        Of the spectrogram; see :func:`log_mel`.
    temperature : float, default 0.1
    epochs, batch_size : int, default 20 and 64
    learning_rate : float, default 2e-3
    seed : int, default 1
    callbacks : sequence of callable, default ()
        Each is called with the trainer after every epoch; training ends if one returns True.

    Attributes
    ----------
    words_ : list of str
        The words that were learned; row 0 of the table stands for all others.
    modalities_ : list of str
    shapes_ : dict of str to tuple
        Of one item of each modality.
    sample_rate_ : int
    loss_history_ : list of float

    Examples
    --------
    >>> from embeddings.datasets import moving_shapes
    >>> world = moving_shapes(8, size=16, frames=4)
    >>> model = UnifiedEncoder(width=8, n_layers=1, n_heads=2, epochs=1)
    >>> model = model.fit(text=world.captions, clip=world.clips, sound=world.sounds, sample_rate=4000)
    >>> model.transform(world.captions[:2], "text").shape, model.transform(world.clips, "clip").shape
    ((2, 8), (8, 8))

    References
    ----------
    .. [1] Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.
    """

    def __init__(
        self,
        width=64,
        n_layers=3,
        n_heads=4,
        clip_patch=(4, 8, 8),
        image_patch=(8, 8),
        sound_patch=3,
        n_fft=512,
        hop_length=125,
        n_mels=64,
        temperature=0.1,
        epochs=20,
        batch_size=64,
        learning_rate=2e-3,
        seed=1,
        callbacks=(),
    ):
        self.width = width
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.clip_patch = clip_patch
        self.image_patch = image_patch
        self.sound_patch = sound_patch
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.temperature = temperature
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed
        self.callbacks = callbacks

    def fit(self, text, image=None, clip=None, sound=None, sample_rate=None):
        """Learn from items of which two or more forms are known.

        Parameters
        ----------
        text : list of str, or list of lists of str
            The texts of each item; several (in two languages) are used in turn.
        image : array, shape (n, height, width, channels), optional
        clip : array, shape (n, frames, height, width, channels), optional
        sound : array, shape (n, samples), of floats, optional
        sample_rate : int
            Of the sounds; needed with them.

        Raises
        ------
        ValueError, TypeError
            If only texts are given, they are not equally many, or for items and parameters that do not fit.
        """
        self._check_training()
        if check_number("temperature", self.temperature) <= 0:
            raise ValueError(f"temperature must be above 0, got {self.temperature!r}")
        given = {"image": image, "clip": clip, "sound": sound}
        given = {name: values for name, values in given.items() if values is not None}
        if not given:
            raise ValueError("pairs are needed: pass image, clip or sound beside text")
        texts = [[item] if isinstance(item, str) else list(item) for item in text]
        n = len(texts)
        if n < 2 or not all(texts):
            raise ValueError(f"text must be at least two items, each with a text; got {n}")
        for name, values in given.items():
            if len(values) != n:
                raise ValueError(f"text and {name} must be equally many, got {n} and {len(values)}")
        if "sound" in given:
            if sample_rate is None:
                raise ValueError("sound needs sample_rate")
            self.sample_rate_ = check_integer("sample_rate", sample_rate, minimum=1)
        found = {word for item in texts for one in item for word in tokenize(one)}
        self.words_ = sorted(found) or [""]
        self.modalities_ = ["text", *given]
        given = {name: self._array(values, name) for name, values in given.items()}
        self.shapes_ = {name: values.shape[1:] for name, values in given.items()}
        if "sound" in given:
            given["sound"] = self._spectrograms(given["sound"])

        numbers = {}
        same = np.array([numbers.setdefault(tuple(item), len(numbers)) for item in texts])

        def batch(chosen, rng):
            x = {"text": self._words([texts[i][rng.integers(len(texts[i]))] for i in chosen])}
            for name, values in given.items():
                x[name] = values[chosen] if name == "sound" else centred(values[chosen])
            return x, same[chosen]

        names = self.modalities_
        pairs = [(i, j) for j in range(len(names)) for i in range(j) if {names[i], names[j]} != {"image", "clip"}]
        return self._train(PairsOfForms(self.temperature, pairs), n, batch)

    def transform(self, X, modality="text"):
        """The vectors of texts, pictures, clips or sounds.

        Parameters
        ----------
        X : list of str, or array
            As for :meth:`fit`; unknown words are read as one word.
        modality : {"text", "image", "clip", "sound"}, default "text"

        Returns
        -------
        array, shape (n, width), float32
            Each of length 1.

        Raises
        ------
        ValueError, TypeError
            For a modality that was not learned, and for items that are not as those of ``fit``.
        """
        self._check_is_fitted()
        if modality not in self.modalities_:
            raise ValueError(f"modality must be one of {', '.join(map(repr, self.modalities_))}, got {modality!r}")
        if modality == "text":
            if isinstance(X, str) or not all(isinstance(text, str) for text in X):
                raise TypeError("texts must be a list of strings")
            prepare = self._words
        else:
            X = self._array(X, modality)
            if X.shape[1:] != self.shapes_[modality]:
                raise ValueError(f"{modality} has items of {X.shape[1:]}; fit saw {self.shapes_[modality]}")
            prepare = self._spectrograms if modality == "sound" else centred
        if not len(X):
            return np.zeros((0, self.width), np.float32)
        vectors = self._in_batches(len(X), lambda some: self.network_.forward({modality: prepare(X[some])}))
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def _array(self, values, name):
        if name != "sound":
            return check_clips(values, 2 if name == "image" else 3, name)
        values = np.asarray(values)
        if values.ndim != 2 or values.dtype.kind != "f" or not values.size:
            raise ValueError(f"sound must be floats of shape (n, samples), got {values.dtype} of {values.shape}")
        return values

    def _words(self, texts):
        """Numbers of all words, and how many each text has; a text without words is one unknown word."""
        number = {word: i for i, word in enumerate(self.words_, 1)}
        rows = [[number.get(word, 0) for word in tokenize(text)] or [0] for text in texts]
        return np.array([i for row in rows for i in row]), np.array([len(row) for row in rows])

    def _spectrograms(self, sounds):
        """(n, 1, bands, frames), as many frames as patches fill, loudness between -1 and 1."""
        frames = (1 + sounds.shape[1] // self.hop_length) // self.sound_patch * self.sound_patch
        if not frames:
            raise ValueError(
                f"sounds of {sounds.shape[1]} samples are shorter than a patch of {self.sound_patch} frames"
            )
        found = np.empty((len(sounds), 1, self.n_mels, frames), np.float32)
        for i, samples in enumerate(sounds):
            loud = log_mel(samples, self.sample_rate_, self.n_fft, self.hop_length, self.n_mels, top_db=_LOUDNESS)
            found[i, 0] = (loud[:, :frames] - loud.max()) * (2 / _LOUDNESS) + 1
        return found

    def _build(self, rng):
        patches = {}
        for name, shape in self.shapes_.items():
            if name == "sound":
                frames = (1 + shape[0] // self.hop_length) // self.sound_patch
                size, channels, grid = (self.n_mels, self.sound_patch), 1, (1, frames)
            else:
                size = self.image_patch if name == "image" else self.clip_patch
                channels, grid = shape[-1], token_grid(shape[:-1], size)
            # (t, y, x) for all: a picture is at time 0, and a spectrogram is as high as a patch.
            places = grid_positions((1,) * (3 - len(grid)) + grid)
            if name == "sound":
                places = places[:, [2, 1, 0]]
            patches[name] = size, channels, sinusoidal_positions(places, self.width)
        arguments = len(self.words_) + 1, patches, self.width, self.n_layers, self.n_heads
        return UnifiedNetwork(*arguments, rng=rng)

    def _get_state(self):
        state = super()._get_state()
        shapes = state.pop("shapes_")
        return {**state, "shape_names_": list(shapes), "shape_values_": [list(shape) for shape in shapes.values()]}

    def _set_state(self, state):
        names, values = state.pop("shape_names_"), state.pop("shape_values_")
        self.shapes_ = {name: tuple(shape) for name, shape in zip(names, values, strict=True)}
        super()._set_state(state)
