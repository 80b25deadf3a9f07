"""Pictures of pictures: directions of gradients, scale spaces, keypoints, matches, and what was found."""

import numpy as np

from embeddings.visualise.canvas import COLORS, axes_or_new, finish


def hog_glyphs(histograms, picture=None, ax=None, title=None):
    """Histograms of oriented gradients: in each cell, a stroke along every direction's edge, brighter the stronger.

    Parameters
    ----------
    histograms : array, shape (rows, columns, orientations)
        As from :meth:`embeddings.image.HOG.cells`. A gradient stands at right angles to its edge.
    picture : array, optional
        Drawn faintly beneath.
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the histograms have not three axes.

    Examples
    --------
    >>> ax = hog_glyphs(np.ones((2, 3, 4)))
    >>> len(ax.collections[0].get_segments())
    24
    """
    from matplotlib.collections import LineCollection

    histograms = np.asarray(histograms)
    if histograms.ndim != 3:
        raise ValueError(f"histograms must have shape (rows, columns, orientations), got {histograms.shape}")
    rows, columns, n = histograms.shape
    ax = axes_or_new(ax, (6, 6 * rows / columns))
    ax.set_facecolor("black")
    if picture is not None:
        _show(ax, picture, (-0.5, columns - 0.5, rows - 0.5, -0.5), alpha=0.35)
    edges = np.pi * (np.arange(n) + 0.5) / n + np.pi / 2
    y, x = np.mgrid[:rows, :columns][..., None] + np.zeros(n)
    step = 0.48 * np.stack([np.cos(edges), np.sin(edges)], axis=-1)
    middle = np.stack([x, y], axis=-1)
    strength = (histograms / max(histograms.max(), 1e-12)).ravel()
    colors = np.ones((strength.size, 4))
    colors[:, 3] = np.sqrt(strength)
    segments = np.stack([middle - step, middle + step], axis=-2).reshape(-1, 2, 2)
    ax.add_collection(LineCollection(segments, colors=colors, linewidths=0.9))
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(rows - 0.5, -0.5)
    return _bare(ax, title)


def pyramid(octaves, ax=None, title=None):
    """A scale space and its differences: an octave in a row, levels beside each other, differences beneath.

    Parameters
    ----------
    octaves : list of array, each (levels, height, width)
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = pyramid([np.zeros((3, 8, 8)), np.zeros((3, 4, 4))])
    >>> len(ax.images)
    10
    """
    S = len(octaves[0])
    ax = axes_or_new(ax, (2 * S, 4 * len(octaves)))
    for o, levels in enumerate(octaves):
        differences = np.diff(levels, axis=0)
        largest = max(np.abs(differences).max(), 1e-12)
        height, width = levels.shape[1:]
        tall = 0.92 * height / max(height, width)
        for s in range(S):
            _show(ax, levels[s], (s, s + 0.96, 2 * o + tall, 2 * o))
            if s < S - 1:
                place = (s + 0.5, s + 1.46, 2 * o + 1 + tall, 2 * o + 1)
                ax.imshow(differences[s], cmap="cividis", vmin=-largest, vmax=largest, extent=place)
    ax.set_xlim(-0.04, S)
    ax.set_ylim(2 * len(octaves), -0.04)
    ax.set_yticks(np.arange(2 * len(octaves)) + 0.45)
    ax.set_yticklabels([f"octave {i // 2}\n{'differences' if i % 2 else 'blurred'}" for i in range(2 * len(octaves))])
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return finish(ax, title)


