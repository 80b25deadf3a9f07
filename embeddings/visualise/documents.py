"""Pictures of documents: maps, topics, mixtures."""

import numpy as np

from embeddings.visualise.canvas import COLORS, axes_or_new, finish
from embeddings.visualise.vectors import principal_components


def document_map(vectors, groups, ax=None, title=None):
    """Many vectors as points on their first two principal components, coloured by group.

    Parameters
    ----------
    vectors : array, shape (n, d)
    groups : sequence of str, length n
        The legend has them in alphabetical order; more than seven share colours.
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = document_map([[0, 1], [1, 0], [1, 1]], ["pets", "food", "pets"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['food', 'pets']
    """
    points = principal_components(vectors)  # (n, 2)
    groups = np.asarray(groups)
    if len(groups) != len(points):
        raise ValueError(f"there are {len(points)} vectors but {len(groups)} groups")
    ax = axes_or_new(ax, (8, 6))
    names = np.unique(groups)
    for i, name in enumerate(names):
        ax.scatter(*points[groups == name].T, s=9, color=COLORS[i % len(COLORS)], alpha=0.6, linewidths=0, label=name)
    legend = ax.legend(frameon=False, markerscale=2)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    ax.set_xlabel("first principal component")
    ax.set_ylabel("second principal component")
    return finish(ax, title)


def topic_bars(topics, ax=None, title=None):
    """The words of topics as horizontal bars, a panel for each topic.

    Parameters
    ----------
    topics : sequence of sequences of (str, float)
        For each topic its words and their probabilities, the most probable first, as ``top_words`` returns them.
    ax : matplotlib.axes.Axes, optional
        Its place is divided among the panels.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes
        The outer one, which holds the panels as ``child_axes``.

    Examples
    --------
    >>> ax = topic_bars([[("cat", 0.2), ("dog", 0.1)], [("ham", 0.3)]])
    >>> [label.get_text() for label in ax.child_axes[0].get_yticklabels()]
    ['cat', 'dog']
    """
    n = len(topics)
    columns = min(n, 5)
    rows = -(-n // columns)
    longest = max(len(words) for words in topics)
    ax = axes_or_new(ax, (max(4, 1.65 * columns), 0.4 + rows * (0.5 + 0.24 * longest)))
    ax.set_axis_off()
    # Words stand to the left of their bars.
    width, height = 1 / columns, 1 / rows
    for i, words in enumerate(topics):
        left, low = (i % columns) * width, 1 - (i // columns + 1) * height
        panel = ax.inset_axes((left + 0.5 * width, low, 0.45 * width, 0.86 * height))
        panel.barh(range(len(words)), [share for _, share in words], color=COLORS[i % len(COLORS)])
        panel.set_yticks(range(len(words)), [word for word, _ in words], fontsize=9)
        panel.set_ylim(longest - 0.5, -0.5)
        panel.tick_params(axis="x", labelsize=8)
        panel.locator_params(axis="x", nbins=2)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_title(f"topic {i}", fontsize=10)
        finish(panel, None)
    return finish(ax, title)


def mixtures(shares, labels, names=None, ax=None, title=None):
    """Documents as bars that are divided among topics.

    Parameters
    ----------
    shares : array, shape (n_documents, K)
        Rows that add up to 1.
    labels : sequence of str, length n_documents
    names : sequence of str, length K, optional
        Of the topics; numbers if there are none.
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = mixtures([[0.25, 0.75], [1.0, 0.0]], ["a cat eats ham", "a cat"], ["animals", "food"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['animals', 'food']
    """
    shares = np.asarray(shares, dtype=float)  # (n, K)
    if shares.ndim != 2 or len(labels) != len(shares):
        raise ValueError(f"shares have the shape {shares.shape}, but there are {len(labels)} labels")
    names = [f"topic {k}" for k in range(shares.shape[1])] if names is None else names
    ax = axes_or_new(ax, (8, 1.4 + 0.36 * len(labels)))
    left = np.zeros(len(shares))
    for k, name in enumerate(names):
        # Colours that come again are hatched.
        style = {"color": COLORS[k % len(COLORS)], "hatch": "/" * (3 * (k // len(COLORS))), "edgecolor": "white"}
        ax.barh(range(len(labels)), shares[:, k], left=left, label=name, **style)
        left += shares[:, k]
    ax.set_yticks(range(len(labels)), labels)
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xlabel("share of the topic")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, ncols=min(len(names), 5), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    if title:
        # Above the legend.
        ax.set_title(title, pad=10 + 16 * (1 + (len(names) - 1) // 5))
    return finish(ax, None)


def settling(topics, ax=None, title=None, label="word of the document"):
    """The topics of some places, sweep after sweep of a sampler: a row of coloured squares for each sweep.

    Parameters
    ----------
    topics : array, shape (sweeps, places), integers
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    label : str, default "word of the document"
        What the places are.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = settling([[0, 1, 1], [1, 1, 1]])
    >>> ax.images[0].get_array().shape[:2]
    (2, 3)
    """
    topics = np.asarray(topics)
    if topics.ndim != 2 or topics.size == 0:
        raise ValueError(f"topics must be a matrix of sweeps by places, got the shape {topics.shape}")
    ax = axes_or_new(ax, (8, 4))
    colors = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in COLORS], np.uint8)
    ax.imshow(colors[topics % len(COLORS)], aspect="auto", interpolation="nearest")
    ax.set_xlabel(label)
    ax.set_ylabel("sweep")
    return finish(ax, title)
