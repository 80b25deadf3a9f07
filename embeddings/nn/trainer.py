"""One training loop for all networks."""

import itertools
import zlib

import numpy as np

from embeddings.checkpoint import Checkpoint
from embeddings.checks import check_integer, check_number
from embeddings.nn.optimisers import clip_gradients
from embeddings.progress import progress


class Trainer:
    """Trains a network: mini-batches, clipping, schedules, validation, early stopping, checkpoints.

    Parameters
    ----------
    model : Layer
    loss : callable
        ``loss(prediction, target)`` gives the loss and its gradient, and sets ``loss.count``; see
        ``embeddings/nn/losses.py``.
    optimiser : Optimiser
        Of the model's parameters.
    epochs : int, default 1
    batch_size : int, default 32
    seed : int, default 1
        Of the order of the examples.
    schedule : callable, optional
        From the number of steps taken to what the learning rate is multiplied with, such as :class:`WarmUpCosine`.
    clip : float, optional
        The largest joint length of the gradients; see :func:`clip_gradients`.
    patience : int, optional
        Stop after so many epochs in which the loss on the validation data did not get lower, and give the model the
        parameters of the best one. Needs validation data.
    callbacks : sequence of callable, default ()
        Each is called with the trainer after every epoch; training ends if one returns True.
    checkpoint : path, optional
        Where the training stands is kept in this file, once a minute and after every epoch, and removed at the end. If
        the file is there, the training goes on from it, to the same bits as one that was never interrupted.
    desc : str, default "training"
        Beside the progress bar.

    Attributes
    ----------
    loss_history_ : list of float
        Mean loss per epoch over all that counted, each batch taken before the step that it led to.
    validation_history_ : list of float
        Mean loss on the validation data after each epoch.

    Examples
    --------
    >>> from embeddings.nn import MSE, Adam, Linear
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 3)).astype(np.float32)
    >>> model = Linear(3, 1, rng=rng)
    >>> trainer = Trainer(model, MSE(), Adam(model.parameters(), 0.05), epochs=30)
    >>> trainer = trainer.fit(x, x @ np.array([[1], [2], [3]], np.float32))
    >>> model.weight.data.round(2).ravel().tolist()
    [1.0, 2.0, 3.0]
    """

    def __init__(
        self,
        model,
        loss,
        optimiser,
        *,
        epochs=1,
        batch_size=32,
        seed=1,
        schedule=None,
        clip=None,
        patience=None,
        callbacks=(),
        checkpoint=None,
        desc="training",
    ):
        self.model, self.loss, self.optimiser = model, loss, optimiser
        self.epochs = check_integer("epochs", epochs, minimum=1)
        self.batch_size = check_integer("batch_size", batch_size, minimum=1)
        self.seed = check_integer("seed", seed, minimum=0)
        self.schedule = schedule
        self.clip = None if clip is None else check_number("clip", clip, minimum=0)
        self.patience = None if patience is None else check_integer("patience", patience, minimum=1)
        self.callbacks, self.checkpoint, self.desc = callbacks, checkpoint, desc
        self.loss_history_, self.validation_history_ = [], []

    def fit(self, x, target, lengths=None, validation=None):
        """Train on arrays, in a new order every epoch. Returns the trainer.

        Parameters
        ----------
        x : array
            Examples along the first axis.
        target : array
        lengths : array of int, optional
            How many steps of each example are real.
        validation : tuple, optional
            ``(x, target)`` or ``(x, target, lengths)``.

        Raises
        ------
        ValueError
            If the arrays are empty or not equally long, for ``patience`` without validation data, or a checkpoint of
            another training.
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used.
        """
        arrays = self._arrays(x, target, lengths)
        held_out = None if validation is None else self._arrays(*validation)

        def batches(rng):
            return self._cut(arrays, rng.permutation(len(arrays[0])))

        check = None if held_out is None else lambda: self._cut(held_out, np.arange(len(held_out[0])))
        about = [[str(a.dtype), *a.shape, zlib.crc32(np.ascontiguousarray(a))] for a in arrays + (held_out or ())]
        return self.fit_batches(batches, check, -(-len(arrays[0]) // self.batch_size), about)

    def fit_batches(self, batches, validation=None, n_batches=None, about=None):
        """Train on batches that the caller makes. Returns the trainer; errors as of :meth:`fit`.

        Parameters
        ----------
        batches : callable
            ``batches(rng)`` gives an iterable of the batches of an epoch, each ``(x, target)`` or
            ``(x, target, lengths)``. The same state of the ``numpy.random.Generator`` gives the same batches.
        validation : callable, optional
            ``validation()`` gives an iterable of batches.
        n_batches : int, optional
            Of an epoch, for the progress bar.
        about : JSON value, optional
            What tells this data from others; a checkpoint of others is refused.
        """
        if self.patience is not None and validation is None:
            raise ValueError(f"patience={self.patience} needs validation data")
        self.rng = np.random.default_rng(self.seed)
        self.loss_history_, self.validation_history_ = [], []
        self._best, self._best_state, self._bad_epochs = np.inf, {}, 0
        self._total, self._count, self._done = 0.0, 0, 0
        self._base_rate = self.optimiser.learning_rate
        self._epoch_rng = self.rng.bit_generator.state
        checkpoint = Checkpoint(self.checkpoint, self._fingerprint(about))
        self._resume(checkpoint.read())
        total = None if n_batches is None else self.epochs * n_batches
        bar = progress(total=total, initial=self.optimiser.steps if total else 0, desc=self.desc, unit="batch")
        try:
            with bar:
                while len(self.loss_history_) < self.epochs and not self._epoch(batches, validation, checkpoint, bar):
                    checkpoint.write(self._state)
        finally:
            # Also after Ctrl-C: the model stays usable, with what it has learned so far.
            self.optimiser.learning_rate = self._base_rate
            self.model.eval()
        if self._best_state:
            self.model.load_state(self._best_state)
        checkpoint.remove()
        return self

    def evaluate(self, batches):
        """The mean loss over batches, without learning."""
        self.model.eval()
        total, count = 0.0, 0
        for batch in batches:
            value, _ = self._losses(batch)
            total, count = total + value * self.loss.count, count + self.loss.count
        self.model.train()
        return total / max(count, 1)

    def _epoch(self, batches, validation, checkpoint, bar):
        """One epoch, or the rest of it. Returns whether training ends after it."""
        self.model.train()
        rng = np.random.default_rng()
        rng.bit_generator.state = self._epoch_rng
        for batch in itertools.islice(batches(rng), self._done, None):
            value, count = self._step(batch)
            self._total, self._count, self._done = self._total + value * count, self._count + count, self._done + 1
            bar.update()
            bar.set_postfix(loss=f"{self._total / max(self._count, 1):.4f}", refresh=False)
            checkpoint.write_if_due(self._state)
        if not self._done:
            raise ValueError("there is no batch to learn from")
        self.loss_history_.append(self._total / max(self._count, 1))
        self._total, self._count, self._done = 0.0, 0, 0
        self._epoch_rng = rng.bit_generator.state
        stop = False
        if validation is not None:
            self.validation_history_.append(self.evaluate(validation()))
            stop = self._is_enough(self.validation_history_[-1])
        return any([callback(self) for callback in self.callbacks]) or stop

    def _step(self, batch):
        self.model.zero_grad()
        value, grad = self._losses(batch)
        count = self.loss.count
        if not np.isfinite(value):
            raise FloatingPointError(
                f"the loss is {value} after {self.optimiser.steps} steps: lower the learning rate, or clip gradients"
            )
        self.model.backward(grad)
        if self.clip is not None:
            clip_gradients(self.optimiser.parameters, self.clip)
        if self.schedule is not None:
            self.optimiser.learning_rate = self._base_rate * self.schedule(self.optimiser.steps)
        self.optimiser.step()
        return value, count

    def _losses(self, batch):
        x, target, *lengths = batch
        return self.loss(self.model.forward(x, *lengths), target)

    def _is_enough(self, value):
        if self.patience is None:
            return False
        if value < self._best:
            self._best, self._bad_epochs = value, 0
            self._best_state = {name: array.copy() for name, array in self.model.state().items()}
        else:
            self._bad_epochs += 1
        return self._bad_epochs >= self.patience

    # Batches of arrays ------------------------------------------------------------------------------------------------

    @staticmethod
    def _arrays(x, target, lengths=None):
        arrays = tuple(np.asarray(a) for a in (x, target, lengths) if a is not None)
        if len({len(a) for a in arrays}) > 1 or not len(arrays[0]):
            shapes = ", ".join(str(a.shape) for a in arrays)
            raise ValueError(f"x, target and lengths must be equally long and not empty, got shapes {shapes}")
        return arrays

    def _cut(self, arrays, order):
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield tuple(a[chosen] for a in arrays)

    # Where the training stands ----------------------------------------------------------------------------------------

    def _generators(self):
        """The random generators that layers draw from, each once."""
        found = {}
        for _, layer in self.model.walk():
            for value in vars(layer).values():
                if isinstance(value, np.random.Generator):
                    found[id(value)] = value
        return list(found.values())

    def _fingerprint(self, about):
        return {
            "parameters": {name: [str(p.data.dtype), *p.data.shape] for name, p in self.model.parameters().items()},
            "optimiser": [type(self.optimiser).__name__, self.optimiser.settings()],
            "loss": repr(self.loss),
            "training": [self.epochs, self.batch_size, self.seed, self.clip, self.patience, repr(self.schedule)],
            "data": about,
        }

    def _state(self):
        tensors = {f"model.{name}": array for name, array in self.model.state().items()}
        tensors.update({f"optimiser.{name}": array for name, array in self.optimiser.state().items()})
        tensors.update({f"best.{name}": array for name, array in self._best_state.items()})
        return tensors, {
            "epoch_rng": self._epoch_rng,
            "layers_rng": [rng.bit_generator.state for rng in self._generators()],
            "losses": self.loss_history_,
            "validation": self.validation_history_,
            "best": None if np.isinf(self._best) else self._best,
            "bad_epochs": self._bad_epochs,
            "epoch": [self._total, self._count, self._done],
        }

    def _resume(self, kept):
        if kept is None:
            return
        tensors, values = kept
        parts = {"model": {}, "optimiser": {}, "best": {}}
        for name, array in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = array
        self.model.load_state(parts["model"])
        self.optimiser.load_state(parts["optimiser"])
        self._best_state = parts["best"]
        self._epoch_rng = values["epoch_rng"]
        for rng, state in zip(self._generators(), values["layers_rng"], strict=True):
            rng.bit_generator.state = state
        self.loss_history_, self.validation_history_ = values["losses"], values["validation"]
        self._best = np.inf if values["best"] is None else values["best"]
        self._bad_epochs = values["bad_epochs"]
        self._total, self._count, self._done = values["epoch"]
