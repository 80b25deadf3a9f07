"""What the models that are networks share: training, and their parameters in a file."""

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_integer, check_number
from embeddings.nn import AdamW, Trainer, WarmUpCosine

_PREFIX = "network_."


class NetworkModel(Embedder):
    """Base: a subclass defines ``_build(rng)``, which makes its network from the parameters and what ``fit`` saw.

    Its parameters include `epochs`, `batch_size`, `learning_rate`, `seed` and `callbacks`.
    """

    weight_decay = 0.01

    def _build(self, rng):
        raise NotImplementedError(f"{type(self).__name__} does not define _build")

    def _check_training(self):
        check_integer("epochs", self.epochs, minimum=1)
        check_integer("batch_size", self.batch_size, minimum=1)
        check_integer("seed", self.seed, minimum=0)
        if check_number("learning_rate", self.learning_rate) <= 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate!r}")

    def _train(self, loss, n, batch, begin=None):
        """Train a new network on `n` items; ``batch(chosen, rng)`` gives (x, target) of the items that were chosen.

        ``begin(network)`` may set the weights with which training begins.
        """
        network = self._build(np.random.default_rng(self.seed))
        if begin is not None:
            begin(network)
        n_batches = -(-n // self.batch_size)
        total = self.epochs * n_batches

        def batches(rng):
            order = rng.permutation(n)
            for start in range(0, n, self.batch_size):
                yield batch(order[start : start + self.batch_size], rng)

        trainer = Trainer(
            network,
            loss,
            AdamW(network.parameters(), self.learning_rate, weight_decay=self.weight_decay),
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed,
            schedule=WarmUpCosine(total, min(100, total // 10)),
            clip=1.0,
            callbacks=self.callbacks,
            desc=f"training {type(self).__name__}",
        )
        trainer.fit_batches(batches, n_batches=n_batches)
        self.network_, self.loss_history_ = network, trainer.loss_history_
        return self

    def _in_batches(self, n, function):
        """``function(slice)`` of all items, joined along the first axis."""
        self.network_.eval()
        return np.concatenate([function(slice(i, i + self.batch_size)) for i in range(0, n, self.batch_size)])

    def _get_state(self):
        state = super()._get_state()
        network = state.pop("network_")
        return {**state, **{_PREFIX + name: array for name, array in network.state().items()}}

    def _set_state(self, state):
        weights = {name[len(_PREFIX) :]: state.pop(name) for name in list(state) if name.startswith(_PREFIX)}
        vars(self).update(state)
        network = self._build(np.random.default_rng(0))
        network.load_state(weights)
        self.network_ = network.eval()

    def _get_saved_params(self):
        return {name: value for name, value in super()._get_saved_params().items() if name != "callbacks"}
