"""Spacetime patches: clips of any length and size as one sequence of tokens, and back."""

import dataclasses

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_integer
from embeddings.video.autoencoder import check_autoencoder
from embeddings.video.clips import check_clips
from embeddings.video.patches import patch_grid, patchify, unpatchify
from embeddings.video.positions import grid_positions


@dataclasses.dataclass(frozen=True)
class Packed:
    """Tokens of several clips, one clip behind the other, without padding between.

    Attributes
    ----------
    tokens : array, shape (R, d)
    positions : array, shape (R, 3), int64
        (t, y, x) of each token in its own clip.
    lengths : array, shape (n,), int64
        Tokens of each clip. Attention that is given these stays within each.
    items : array, shape (n,), int64
        Which clips these are, as numbers of the list that was packed.
    """

    tokens: np.ndarray
    positions: np.ndarray
    lengths: np.ndarray
    items: np.ndarray

    def __len__(self):
        return len(self.lengths)


class SpacetimePatches(Embedder):
    """A clip's latent cut into patches over time and space: to a clip what tokens are to a text.

    Clips may differ in length, size and aspect ratio. None is resized.

    Parameters
    ----------
    autoencoder : VideoAutoencoder, optional
        Fitted; it makes the latents. By default the tokens are cut from the clip itself, brightness between 0 and 1.
    patch_size : tuple of three int, default (1, 2, 2)
        Of a patch in the latent (or in the clip).

    Attributes
    ----------
    width_ : int
        Numbers of a token.

    Examples
    --------
    >>> clips = [np.zeros((4, 8, 8, 3), np.uint8), np.full((2, 8, 16, 3), 51, np.uint8)]
    >>> spacetime = SpacetimePatches(patch_size=(2, 4, 4)).fit(clips)
    >>> tokens, positions = spacetime.tokens(clips[1])
    >>> tokens.shape, positions[-1].tolist()
    ((8, 96), [0, 1, 3])
    >>> np.array_equal(spacetime.clip(tokens, (2, 8, 16)), clips[1])
    True
    >>> [batch.lengths.tolist() for batch in spacetime.pack(clips, token_budget=16)]
    [[8, 8]]
    """

    def __init__(self, autoencoder=None, patch_size=(1, 2, 2)):
        self.autoencoder = autoencoder
        self.patch_size = patch_size

    def fit(self, X, y=None):
        """Learn the number of channels from the first clip; there is nothing else to learn.

        Parameters
        ----------
        X : sequence of arrays, each (frames, height, width, channels)

        Raises
        ------
        ValueError, TypeError
            For bad parameters, no clip, or one that patches do not fill.
        """
        check_autoencoder(self.autoencoder)
        if not len(X):
            raise ValueError("there is no clip to learn from")
        channels = self._latent(X[0]).shape[-1]
        self.width_ = channels * int(np.prod([check_integer("patch_size", p, minimum=1) for p in self.patch_size]))
        return self

    def tokens(self, clip):
        """The tokens of one clip.

        Parameters
        ----------
        clip : array, shape (frames, height, width, channels)

        Returns
        -------
        tokens : array, shape (P, width_), float32
        positions : array, shape (P, 3), int64
            (t, y, x) of each.

        Raises
        ------
        ValueError, TypeError
            For what is no clip, and for one that patches do not fill: its name says along which axis.
        """
        self._check_is_fitted()
        latent = self._latent(clip)
        grid = patch_grid(latent.shape[:3], self.patch_size)
        tokens = patchify(latent, self.patch_size)
        if tokens.shape[1] != self.width_:
            raise ValueError(f"the clip's tokens have {tokens.shape[1]} numbers, those of fit {self.width_}")
        return tokens, grid_positions(grid)

    def clip(self, tokens, sizes):
        """The clip of tokens: the inverse of :meth:`tokens`, as exact as the autoencoder.

        Parameters
        ----------
        tokens : array, shape (P, width_)
        sizes : tuple of three int
            Frames, height and width of the clip.

        Returns
        -------
        array, shape (*sizes, channels), uint8
        """
        self._check_is_fitted()
        if self.autoencoder is None:
            return np.rint(unpatchify(tokens, sizes, self.patch_size) * 255).clip(0, 255).astype(np.uint8)
        latent_sizes = tuple(n // p for n, p in zip(sizes, self.autoencoder.patch_size, strict=True))
        return self.autoencoder.inverse_transform(unpatchify(tokens, latent_sizes, self.patch_size)[None])[0]

    def transform(self, X):
        """The tokens of clips, a list of arrays (P, width_); see :meth:`tokens` for their places."""
        return [self.tokens(clip)[0] for clip in X]

    def pack(self, X, token_budget):
        """Put clips into batches of at most so many tokens, none of them resized or padded.

        The longest clip goes first, each into the first batch that has room for it.

        Parameters
        ----------
        X : sequence of arrays, each (frames, height, width, channels)
        token_budget : int

        Returns
        -------
        list of Packed

        Raises
        ------
        ValueError
            If a clip alone has more tokens than that.
        """
        token_budget = check_integer("token_budget", token_budget, minimum=1)
        parts = [self.tokens(clip) for clip in X]
        sizes = [len(tokens) for tokens, _ in parts]
        if parts and max(sizes) > token_budget:
            worst = int(np.argmax(sizes))
            raise ValueError(f"clip {worst} has {sizes[worst]} tokens, more than token_budget={token_budget}")
        batches, room = [], []
        for i in sorted(range(len(parts)), key=lambda i: (-sizes[i], i)):
            k = next((k for k, free in enumerate(room) if free >= sizes[i]), None)
            if k is None:
                k = len(batches)
                batches.append([])
                room.append(token_budget)
            batches[k].append(i)
            room[k] -= sizes[i]
        return [
            Packed(
                tokens=np.concatenate([parts[i][0] for i in batch]),
                positions=np.concatenate([parts[i][1] for i in batch]),
                lengths=np.array([sizes[i] for i in batch], np.int64),
                items=np.array(batch, np.int64),
            )
            for batch in batches
        ]

    def _latent(self, clip):
        clip = np.asarray(clip)
        if clip.ndim != 4:
            raise ValueError(f"a clip must be (frames, height, width, channels), got the shape {clip.shape}")
        if self.autoencoder is not None:
            return self.autoencoder.transform(clip[None])[0]
        clip = check_clips(clip[None], 3, "clip")[0]
        return clip.astype(np.float32) / np.float32(255 if clip.dtype == np.uint8 else 1)
