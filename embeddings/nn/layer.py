"""What every network is made of: parameters, layers with a ``forward`` and a ``backward``, and three ways to join them.

There is no automatic differentiation. ``forward`` keeps what ``backward`` will need, ``backward`` takes it back, last
in, first out, and *adds* to the gradients. So a layer that is used twice, or a weight that two layers share, needs no
special care.
"""

import numpy as np


class Parameter:
    """An array that is learned, and the gradient of the loss with respect to it.

    Parameters
    ----------
    data : array
        Kept as it is, not copied.

    Attributes
    ----------
    data : array
    grad : array
        Of the same shape and type; zero until a ``backward`` has added to it.

    Examples
    --------
    >>> weight = Parameter(np.ones((2, 3), np.float32))
    >>> weight.grad.shape, weight.grad.dtype.name
    ((2, 3), 'float32')
    """

    def __init__(self, data):
        self.data = np.asarray(data)
        self.grad = np.zeros_like(self.data)

    def zero_grad(self):
        """Set the gradient to zero, in place."""
        self.grad[...] = 0

    def __repr__(self):
        return f"Parameter(shape={self.data.shape}, dtype={self.data.dtype})"


class Layer:
    """Base of every layer.

    A subclass makes its :class:`Parameter` attributes and the layers it is built of in ``__init__``, and defines
    ``forward`` and ``backward``. Attributes that are neither, but belong to what was learned (BatchNorm's running
    mean), are arrays named in the class attribute ``buffers``.

    ``forward(x, lengths=None)`` takes one array, a batch along its first axis. `lengths` tells how many steps of each
    sequence are real where a batch of sequences was padded; layers that do not look along time pass it by.
    ``backward(grad)`` takes the gradient with respect to what ``forward`` returned and gives the one with respect to
    `x`.

    Attributes
    ----------
    training : bool
        True from the start: ``forward`` keeps what ``backward`` needs, and layers such as Dropout behave as in
        training. After :meth:`eval` nothing is kept.

    Examples
    --------
    >>> class Scale(Layer):
    ...     def __init__(self, factor):
    ...         super().__init__()
    ...         self.factor = Parameter(np.array(factor))
    ...     def forward(self, x, lengths=None):
    ...         self.push(x)
    ...         return self.factor.data * x
    ...     def backward(self, grad):
    ...         x = self.pop()
    ...         self.factor.grad += (grad * x).sum()
    ...         return grad * self.factor.data
    >>> layer = Scale(3.0)
    >>> layer(np.array([1.0, 2.0]))
    array([3., 6.])
    >>> layer.backward(np.array([1.0, 1.0]))
    array([3., 3.])
    >>> layer.factor.grad
    array(3.)
    """

    buffers = ()

    def __init__(self):
        self.training = True
        self._kept = []

    def forward(self, x, lengths=None):
        """What the layer makes of `x`."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def backward(self, grad):
        """Add to the parameters' gradients; returns the gradient with respect to the input."""
        raise NotImplementedError(f"{type(self).__name__} does not define backward")

    def __call__(self, x, lengths=None, **options):
        return self.forward(x, lengths, **options)

    # What forward leaves to backward ----------------------------------------------------------------------------------

    def push(self, *values):
        """Keep `values` for ``backward``; in evaluation nothing is kept."""
        if self.training:
            self._kept.append(values)

    def pop(self):
        """What the last ``push`` kept: one value as itself, several as a tuple.

        Raises
        ------
        RuntimeError
            If no ``forward`` in training came before.
        """
        if not self._kept:
            raise RuntimeError(
                f"{type(self).__name__}.backward needs a forward before it, in training: call train() and forward(x)"
            )
        values = self._kept.pop()
        return values[0] if len(values) == 1 else values

    # What the layer holds ---------------------------------------------------------------------------------------------

    def children(self):
        """Yield (name, layer) of the layers that this one is built of, in the order in which they were made."""
        for name, value in vars(self).items():
            if isinstance(value, Layer):
                yield name, value
            elif isinstance(value, list | tuple):
                yield from ((f"{name}.{i}", v) for i, v in enumerate(value) if isinstance(v, Layer))

    def walk(self, prefix=""):
        """Yield (dotted name, layer) of this layer (whose name is empty) and of all inside it."""
        yield prefix, self
        for name, child in self.children():
            yield from child.walk(f"{prefix}.{name}" if prefix else name)

    def parameters(self):
        """All parameters by dotted name. One that stands in two places (a tied weight) is listed once.

        Returns
        -------
        dict of str to Parameter
        """
        found, seen = {}, set()
        for prefix, layer in self.walk():
            for name, value in vars(layer).items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    found[f"{prefix}.{name}" if prefix else name] = value
        return found

    def state(self):
        """All parameters' data and all buffers by dotted name: the arrays themselves, not copies.

        Returns
        -------
        dict of str to array
        """
        state = {name: parameter.data for name, parameter in self.parameters().items()}
        for prefix, layer in self.walk():
            state.update({f"{prefix}.{name}" if prefix else name: getattr(layer, name) for name in layer.buffers})
        return state

    def load_state(self, state):
        """Copy arrays, as :meth:`state` names them, into the parameters and buffers.

        Raises
        ------
        ValueError
            If a name is missing, unknown, or has an array of another shape. Nothing has changed then.
        """
        mine = self.state()
        missing, unknown = sorted(mine.keys() - state.keys()), sorted(state.keys() - mine.keys())
        if missing or unknown:
            raise ValueError(f"the state lacks {_some(missing)} and has {_some(unknown)} that the layer does not know")
        for name, array in mine.items():
            if np.shape(state[name]) != array.shape:
                raise ValueError(f"{name} has the shape {array.shape}, the state gives {np.shape(state[name])}")
        for name, array in mine.items():
            array[...] = state[name]

    def n_parameters(self):
        """How many numbers are learned."""
        return sum(parameter.data.size for parameter in self.parameters().values())

    # Modes ------------------------------------------------------------------------------------------------------------

    def train(self):
        """Switch this layer and all inside it to training. Returns the layer."""
        return self._set_training(True)

    def eval(self):
        """Switch this layer and all inside it to evaluation, and let go of what was kept. Returns the layer."""
        return self._set_training(False)

    def _set_training(self, training):
        for _, layer in self.walk():
            layer.training = training
            layer._kept.clear()
        return self

    def zero_grad(self):
        """Set every gradient to zero."""
        for parameter in self.parameters().values():
            parameter.zero_grad()

    def astype(self, dtype):
        """Turn all parameters, gradients and buffers into `dtype` (float32 or float64). Returns the layer."""
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
        for parameter in self.parameters().values():
            parameter.data = parameter.data.astype(dtype)
            parameter.grad = parameter.grad.astype(dtype)
        for _, layer in self.walk():
            for name in layer.buffers:
                setattr(layer, name, getattr(layer, name).astype(dtype))
        return self

    def __repr__(self):
        inside = ", ".join(f"{name}={child!r}" for name, child in self.children())
        return f"{type(self).__name__}({inside})"


