"""Optimisers: how parameters follow their gradients; clipping, and learning rates that change."""

import math

import numpy as np

from embeddings.checks import check_integer, check_number
from kernels.device import implementation
from kernels.optimiser import ADAGRAD_IMPLEMENTATIONS, ADAM_IMPLEMENTATIONS, SGD_IMPLEMENTATIONS

sgd_step = implementation(SGD_IMPLEMENTATIONS)
adagrad_step = implementation(ADAGRAD_IMPLEMENTATIONS)
adam_step = implementation(ADAM_IMPLEMENTATIONS)


class Optimiser:
    """Base of the optimisers.

    A subclass names in `memories` the arrays it keeps beside each parameter, all zero at first, and defines
    ``_move(weights, grad, memories)`` on flat arrays.

    Parameters
    ----------
    parameters : dict of str to Parameter
        As :meth:`Layer.parameters` gives them.
    learning_rate : float
        May be changed between steps.

    Attributes
    ----------
    steps : int
        How many were taken.
    """

    memories = ()

    def __init__(self, parameters, learning_rate):
        if not isinstance(parameters, dict):
            raise TypeError(
                f"parameters must be a dict, as layer.parameters() gives it, got {type(parameters).__name__}"
            )
        self.parameters = parameters
        self.learning_rate = check_number("learning_rate", learning_rate, minimum=0)
        self.steps = 0
        self._memories = {
            name: {memory: np.zeros_like(p.data) for memory in self.memories} for name, p in parameters.items()
        }

    def step(self):
        """Move every parameter against its gradient, in place. Gradients stay as they are."""
        self.steps += 1
        for name, parameter in self.parameters.items():
            memories = [memory.reshape(-1) for memory in self._memories[name].values()]
            self._move(parameter.data.reshape(-1), parameter.grad.reshape(-1), *memories)

    def zero_grad(self):
        """Set every gradient to zero."""
        for parameter in self.parameters.values():
            parameter.zero_grad()

    def state(self):
        """What has to be kept to go on: a dict of arrays (the arrays themselves, and the number of steps)."""
        state = {f"{name}.{memory}": array for name, m in self._memories.items() for memory, array in m.items()}
        return {**state, "steps": np.array([self.steps])}

    def load_state(self, state):
        """Take back what :meth:`state` gave.

        Raises
        ------
        ValueError
            If it belongs to other parameters or another optimiser. Nothing has changed then.
        """
        mine = self.state()
        if mine.keys() != state.keys() or any(np.shape(state[name]) != array.shape for name, array in mine.items()):
            raise ValueError(f"the state is not that of a {type(self).__name__} of these parameters")
        for name, array in mine.items():
            array[...] = state[name]
        self.steps = int(state["steps"][0])

    def settings(self):
        """The numbers that the steps depend on, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int | float) and name != "steps"}


class SGD(Optimiser):
    """Stochastic gradient descent with momentum.

    Parameters
    ----------
    parameters : dict of str to Parameter
    learning_rate : float, default 0.01
    momentum : float, default 0
        The share of the last step's direction that is kept.
    weight_decay : float, default 0

    Examples
    --------
    >>> from embeddings.nn import Parameter
    >>> w = Parameter(np.array([1.0]))
    >>> w.grad[:] = 2
    >>> SGD({"w": w}, learning_rate=0.25).step()
    >>> w.data.tolist()
    [0.5]
    """

    memories = ("momentum",)

    def __init__(self, parameters, learning_rate=0.01, momentum=0.0, weight_decay=0.0):
        super().__init__(parameters, learning_rate)
        self.momentum = check_number("momentum", momentum, minimum=0, maximum=1)
        self.weight_decay = check_number("weight_decay", weight_decay, minimum=0)

    def _move(self, weights, grad, momentum):
        sgd_step(weights, grad, momentum, self.learning_rate, self.momentum, self.weight_decay)


class AdaGrad(Optimiser):
    """Each number has a learning rate of its own, which falls with the gradients it has seen (Duchi et al. 2011).

    Parameters
    ----------
    parameters : dict of str to Parameter
    learning_rate : float, default 0.01
    weight_decay : float, default 0
    epsilon : float, default 1e-10
    """

    memories = ("squares",)

    def __init__(self, parameters, learning_rate=0.01, weight_decay=0.0, epsilon=1e-10):
        super().__init__(parameters, learning_rate)
        self.weight_decay = check_number("weight_decay", weight_decay, minimum=0)
        self.epsilon = check_number("epsilon", epsilon, minimum=0)

    def _move(self, weights, grad, squares):
        adagrad_step(weights, grad, squares, self.learning_rate, self.epsilon, self.weight_decay)


class Adam(Optimiser):
    """Momentum over the root of the mean square (Kingma & Ba 2015, algorithm 1).

    Parameters
    ----------
    parameters : dict of str to Parameter
    learning_rate : float, default 0.001
    betas : pair of float, default (0.9, 0.999)
        How slowly the two means forget.
    weight_decay : float, default 0
        Added to the gradient, times the weight.
    epsilon : float, default 1e-8

    Examples
    --------
    >>> from embeddings.nn import Parameter
    >>> w = Parameter(np.array([1.0]))
    >>> w.grad[:] = 2
    >>> Adam({"w": w}, learning_rate=0.25).step()
    >>> w.data.round(6).tolist()
    [0.75]
    """

    memories = ("momentum", "squares")
    decoupled = False

    def __init__(self, parameters, learning_rate=0.001, betas=(0.9, 0.999), weight_decay=0.0, epsilon=1e-8):
        super().__init__(parameters, learning_rate)
        self.beta_1, self.beta_2 = (check_number("betas", beta, minimum=0) for beta in betas)
        if max(self.beta_1, self.beta_2) >= 1:
            raise ValueError(f"betas must be below 1, got {betas!r}")
        self.weight_decay = check_number("weight_decay", weight_decay, minimum=0)
        self.epsilon = check_number("epsilon", epsilon, minimum=0)

    def _move(self, weights, grad, momentum, squares):
        rate = self.learning_rate / (1 - self.beta_1**self.steps)
        correction = math.sqrt(1 - self.beta_2**self.steps)
        decay, shrink = self.weight_decay, 1.0
        if self.decoupled:
            decay, shrink = 0.0, 1 - self.learning_rate * self.weight_decay
        arguments = rate, self.beta_1, self.beta_2, correction, self.epsilon, decay, shrink
        adam_step(weights, grad, momentum, squares, *arguments)


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves (Loshchilov & Hutter 2019, algorithm 2).

    Parameters
    ----------
    parameters, learning_rate, betas, epsilon
        As :class:`Adam`.
    weight_decay : float, default 0.01
    """

    decoupled = True

    def __init__(self, parameters, learning_rate=0.001, betas=(0.9, 0.999), weight_decay=0.01, epsilon=1e-8):
        super().__init__(parameters, learning_rate, betas, weight_decay, epsilon)