def keypoints(picture, points, ax=None, title=None):
    """A circle around every keypoint, three σ wide, and a stroke in its direction.

    Parameters
    ----------
    picture : array
    points : embeddings.image.Keypoints
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Circle

    ax = axes_or_new(ax, (8, 8 * picture.shape[0] / picture.shape[1]))
    _show(ax, picture)
    radius = 3 * points.scale
    circles = [Circle((x, y), r) for x, y, r in zip(points.column, points.row, radius, strict=True)]
    ax.add_collection(PatchCollection(circles, facecolors="none", edgecolors=COLORS[4], linewidths=0.9))
    start = points.places[:, ::-1]
    end = start + radius[:, None] * np.stack([np.cos(points.angle), np.sin(points.angle)], axis=1)
    ax.add_collection(LineCollection(np.stack([start, end], axis=1), colors=COLORS[4], linewidths=0.9))
    ax.set_xlim(-0.5, picture.shape[1] - 0.5)
    ax.set_ylim(picture.shape[0] - 0.5, -0.5)
    return _bare(ax, title)


def matches(first, second, points, others, pairs, right=None, ax=None, title=None):
    """Two pictures beside each other, and a line for every match; those that are not `right` in another colour.

    Parameters
    ----------
    first, second : arrays
        Pictures.
    points, others : embeddings.image.Keypoints
        Of the first and of the second.
    pairs : array, shape (n, 2)
        As from :func:`embeddings.image.match`.
    right : array, shape (n,), bool, optional
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.collections import LineCollection

    right = np.ones(len(pairs), bool) if right is None else np.asarray(right)
    height, width = max(first.shape[0], second.shape[0]), first.shape[1] + second.shape[1]
    ax = axes_or_new(ax, (10, 10 * height / width))
    _show(ax, first)
    _show(ax, second, (first.shape[1] - 0.5, width - 0.5, second.shape[0] - 0.5, -0.5))
    start = points.places[pairs[:, 0], ::-1]
    end = others.places[pairs[:, 1], ::-1] + [first.shape[1], 0]
    colors = np.where(right, COLORS[4], COLORS[0])
    ax.add_collection(LineCollection(np.stack([start, end], axis=1), colors=list(colors), linewidths=0.7))
    ax.set_xlim(-0.5, width - 0.5)
    ax.set_ylim(height - 0.5, -0.5)
    return _bare(ax, title)


def contact_sheet(pictures, labels, columns=5, ax=None, title=None):
    """Small pictures in rows, each with its label beneath.

    Parameters
    ----------
    pictures : sequence of arrays
        Of any sizes.
    labels : sequence of str
    columns : int, default 5
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the labels are not as many as the pictures.

    Examples
    --------
    >>> ax = contact_sheet([np.zeros((4, 8)), np.ones((8, 4, 3))], ["wide", "tall"])
    >>> len(ax.images), len(ax.texts)
    (2, 2)
    """
    if len(pictures) != len(labels):
        raise ValueError(f"{len(pictures)} pictures but {len(labels)} labels")
    rows = -(-len(pictures) // columns)
    ax = axes_or_new(ax, (2 * columns, 2.3 * rows + 0.4))
    for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = i % columns, i // columns * 1.2
        tall, wide = 0.94 * np.array(picture.shape[:2]) / max(picture.shape[:2])
        x, top = x + (1 - wide) / 2, y + (0.94 - tall)
        _show(ax, picture, (x, x + wide, top + tall, top))
        ax.text(i % columns + 0.5, y + 0.97, label, ha="center", va="top", fontsize=9)
    ax.set_xlim(0, columns)
    ax.set_ylim(1.2 * rows, -0.02)
    ax.set_aspect("equal")
    ax.spines[:].set_visible(False)
    return _bare(ax, title)


def _show(ax, picture, extent=None, alpha=None):
    """A picture without the frame that Matplotlib fits around it; of a large one, no more pixels than can be seen."""
    picture = np.asarray(picture)
    step = max(1, max(picture.shape[:2]) // 512)
    height, width = picture.shape[:2]
    extent = extent or (-0.5, width - 0.5, height - 0.5, -0.5)
    white = 255 if picture.dtype == np.uint8 else 65535 if picture.dtype == np.uint16 else 1
    shown = picture[::step, ::step] / white if white == 65535 else picture[::step, ::step]
    ax.imshow(shown, cmap="gray", vmin=0, vmax=1 if white == 65535 else white, extent=extent, alpha=alpha)


def _bare(ax, title):
    ax.set_xticks([])
    ax.set_yticks([])
    return finish(ax, title)
