"""DiffusionTransformer: clips drawn from noise, token by token of spacetime, as asked for."""

import itertools

import numpy as np

from embeddings.checks import check_integer, check_number
from embeddings.nn import MSE
from embeddings.progress import progress
from embeddings.video.autoencoder import VideoAutoencoder, check_autoencoder
from embeddings.video.clips import centred, check_clips, uncentred
from embeddings.video.denoising import DenoisingTransformer
from embeddings.video.network_model import NetworkModel
from embeddings.video.patch_embedding import token_grid
from embeddings.video.patches import patchify, unpatchify

_PREFIX = "autoencoder."  # of what it has learned, in a file
_MEASURED = 256  # clips whose tokens are looked at together
_RESTART = 0.6, 0.85  # where noise is added again, and up to where


def signal_share(time):
    """How much of a clip is left at a time between 0 (all) and 1 (only noise): ᾱ = cos²(π t / 2) ([1]_, equation 17).

    References
    ----------
    .. [1] Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models", ICML 2021.

    Examples
    --------
    >>> signal_share(np.array([0.0, 0.5, 1.0])).round(3).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.cos(np.pi * np.asarray(time) / 2) ** 2


def _strengths(time):
    """√ᾱ and √(1 - ᾱ), of the clip and of the noise, float32."""
    share = signal_share(time)
    return np.sqrt(share).astype(np.float32), np.sqrt(1 - share).astype(np.float32)


def _moves(steps, restarts):
    """From which time to which one each step leads.

    Examples
    --------
    >>> [(float(now), float(then)) for now, then in _moves(4, 1)]
    [(1.0, 0.75), (0.75, 0.5), (0.5, 0.75), (0.75, 0.5), (0.5, 0.25), (0.25, 0.0)]
    """
    times = np.linspace(1, 0, steps + 1)
    back, begin = (int(np.argmin(abs(times - time))) for time in _RESTART)
    order = list(range(steps + 1))
    if back > begin:
        order[back + 1 : back + 1] = list(range(begin, back + 1)) * restarts
    return [(times[i], times[j]) for i, j in itertools.pairwise(order)]


def _names(labels):
    """Of labels that can be learned, in the order of the alphabet."""
    if not isinstance(labels, dict):
        raise TypeError(
            f"labels must be a dict of names to whole numbers, such as {{'colour': [0, 2, 1]}}, got a "
            f"{type(labels).__name__}"
        )
    if not labels:
        raise ValueError("labels must have at least one name")
    for name, values in labels.items():
        kind = np.asarray(values).dtype
        if kind.kind not in "iu":
            raise ValueError(
                f"labels[{name!r}] must be whole numbers from 0, got {kind}; words can be numbered with "
                "np.unique(words, return_inverse=True)"
            )
    return sorted(labels)


class VelocityError(MSE):
    """The squared error of x, over how much noise there was: ``mean((x̂ - x)² / (1 - ᾱ))``.

    That is the error of ``v = √ᾱ ε - √(1 - ᾱ) x``, if x̂ is what a guess of v says of x ([1]_, section 4). A share of
    noise below 1/20 counts as 1/20.

    References
    ----------
    .. [1] Salimans & Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", ICLR 2022.

    Examples
    --------
    The target is what is to be told, and √(1 - ᾱ):

    >>> VelocityError()(np.array([[1.0]]), (np.array([[2.0]]), np.array([[0.5]])))
    (4.0, array([[-8.]]))
    """

    least = 0.05

    def __call__(self, prediction, target):
        x, noise = target
        noise = np.maximum(noise, np.sqrt(x.dtype.type(self.least)))
        value, grad = super().__call__(prediction / noise, x / noise)
        return value, grad / noise


class DiffusionTransformer(NetworkModel):
    """Clips from noise: a Transformer over spacetime patches that was taught to take noise away ([1]_, [2]_).

    ``x_t = √ᾱ x + √(1 - ᾱ) ε``; the network sees x_t and tells x, and errs the more, the less noise there is to excuse
    it (:class:`VelocityError`). To draw, one begins with noise alone, and goes from time to time along what the network
    tells (DDIM, [3]_, equation 12, without new noise). What was decided too early can be thought over: ``restarts``.
    Tokens are centred, and scaled to deviate by 1.

    With an autoencoder, x is a clip's latent ([5]_): far fewer numbers, none of which the network has to spend on what
    all clips have in common.

    Parameters
    ----------
    patch_size : tuple of three int, default (2, 4, 4)
        Of a token, in the clip; with an autoencoder, in its latents.
    width : int, default 96
    n_layers, n_heads : int, default 4 and 4
    unconditional : float, default 0.1
        The share of clips whose labels are not told in training, so that ``guidance`` can tell what they change ([4]_).
    autoencoder : VideoAutoencoder, optional
        Fitted, on clips such as these; it is saved with the model.
    epochs, batch_size : int, default 40 and 32
    learning_rate : float, default 1e-3
    seed : int, default 1
    callbacks : sequence of callable, default ()
        Each is called with the trainer after every epoch; training ends if one returns True.

    Attributes
    ----------
    names_ : list of str
        Of the labels, in the order of the network's tables.
    n_labels_ : list of int
        How many values each has.
    sizes_ : tuple of int
        Of what is cut into tokens: clips or latents.
    n_channels_ : int
    centre_, bound_ : array, shape (numbers of a token,), float32
        What is taken from tokens before noise is added; how large they are at most when they are scaled, too.
    scale_ : float
        What tokens are divided by.
    loss_history_ : list of float

    Examples
    --------
    >>> from embeddings.datasets import moving_shapes
    >>> world = moving_shapes(8, size=16, frames=4, background="plain")
    >>> model = DiffusionTransformer((2, 8, 8), width=8, n_layers=1, n_heads=2, epochs=1).fit(world.clips, world.labels)
    >>> model.sample({name: values[:2] for name, values in world.labels.items()}, steps=2, seed=0).shape
    (2, 4, 16, 16, 3)

    References
    ----------
    .. [1] Ho, Jain & Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020.
    .. [2] Peebles & Xie, "Scalable Diffusion Models with Transformers", ICCV 2023.
    .. [3] Song, Meng & Ermon, "Denoising Diffusion Implicit Models", ICLR 2021.
    .. [4] Ho & Salimans, "Classifier-Free Diffusion Guidance", 2022.
    .. [5] Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", CVPR 2022.
    .. [6] Xu et al., "Restart Sampling for Improving Generative Processes", NeurIPS 2023.
    """

    weight_decay = 0.0

    def __init__(
        self,
        patch_size=(2, 4, 4),
        width=96,
        n_layers=4,
        n_heads=4,
        unconditional=0.1,
        autoencoder=None,
        epochs=40,
        batch_size=32,
        learning_rate=1e-3,
        seed=1,
        callbacks=(),
    ):
        self.patch_size = patch_size
        self.width = width
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.unconditional = unconditional
        self.autoencoder = autoencoder
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed
        self.callbacks = callbacks

    def fit(self, X, labels):
        """Learn to take noise away.

        Parameters
        ----------
        X : array, shape (n, frames, height, width, channels)
            uint8, or floats in [0, 1].
        labels : dict of str to array, shape (n,), int
            What can be asked for, as numbers from 0.

        Raises
        ------
        ValueError, TypeError
            For bad parameters, clips and labels.
        NotFittedError
            For an autoencoder that has learned nothing.
        """
        self._check_training()
        check_number("unconditional", self.unconditional, minimum=0, maximum=1)
        check_autoencoder(self.autoencoder)
        X = check_clips(X, 3) if self.autoencoder is None else self.autoencoder.transform(X)
        self._check_patches(X.shape[1:4])
        self.sizes_, self.n_channels_ = X.shape[1:4], X.shape[4]
        self.names_ = _names(labels)
        self.n_labels_ = [int(np.max(labels[name], initial=0)) + 1 for name in self.names_]
        told = self._numbers(labels, len(X))
        self._measure(X)

        def batch(chosen, rng):
            tokens = self._tokens(X[chosen])
            times = rng.uniform(0, 1, len(chosen))
            signal, noise = _strengths(times[:, None, None])
            noisy = signal * tokens + noise * rng.standard_normal(tokens.shape, np.float32)
            asked = np.where(rng.random((len(chosen), 1)) < self.unconditional, self.n_labels_, told[chosen])
            return (noisy, times, asked), (tokens, noise)

        return self._train(VelocityError(), len(X), batch)

    def sample(self, labels, steps=25, guidance=1.5, restarts=0, seed=0):
        """Draw clips.

        Parameters
        ----------
        labels : dict of str to array, shape (n,), int
            What is asked for; a name that is left out is not told.
        steps : int, default 25
        guidance : float, default 1.5
            1 follows the network that is told the labels; more goes beyond, away from the one that is not.
        restarts : int, default 0
            How often noise is added again, from time 0.6 back to 0.85, and taken away anew ([6]_): errors made where
            shapes are decided grow smaller each time. One takes a quarter of the steps; where there is one step alone,
            there is none.
        seed : int, default 0
            Of the noise.

        Returns
        -------
        array, shape (n, frames, height, width, channels), uint8
        """
        *_, last = self._guesses(labels, steps, guidance, restarts, seed)
        return self._clips(last)

    def steps(self, labels, steps=25, guidance=1.5, restarts=0, seed=0):
        """Yield the clips as the network guesses them at each step, the last one being what :meth:`sample` gives."""
        yield from map(self._clips, self._guesses(labels, steps, guidance, restarts, seed))

    def _guesses(self, labels, steps, guidance, restarts, seed):
        """Yield the tokens that the network guesses at each step."""
        self._check_is_fitted()
        steps, guidance = check_integer("steps", steps, minimum=1), check_number("guidance", guidance, minimum=0)
        restarts = check_integer("restarts", restarts, minimum=0)
        unknown = sorted(set(labels) - set(self.names_))
        if unknown or not labels:
            raise ValueError(f"labels must have some of the names {', '.join(self.names_)}; got {sorted(labels)}")
        n = len(next(iter(labels.values())))
        every = {name: np.full(n, count) for name, count in zip(self.names_, self.n_labels_, strict=True)}
        told = self._numbers({**every, **labels}, n)
        grid = token_grid(self.sizes_, self.patch_size)
        numbers = self.n_channels_ * int(np.prod(self.patch_size))
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((n, int(np.prod(grid)), numbers), np.float32)
        self.network_.eval()
        for now, then in progress(_moves(steps, restarts), desc="drawing", unit="step"):
            (signal, noise), (next_signal, next_noise) = _strengths(now), _strengths(then)
            if then > now:
                less = next_signal / signal
                x = less * x + np.sqrt(1 - less**2) * rng.standard_normal(x.shape, np.float32)
                continue
            guess = np.clip(self._guess(x, now, told, guidance), -self.bound_, self.bound_)
            x = next_signal * guess + next_noise / noise * (x - signal * guess)
            yield guess

    def _guess(self, x, time, told, guidance):
        def network(asked):
            times = np.full(len(x), time)
            return self._in_batches(len(x), lambda some: self.network_.forward((x[some], times[some], asked[some])))

        guess = network(told)
        if guidance != 1:
            bare = network(np.broadcast_to(self.n_labels_, told.shape))
            guess = bare + np.float32(guidance) * (guess - bare)
        return guess

    def _check_patches(self, sizes):
        try:
            token_grid(sizes, self.patch_size)
        except ValueError as error:
            if self.autoencoder is None:
                raise
            raise ValueError(
                f"patch_size counts places of the latents, which are {sizes}; {self.patch_size} does not fill them: "
                "try (1, 1, 1)"
            ) from error

    def _numbers(self, labels, n):
        """(n, L)"""
        columns = []
        for name, count in zip(self.names_, self.n_labels_, strict=True):
            column = np.asarray(labels[name])
            if column.shape != (n,) or column.dtype.kind not in "iu":
                raise ValueError(f"labels[{name!r}] must be {n} whole numbers, got {column.dtype} of {column.shape}")
            if n and not 0 <= column.min() <= column.max() <= count:
                raise ValueError(f"labels[{name!r}] must lie in 0 to {count - 1}, got {column.min()} to {column.max()}")
            columns.append(column)
        return np.stack(columns, axis=1)

    def _measure(self, X):
        """Where the tokens of clips or latents lie, and how far they go."""
        self.centre_, self.scale_ = np.float32(0), 1.0
        total = squares = count = 0
        extremes = []
        for start in range(0, len(X), _MEASURED):
            tokens = self._tokens(X[start : start + _MEASURED])
            total = total + tokens.sum(axis=(0, 1), dtype=np.float64)
            squares = squares + np.square(tokens).sum(axis=(0, 1), dtype=np.float64)
            extremes += [tokens.min(axis=(0, 1)), tokens.max(axis=(0, 1))]
            count += tokens.shape[0] * tokens.shape[1]
        mean = total / count
        self.centre_ = mean.astype(np.float32)
        self.scale_ = float(np.sqrt(np.maximum(squares / count - mean**2, 0).mean()) + 1e-6)
        self.bound_ = abs(np.array(extremes) - self.centre_).max(axis=0) / np.float32(self.scale_)

    def _tokens(self, X):
        """Of clips or latents: (n, P, numbers)."""
        x = centred(X) if self.autoencoder is None else np.ascontiguousarray(np.moveaxis(X, -1, 1))
        tokens = patchify(x, self.patch_size, channels="first")
        return (tokens - self.centre_) / np.float32(self.scale_)

    def _clips(self, tokens):
        x = unpatchify(tokens * np.float32(self.scale_) + self.centre_, self.sizes_, self.patch_size, channels="first")
        return uncentred(x) if self.autoencoder is None else self.autoencoder.inverse_transform(np.moveaxis(x, 1, -1))

    def _build(self, rng):
        grid = token_grid(self.sizes_, self.patch_size)
        numbers = self.n_channels_ * int(np.prod(self.patch_size))
        arguments = tuple(self.n_labels_), numbers, grid, self.width, self.n_layers, self.n_heads
        return DenoisingTransformer(*arguments, rng=rng)

    def _get_saved_params(self):
        return {name: value for name, value in super()._get_saved_params().items() if name != "autoencoder"}

    def _get_state(self):
        state = super()._get_state()
        if self.autoencoder is not None:
            state["autoencoder_params_"] = [list(pair) for pair in self.autoencoder._get_saved_params().items()]
            state |= {_PREFIX + name: value for name, value in self.autoencoder._get_state().items()}
        return state

    def _set_state(self, state):
        inner = {name[len(_PREFIX) :]: state.pop(name) for name in list(state) if name.startswith(_PREFIX)}
        if inner:
            self.autoencoder = VideoAutoencoder(**dict(state.pop("autoencoder_params_")))
            self.autoencoder._set_state(inner)
        super()._set_state(state)
