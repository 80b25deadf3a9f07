"""Is ``backward`` the derivative of ``forward``? Asked of every input and every parameter."""

import numpy as np


def gradient_check(layer, x, lengths=None, step=1e-5, seed=0):
    """The largest relative error of a layer's gradients.

    The loss is a fixed random combination of the layer's outputs. Each number of `x` and of every parameter is moved by
    ±`step`, and half the difference of the losses, over the step, is compared with what ``backward`` gave.

    Parameters
    ----------
    layer : Layer
        In float64 (``astype("float64")``); it must give the same output each time, so no Dropout above 0.
    x : array
        An input of whole numbers (of an Embedding) is not moved.
    lengths : array, optional
    step : float, default 1e-5
    seed : int, default 0
        Draws the combination.

    Returns
    -------
    dict of str to float
        For "x" and each parameter ``|backward - difference| / max(|backward|, |difference|)``, lengths of vectors.

    Examples
    --------
    >>> from embeddings.nn import Linear
    >>> rng = np.random.default_rng(0)
    >>> errors = gradient_check(Linear(3, 2, rng=rng, dtype=np.float64), rng.normal(size=(4, 3)))
    >>> max(errors.values()) < 1e-8, list(errors)
    (True, ['x', 'weight', 'bias'])
    """
    layer.train()
    layer.zero_grad()
    x = np.array(x)
    y = layer.forward(x, lengths)
    weights = np.random.default_rng(seed).normal(size=y.shape)
    dx = layer.backward(weights)
    # Twice: a gradient that is overwritten, not added to, is wrong the second time.
    layer.forward(x, lengths)
    layer.backward(weights)

    def loss():
        layer.train()  # lets go of what the last forward kept
        return float((layer.forward(x, lengths) * weights).sum())

    buffers = {name: array.copy() for name, array in layer.state().items()}
    moved = {name: (parameter.data, parameter.grad / 2) for name, parameter in layer.parameters().items()}
    if x.dtype.kind == "f":
        moved = {"x": (x, dx), **moved}
    errors = {}
    for name, (data, grad) in moved.items():
        if data.dtype != np.float64:
            raise TypeError(f"gradient_check needs float64, but {name} is {data.dtype}")
        difference = np.empty(data.size)
        for i in range(data.size):
            value = data.flat[i]
            data.flat[i] = value + step
            above = loss()
            data.flat[i] = value - step
            difference[i] = (above - loss()) / (2 * step)
            data.flat[i] = value
        size = max(np.linalg.norm(grad), np.linalg.norm(difference))
        errors[name] = float(np.linalg.norm(grad.ravel() - difference) / size) if size > 1e-12 else 0.0
    layer.train()
    layer.load_state(buffers)
    return errors
