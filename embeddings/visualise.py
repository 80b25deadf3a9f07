"""One function per picture. Each draws on `ax` (or a new one), returns it, and leaves showing and saving to you.

Colours are Okabe and Ito's, which colour-blind readers tell apart, and Matplotlib's *cividis*. Chinese labels use the
first Chinese font found: that of the package ``zhplot`` (in the ``lessons`` extra), else one of the system's.
"""

import functools
import importlib.util
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager
from matplotlib.text import Text
from scipy import sparse

# Okabe & Ito (2008), "Color Universal Design", without black.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")

CHINESE_FONTS = (
    "Noto Sans SC",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
)


@functools.cache
def font_families():
    """Font families to try for each character in turn: Matplotlib's own, then the first Chinese one found.

    Returns
    -------
    list of str
    """
    package = importlib.util.find_spec("zhplot")
    if package is not None and package.origin:
        for path in sorted(Path(package.origin).parent.glob("fonts/*.ttf")):
            font_manager.fontManager.addfont(path)
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in CHINESE_FONTS if name in installed][:1]]


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
    ax = _axes(ax, (8, 6))
    low = min(0.0, float(np.nanmin(similarity, initial=0.0)))
    image = _number_grid(ax, similarity, labels, labels, vmin=low, vmax=1.0)
    ax.figure.colorbar(image, ax=ax, label="cosine similarity")
    return _finish(ax, title)


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
    ax = _axes(ax, (8, 1.6 + 0.55 * len(documents)))
    shown = np.ma.masked_equal(np.asarray(matrix, dtype=float), 0.0)
    image = _number_grid(ax, shown, documents, terms, vmin=0.0, vmax=float(shown.max()) if shown.count() else 1.0)
    ax.set_xlabel("term")
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.8)
    return _finish(ax, title)


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
    ax = _axes(ax, (8, 6))
    names = [None] * len(points) if groups is None else list(groups)
    for i, name in enumerate(dict.fromkeys(names)):
        members = [j for j, other in enumerate(names) if other == name]
        ax.scatter(*points[members].T, s=28, color=COLORS[i % len(COLORS)], label=name, zorder=2)
    if groups is not None:
        ax.legend(frameon=False)
    ax.margins(0.12)
    ax.set_xlabel("first principal component")
    ax.set_ylabel("second principal component")
    _label_points(ax, points, labels)
    return _finish(ax, title)


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
    ax = _axes(ax, (8, 1.2 + 0.4 * len(neighbours)))
    words, scores = [word for word, _ in neighbours], [float(score) for _, score in neighbours]
    bars = ax.barh(range(len(words)), scores, color=COLORS[0])
    ax.bar_label(bars, fmt="%.2f", padding=4)
    ax.set_yticks(range(len(words)), words)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel(label)
    ax.spines[["top", "right"]].set_visible(False)
    return _finish(ax, title)


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
    ax = _axes(ax, (8, 4.5))
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
    return _finish(ax, title)


