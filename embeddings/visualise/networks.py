"""Pictures of networks at work: what a recurrent cell does with each word."""

import numpy as np

from embeddings.visualise.canvas import axes_or_new, finish


def gate_map(values, words, ax=None, title="", low=0.0):
    """What each unit (a row) does at each word (a column): dark is `low`, bright is 1.

    Units stand in the order of how much they change from word to word, the liveliest on top.

    Parameters
    ----------
    values : array, shape (T, n)
        A gate's activations, or states.
    words : list of str
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    low : float, default 0
        -1 for what lies between -1 and 1.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = gate_map([[0.1, 0.2], [0.9, 0.2]], ["the", "cat"])
    >>> ax.images[0].get_array().tolist()
    [[0.1, 0.9], [0.2, 0.2]]
    """
    values = np.asarray(values)
    if values.ndim != 2 or len(values) != len(words):
        raise ValueError(f"values of shape {values.shape} do not fit {len(words)} words")
    order = np.argsort(-values.std(axis=0), kind="stable")
    ax = axes_or_new(ax, (8, 4))
    image = ax.imshow(values.T[order], cmap="cividis", vmin=low, vmax=1, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="activation")
    ax.set_xticks(range(len(words)), words, rotation=90)
    ax.set_ylabel("unit")
    return finish(ax, title)
