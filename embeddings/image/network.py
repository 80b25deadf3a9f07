"""What the image networks that are trained here share: pictures in, a network kept by its parameters' names."""

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_integer, check_number
from embeddings.image.checks import stack_pictures


class ImageNetwork(Embedder):
    """Base of models whose ``network_`` is built for one size of picture.

    A subclass defines ``_build(rng)``, which makes the network for pictures of ``shape_``, (channels, rows, columns).
    """

    # Examples that go through the network at once after training.
    _at_once = 256

    def _check_training(self):
        check_integer("epochs", self.epochs, 1)
        check_integer("batch_size", self.batch_size, 1)
        check_integer("seed", self.seed, 0)
        if check_number("learning_rate", self.learning_rate) <= 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate!r}")

    def _pixels(self, X):
        """Pictures as (n, C, H, W), float32 from 0 to 1, of the shape that the network was built for, if it was."""
        pictures = stack_pictures(X)
        pixels = np.moveaxis(pictures, -1, 1) if pictures.ndim == 4 else pictures[:, None]
        shape = getattr(self, "shape_", None)
        if shape is not None and pixels.shape[1:] != shape:
            C, H, W = shape
            raise ValueError(
                f"X holds pictures of shape {pictures.shape[1:]}, this {type(self).__name__} was fitted on "
                f"{(H, W) if C == 1 else (H, W, C)}"
            )
        return pixels

    def _through(self, layers, x):
        """What layers make of x, a batch at a time."""
        made = []
        for start in range(0, len(x), self._at_once):
            part = x[start : start + self._at_once]
            for layer in layers:
                part = layer.forward(part)
            made.append(part)
        return np.concatenate(made)

    def _get_state(self):
        state = {name: value for name, value in super()._get_state().items() if name != "network_"}
        return {**state, **{f"network_.{name}": array for name, array in self.network_.state().items()}}

    def _set_state(self, state):
        parts = {name.removeprefix("network_."): a for name, a in state.items() if name.startswith("network_.")}
        rest = {name: value for name, value in state.items() if not name.startswith("network_.")}
        shape = rest.get("shape_")
        if not isinstance(shape, tuple) or len(shape) != 3 or not all(isinstance(n, int) and 0 < n for n in shape):
            raise ValueError(f"shape_ must be three whole numbers, got {shape!r}")
        super()._set_state(rest)
        # A header may lie about its shape: nothing is built that the file does not hold.
        self.network_ = self._build(np.random.default_rng(self.seed)).eval()
        self.network_.load_state(parts)