def clip_gradients(parameters, max_norm):
    """Shrink all gradients together, so that their joint length is at most `max_norm` (Pascanu et al. 2013).

    Returns
    -------
    float
        The length before.

    Examples
    --------
    >>> from embeddings.nn import Parameter
    >>> w = Parameter(np.zeros(2))
    >>> w.grad[:] = [3, 4]
    >>> clip_gradients({"w": w}, 1.0), w.grad.round(3).tolist()
    (5.0, [0.6, 0.8])
    """
    squares = (np.dot(p.grad.reshape(-1), p.grad.reshape(-1)) for p in parameters.values())
    norm = math.sqrt(sum(map(float, squares)))
    if norm > max_norm:
        for parameter in parameters.values():
            parameter.grad *= parameter.grad.dtype.type(max_norm / norm)
    return norm


# Learning rates that change: functions of the number of steps taken, to multiply the rate with ------------------------


class _WarmUp:
    """Base of the schedules: from 0 to 1 in `warm_up` steps, then down to `end` until step `total`."""

    def __init__(self, total, warm_up=0, end=0.0):
        self.total = check_integer("total", total, minimum=1)
        self.warm_up = check_integer("warm_up", warm_up, minimum=0, maximum=self.total)
        self.end = check_number("end", end, minimum=0)

    def __call__(self, step):
        """What the learning rate of step `step`, from 0 on, is multiplied with."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        done = min((step - self.warm_up) / max(self.total - self.warm_up, 1), 1)
        return self.end + (1 - self.end) * self._remaining(done)

    def __repr__(self):
        return f"{type(self).__name__}({self.total}, {self.warm_up}, {self.end})"


class WarmUpCosine(_WarmUp):
    """The learning rate rises in a straight line, then falls along half a cosine (Loshchilov & Hutter 2017, eq. 5).

    Parameters
    ----------
    total : int
        Steps in all.
    warm_up : int, default 0
        Steps of the rise.
    end : float, default 0
        What is left at the end, as a share.

    Examples
    --------
    >>> [round(WarmUpCosine(6, 2)(step), 3) for step in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def _remaining(self, done):
        return (1 + math.cos(math.pi * done)) / 2


class WarmUpLinear(_WarmUp):
    """The learning rate rises, then falls, both in straight lines; parameters as of :class:`WarmUpCosine`.

    Examples
    --------
    >>> [WarmUpLinear(6, 2)(step) for step in range(7)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
    """

    def _remaining(self, done):
        return 1 - done
