"""Pictures of vectors, of what stands near what, and of what was learned on the way."""

import numpy as np
from scipy import sparse

from embeddings.visualise.canvas import COLORS, axes_or_new, finish, label_points, number_grid


def similarity_heatmap(similarity, labels, ax=None, title=None):
    """Every pair's similarity as a coloured square with its number.

    Parameters
    ----------
    similarity : array, shape (n, n)
    labels : sequence of str, length n
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If `similarity` is not square or the labels are not as many as its rows.

    Examples
    --------
    >>> ax = similarity_heatmap([[1.0, 0.2], [0.2, 1.0]], ["cat", "ham"])
    >>> [text.get_text() for text in ax.texts]
    ['1.00', '0.20', '0.20', '1.00']
    """
    similarity = np.asarray(similarity, dtype=float)  # (n, n)
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1]:
        raise ValueError(f"similarity must be a square matrix, got shape {similarity.shape}")
    ax = axes_or_new(ax, (8, 6))
    low = min(0.0, float(np.nanmin(similarity, initial=0.0)))
    image = number_grid(ax, similarity, labels, labels, vmin=low, vmax=1.0)
    ax.figure.colorbar(image, ax=ax, label="cosine similarity")
    return finish(ax, title)


def term_document_matrix(matrix, terms, documents, ax=None, title=None, label="weight"):
    """Documents as rows, terms as columns, weights as colours and numbers; cells that hold nothing stay white.

    Parameters
    ----------
    matrix : array or sparse matrix, shape (n_documents, n_terms)
    terms, documents : sequences of str
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    label : str, default "weight"
        What the numbers are.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = term_document_matrix([[1, 0]], ["cat", "ham"], ["a cat"])
    >>> [text.get_text() for text in ax.texts]
    ['1']
    """
    matrix = matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
    ax = axes_or_new(ax, (8, 1.6 + 0.55 * len(documents)))
    shown = np.ma.masked_equal(np.asarray(matrix, dtype=float), 0.0)
    image = number_grid(ax, shown, documents, terms, vmin=0.0, vmax=float(shown.max()) if shown.count() else 1.0)
    ax.set_xlabel("term")
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.8)
    return finish(ax, title)


def principal_components(vectors, n_components=2):
    """Coordinates of `vectors` along the directions in which they vary most (PCA, by singular value decomposition).

    Parameters
    ----------
    vectors : array, shape (n, d)
    n_components : int, default 2

    Returns
    -------
    array, shape (n, n_components)
        The largest coordinate in each column is positive, so that the picture does not flip between machines. Columns
        beyond the rank are zero.

    Examples
    --------
    >>> principal_components([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]], 1).ravel().round(6).tolist()
    [-2.0, 0.0, 2.0]
    """
    X = np.asarray(vectors, dtype=float)  # (n, d)
    X = X - X.mean(axis=0)
    U, S, _ = np.linalg.svd(X, full_matrices=False)
    coordinates = np.zeros((len(X), n_components))
    k = min(n_components, len(S))
    coordinates[:, :k] = U[:, :k] * S[:k]
    extreme = coordinates[np.abs(coordinates).argmax(axis=0), np.arange(n_components)]
    return coordinates * np.where(extreme < 0, -1.0, 1.0) + 0.0


def scatter(vectors, labels, groups=None, ax=None, title=None):
    """Vectors as labelled points on their first two principal components; labels are moved until they overlap least.

    Parameters
    ----------
    vectors : array, shape (n, d)
    labels : sequence of str, length n
    groups : sequence of str, length n, optional
        Colours, with a legend.
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = scatter([[0, 1], [1, 0], [1, 1]], ["猫", "狗", "ham"], groups=["animal", "animal", "food"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['animal', 'food']
    """
    points = principal_components(vectors)  # (n, 2)
    if len(labels) != len(points):
        raise ValueError(f"there are {len(points)} vectors but {len(labels)} labels")
    ax = axes_or_new(ax, (8, 6))
    names = [None] * len(points) if groups is None else list(groups)
    for i, name in enumerate(dict.fromkeys(names)):
        members = [j for j, other in enumerate(names) if other == name]
        ax.scatter(*points[members].T, s=28, color=COLORS[i % len(COLORS)], label=name, zorder=2)
    if groups is not None:
        ax.legend(frameon=False)
    ax.margins(0.12)
    ax.set_xlabel("first principal component")
    ax.set_ylabel("second principal component")
    label_points(ax, points, labels)
    return finish(ax, title)