class Sequential(Layer):
    """Layers one after the other: ``y = f_n(… f_2(f_1(x)))``.

    Parameters
    ----------
    *layers : Layer
        A name goes with each: ``sequential[0]`` is the first, and parameters are called ``layers.0.weight``.
    """

    def __init__(self, *layers):
        super().__init__()
        self.layers = list(layers)

    def forward(self, x, lengths=None):
        for layer in self.layers:
            x = layer.forward(x, lengths)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def __getitem__(self, index):
        return self.layers[index]

    def __len__(self):
        return len(self.layers)


class Residual(Layer):
    """``y = f(x) + s(x)``: a layer and a way around it (He et al. 2016, eq. 1 and 2).

    Parameters
    ----------
    layer : Layer
    shortcut : Layer, optional
        By default the input itself.
    """

    def __init__(self, layer, shortcut=None):
        super().__init__()
        self.layer, self.shortcut = layer, shortcut

    def forward(self, x, lengths=None):
        return self.layer.forward(x, lengths) + (x if self.shortcut is None else self.shortcut.forward(x, lengths))

    def backward(self, grad):
        around = grad if self.shortcut is None else self.shortcut.backward(grad)
        return self.layer.backward(grad) + around


class Concat(Layer):
    """``y = [f_1(x), f_2(x), …]``: every layer sees the same input, and what they give stands side by side.

    Parameters
    ----------
    *layers : Layer
    axis : int, default -1
        Along which the outputs are joined.
    """

    def __init__(self, *layers, axis=-1):
        super().__init__()
        self.layers, self.axis = list(layers), axis

    def forward(self, x, lengths=None):
        outputs = [layer.forward(x, lengths) for layer in self.layers]
        self.push(np.cumsum([output.shape[self.axis] for output in outputs])[:-1])
        return np.concatenate(outputs, axis=self.axis)

    def backward(self, grad):
        grads = np.split(grad, self.pop(), axis=self.axis)
        # The last layer's forward came last, so its backward comes first.
        return sum(layer.backward(part) for layer, part in reversed(list(zip(self.layers, grads, strict=True))))


def _some(names, limit=5):
    shown = ", ".join(names[:limit]) or "nothing"
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
