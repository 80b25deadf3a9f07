"""What the models of word vectors share: vectors by word, and a training that can be watched, stopped and resumed."""

import concurrent.futures
import os
import threading

import numpy as np
from threadpoolctl import threadpool_limits

from embeddings.base import Embedder
from embeddings.checkpoint import Checkpoint
from embeddings.checks import check_integer
from embeddings.progress import progress
from embeddings.vectors import KeyedVectors
from kernels.device import to_host


class WordEmbedder(Embedder):
    """Base of models that give each word a vector.

    A subclass has the parameters `vector_size`, `min_count`, `epochs`, `workers`, `seed`, `callbacks` and `checkpoint`,
    and learns ``index_to_key_``, ``counts_``, ``vectors_`` and ``context_vectors_``.
    """

    def transform(self, X):
        """Vectors of words.

        Parameters
        ----------
        X : iterable of str

        Returns
        -------
        array, shape (n, vector_size), float32

        Raises
        ------
        KeyError
            For a word that is not in the vocabulary.
        """
        self._check_is_fitted()
        if isinstance(X, str):
            raise TypeError(f"X must be a list of words, got the single string {X!r}")
        return np.stack([self.wv[word] for word in X]) if len(X) else np.zeros((0, self.vector_size), np.float32)

    @property
    def wv(self):
        """The word vectors, a :class:`~embeddings.vectors.KeyedVectors` on the same memory."""
        self._check_is_fitted()
        keyed = vars(self).get("_keyed")
        if keyed is None or keyed.vectors is not self.vectors_:
            keyed = self._keyed = KeyedVectors(self.index_to_key_, self.vectors_, self.counts_)
        return keyed

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name not in ("_keyed", "_run")}

    def _set_state(self, state):
        super()._set_state(state)
        for name, shape in self._shapes().items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has the shape {getattr(self, name).shape}, not {shape}")

    def _shapes(self):
        """What shapes the learned arrays must have to fit each other."""
        V, d = len(self.index_to_key_), self.vector_size
        return {"vectors_": (V, d), "context_vectors_": (V, d), "counts_": (V,)}

    def _new_rows(self, n, first):
        """Random vectors for n words, in (-1/2d, 1/2d) as word2vec.c draws them; other ones for another `first`."""
        rng = np.random.default_rng([self.seed, 0, first])
        return (
            (rng.random((n, self.vector_size), np.float32) - np.float32(0.5)) / np.float32(self.vector_size)
        ).astype(np.float32)

    def _check_training(self):
        for name in ("vector_size", "min_count", "epochs", "workers"):
            check_integer(name, getattr(self, name), minimum=1)
        check_integer("seed", self.seed, minimum=0)
        check_watching(self.callbacks, self.checkpoint)


def check_watching(callbacks, checkpoint):
    """Raise TypeError unless these are functions to call after every epoch, and a path or None."""
    if callable(callbacks) or not all(map(callable, callbacks)):
        raise TypeError(f"callbacks must be a list of functions, got {callbacks!r}")
    if checkpoint is not None and not isinstance(checkpoint, str | os.PathLike):
        raise TypeError(f"checkpoint must be a path, got {checkpoint!r}")


class Training:
    """A training of `model` in epochs of many small steps, and how far it has come.

    A subclass says how much an epoch has to do (``size``, in `unit`), takes the steps (:meth:`steps`), and knows what
    it must keep to go on later.
    """

    unit = " words"

    def __init__(self, model, size):
        self.model, self.size = model, size
        self.epoch, self.done, self.loss, self.n_terms = 0, 0, 0.0, 0
        self._stopped = threading.Event()

    def steps(self, pool):
        """Do what is left of the epoch; yields, after every step, how much it was. Advances what `done` counts."""
        raise NotImplementedError

    def size_done(self):
        """How much of the epoch lies behind ``done`` steps."""
        raise NotImplementedError

    def publish(self):
        """Hand the vectors so far to the model."""
        raise NotImplementedError

    def begin(self):
        """Let go of what :meth:`publish` will hand over anew; from here on it is called whatever happens."""

    def tensors(self):
        """Arrays, by name, that hold all that was learned, on the model's device; they are written to in place."""
        raise NotImplementedError

    def mean_loss(self):
        """Of this epoch so far."""
        return self.loss / max(self.n_terms, 1)

    def run(self):
        """All epochs, from where a checkpoint stands. After Ctrl-C, too, what was learned is the model's."""
        model = self.model
        checkpoint = Checkpoint(model.checkpoint, self._fingerprint())
        self._restore(checkpoint.read())
        bar = progress(total=model.epochs * self.size, desc="training", unit=self.unit, unit_scale=True)
        bar.update(self.epoch * self.size + self.size_done())
        pool = concurrent.futures.ThreadPoolExecutor(model.workers)
        try:
            self.begin()
            # One BLAS thread for each worker.
            with threadpool_limits(1, "blas"), bar, pool:
                while self.epoch < model.epochs:
                    for amount in self.steps(pool):
                        bar.update(amount)
                        bar.set_postfix_str(f"loss {self.mean_loss():.4f}", refresh=False)
                        checkpoint.write_if_due(self._state)
                    model.loss_history_.append(self.mean_loss())
                    self._check_finite()
                    self.epoch, self.done, self.loss, self.n_terms = self.epoch + 1, 0, 0.0, 0
                    checkpoint.write(self._state)
                    if model.callbacks:
                        self.publish()
                    for callback in model.callbacks:
                        callback(model)
        finally:
            self._stopped.set()
            self.publish()
        checkpoint.remove()

    def _check_finite(self):
        if not np.isfinite(self.mean_loss()):
            raise FloatingPointError(f"the loss is {self.mean_loss()}: lower alpha, which is {self.model.alpha}")

    # Checkpoints -----------------------------------------------------------------------------------------------------

    def _fingerprint(self):
        """What a checkpoint must have been made with to be gone on from."""
        any_value = "callbacks", "checkpoint", "workers", "device"
        params = {name: value for name, value in self.model.get_params().items() if name not in any_value}
        return {"params": repr(sorted(params.items())), "size": self.size, "vocabulary": len(self.model.index_to_key_)}

    def _state(self):
        values = {name: getattr(self, name) for name in ("epoch", "done", "loss", "n_terms")}
        tensors = {name: to_host(tensor) for name, tensor in self.tensors().items()}
        return tensors, {**values, "loss_history": self.model.loss_history_}

    def _restore(self, saved):
        if saved is None:
            return
        tensors, values = saved
        for name, tensor in self.tensors().items():
            tensor[:] = tensors[name]
        self.model.loss_history_ = list(values.pop("loss_history"))
        for name, value in values.items():
            setattr(self, name, value)