def neighbour_bars(neighbours, ax=None, title=None, label="cosine similarity"):
    """Nearest neighbours as horizontal bars, best on top.

    Parameters
    ----------
    neighbours : sequence of (str, float)
        As ``most_similar`` returns them.
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    label : str, default "cosine similarity"

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = neighbour_bars([("kitten", 0.9), ("dog", 0.7)])
    >>> [text.get_text() for text in ax.texts]
    ['0.90', '0.70']
    """
    ax = axes_or_new(ax, (8, 1.2 + 0.4 * len(neighbours)))
    words, scores = [word for word, _ in neighbours], [float(score) for _, score in neighbours]
    bars = ax.barh(range(len(words)), scores, color=COLORS[0])
    ax.bar_label(bars, fmt="%.2f", padding=4)
    ax.set_yticks(range(len(words)), words)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel(label)
    ax.spines[["top", "right"]].set_visible(False)
    return finish(ax, title)


def curves(series, x_label, y_label, ax=None, title=None, log=""):
    """Lines through points, one for each series, with a legend if they have names.

    Parameters
    ----------
    series : dict of str to (x, y)
    x_label, y_label : str
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    log : {"", "x", "y", "xy"}, default ""
        Axes that are logarithmic.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = curves({"loss": ([1, 2, 3], [4.2, 2.5, 2.4])}, "epoch", "mean loss")
    >>> len(ax.lines), ax.get_xlabel()
    (1, 'epoch')
    """
    ax = axes_or_new(ax, (8, 4.5))
    for i, (name, (x, y)) in enumerate(series.items()):
        marker = "o" if len(x) <= 50 else None
        ax.plot(x, y, color=COLORS[i % len(COLORS)], marker=marker, markersize=4, label=name or None)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    if any(series):
        ax.legend(frameon=False)
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.spines[["top", "right"]].set_visible(False)
    return finish(ax, title)


def parallelogram(vectors, labels, ax=None, title=None):
    """An analogy a : b = c : d in the plane of a, b and c, where b - a + c makes an exact parallelogram.

    The word d seldom lies in that plane: it is drawn where it falls on it, with its distance from it.

    Parameters
    ----------
    vectors : array, shape (4, d)
        Of a, b, c and d.
    labels : sequence of str, length 4
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = parallelogram([[0, 0], [0, 1], [2, 0], [2, 1.2]], ["man", "king", "woman", "queen"])
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['man', 'king', 'woman', 'queen']
    """
    vectors = np.asarray(vectors, dtype=float)
    if vectors.ndim != 2 or len(vectors) != 4 or len(labels) != 4:
        raise ValueError(f"an analogy has four vectors and four labels, got {vectors.shape} and {len(labels)}")
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    a, b, c, d = unit
    plane, _ = np.linalg.qr(np.stack([b - a, c - a], axis=1))  # (d, 2)
    # Signs are the decomposition's; let b lie to the right of a, and c above.
    plane = plane * np.where(np.array([(b - a) @ plane[:, 0], (c - a) @ plane[:, 1]]) < 0, -1, 1)
    distance = np.linalg.norm((d - a) - plane @ (plane.T @ (d - a)))
    a, b, c, d, expected = (np.stack([a, b, c, d, b - a + c]) - a) @ plane
    ax = axes_or_new(ax, (5, 4.5))
    for start, stop, style in ((a, b, "-"), (a, c, "-"), (c, expected, ":"), (b, expected, ":"), (expected, d, "--")):
        ax.annotate("", stop, start, arrowprops={"arrowstyle": "->", "linestyle": style, "color": "0.4", "shrinkB": 3})
    ax.scatter(*np.stack([a, b, c]).T, s=28, color=COLORS[0], zorder=2)
    ax.scatter(*d, s=28, color=COLORS[2], zorder=2, label=f"{distance:.2f} outside this plane")
    ax.scatter(*expected, s=60, facecolors="none", edgecolors=COLORS[1], zorder=2, label="b - a + c")
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    ax.margins(0.2)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel(f"from {labels[0]} to {labels[1]}")
    ax.set_ylabel(f"across, towards {labels[2]}")
    label_points(ax, np.stack([a, b, c, d]), labels)
    return finish(ax, title)