def parallelogram(vectors, labels, ax=None, title=None):
    """An analogy a : b = c : d on its first two principal components, with the point b - a + c that d should be at.

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
    a, b, c, d, expected = principal_components(np.vstack([unit, unit[1] - unit[0] + unit[2]]))
    ax = _axes(ax, (5, 4.5))
    for start, stop, style in ((a, b, "-"), (c, d, "-"), (c, expected, ":")):
        ax.annotate("", stop, start, arrowprops={"arrowstyle": "->", "linestyle": style, "color": "0.4", "shrinkB": 3})
    ax.scatter(*np.stack([a, b, c, d]).T, s=28, color=COLORS[0], zorder=2)
    ax.scatter(*expected, s=60, facecolors="none", edgecolors=COLORS[1], zorder=2, label="b - a + c")
    ax.legend(frameon=False)
    ax.margins(0.2)
    ax.set_xlabel("first principal component")
    ax.set_ylabel("second principal component")
    _label_points(ax, np.stack([a, b, c, d]), labels)
    return _finish(ax, title)


def save_figure(ax, name, folder=None):
    """Write the whole figure of `ax` as PNG, 100 pixels per inch, the same bytes every time.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : str
        File name without ``.png``.
    folder : path-like, optional
        By default the environment variable ``EMBEDDINGS_FIGURES``, else ``figures`` in the current folder.

    Returns
    -------
    pathlib.Path
    """
    folder = Path(folder or os.environ.get("EMBEDDINGS_FIGURES") or "figures")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    # Matplotlib would write its version into the file.
    ax.figure.savefig(path, dpi=100, facecolor="white", metadata={"Software": None})
    return path


def _axes(ax, size):
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def _finish(ax, title):
    """Set the title, and the fonts of every text of the figure, so that no Chinese label is an empty box."""
    if title:
        ax.set_title(title)
    for text in ax.figure.findobj(Text):
        text.set_fontfamily(font_families())
    for axis in (ax.xaxis, ax.yaxis):
        # Tick labels are made anew at each drawing, from this.
        axis.set_tick_params(labelfontfamily=font_families())
    return ax


def _number_grid(ax, values, rows, columns, vmin, vmax):
    """Draw a matrix with its numbers on it; a masked cell stays empty."""
    if np.shape(values) != (len(rows), len(columns)):
        raise ValueError(
            f"a matrix of shape {np.shape(values)} needs as many labels, got {len(rows)} and {len(columns)}"
        )
    image = ax.imshow(values, cmap="cividis", vmin=vmin, vmax=vmax, aspect="auto")
    crowded = len(columns) * max(map(len, columns), default=0) > 45
    ax.set_xticks(range(len(columns)), columns, rotation=30 if crowded else 0, ha="right" if crowded else "center")
    ax.set_yticks(range(len(rows)), rows)
    ax.spines[:].set_visible(False)
    whole = np.all(np.ma.compressed(values) == np.round(np.ma.compressed(values)))
    middle = (vmin + vmax) / 2
    if values.size <= 400:
        for (i, j), value in np.ma.ndenumerate(values):
            text = f"{value:.0f}" if whole and np.ma.isMaskedArray(values) else f"{value:.2f}"
            ax.text(j, i, text, ha="center", va="center", color="white" if value < middle else "black")
    return image


def _label_points(ax, points, labels, offset=7):
    """Write each label at the side of its point where it covers least of what is already there."""
    figure = ax.figure
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    frame = ax.get_window_extent(renderer)
    pixels = ax.transData.transform(points)  # (n, 2)
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in pixels]
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for i, label in enumerate(labels):
        text = ax.annotate(label, points[i], (offset, 0), textcoords="offset points", fontfamily=font_families())
        box = text.get_window_extent(renderer)
        best = None
        for radius in (offset, 2 * offset, 3.5 * offset):
            for dx, dy in np.column_stack([np.cos(angles), np.sin(angles)]) * radius:
                left = pixels[i, 0] + dx - (box.width if dx < -1e-9 else box.width / 2 if abs(dx) < 1e-9 else 0)
                low = pixels[i, 1] + dy - box.height / 2
                candidate = (left, low, left + box.width, low + box.height)
                cost = sum(_overlap(candidate, other) for j, other in enumerate(taken) if j != i)
                cost += 2 * (box.width * box.height - _overlap(candidate, frame.extents)) + radius
                if best is None or cost < best[0] - 1e-9:
                    best = (cost, candidate)
        left, low, right, high = best[1]
        points_per_pixel = 72 / figure.dpi
        text.set_position(((left - pixels[i, 0]) * points_per_pixel, (low - pixels[i, 1]) * points_per_pixel))
        taken.append(best[1])


def _overlap(a, b):
    """Area that two boxes (left, low, right, high) share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


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
    ax = _axes(ax, (8, 6))
    names = np.unique(groups)
    for i, name in enumerate(names):
        ax.scatter(*points[groups == name].T, s=9, color=COLORS[i % len(COLORS)], alpha=0.6, linewidths=0, label=name)
    legend = ax.legend(frameon=False, markerscale=2)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    ax.set_xlabel("first principal component")
    ax.set_ylabel("second principal component")
    return _finish(ax, title)


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
    ax = _axes(ax, (max(4, 1.65 * columns), 0.4 + rows * (0.5 + 0.24 * longest)))
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
        _finish(panel, None)
    return _finish(ax, title)


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
    ax = _axes(ax, (8, 1.4 + 0.36 * len(labels)))
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
    return _finish(ax, None)


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
    ax = _axes(ax, (8, 4))
    colors = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in COLORS], np.uint8)
    ax.imshow(colors[topics % len(COLORS)], aspect="auto", interpolation="nearest")
    ax.set_xlabel(label)
    ax.set_ylabel("sweep")
    return _finish(ax, title)
