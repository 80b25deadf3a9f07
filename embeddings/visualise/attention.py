"""Pictures of attention: who looks at whom, and what positions look like."""

import numpy as np

from embeddings.visualise.canvas import axes_or_new, finish


def attention_map(weights, tokens, ax=None, title=""):
    """How much each token (a row) looks at each other (a column): dark is nothing, bright is all.

    Parameters
    ----------
    weights : array, shape (T, T)
        Rows add up to 1.
    tokens : list of str
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    weights = np.asarray(weights)
    if weights.shape != (len(tokens), len(tokens)):
        raise ValueError(f"weights of shape {weights.shape} do not fit {len(tokens)} tokens")
    ax = axes_or_new(ax, (6, 5))
    ax.imshow(weights, cmap="cividis", vmin=0, vmax=max(1e-9, weights.max(initial=0)))
    ax.set_xticks(range(len(tokens)), tokens, rotation=90)
    ax.set_yticks(range(len(tokens)), tokens)
    ax.set_xlabel("is looked at")
    ax.set_ylabel("looks")
    return finish(ax, title)


def position_map(positions, ax=None, title=""):
    """Vectors of positions, one a row, as colours from -1 to 1.

    Parameters
    ----------
    positions : array, shape (T, d)
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    positions = np.asarray(positions)
    if positions.ndim != 2:
        raise ValueError(f"positions must be (steps, numbers), got an array of shape {positions.shape}")
    ax = axes_or_new(ax, (7, 4))
    image = ax.imshow(positions, cmap="cividis", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="value")
    ax.set_xlabel("number of the vector")
    ax.set_ylabel("position")
    return finish(ax, title)
