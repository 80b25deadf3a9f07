"""Pictures of clips, of their patches, and of the tokens that they become."""

import numpy as np

from embeddings.visualise.canvas import COLORS, axes_or_new, finish, label_points
from embeddings.visualise.vectors import principal_components


def patch_grid(picture, patch_size, ax=None, title=None, gap=0.15):
    """A picture cut into patches that are drawn a little apart, numbered in the order in which they are read.

    Parameters
    ----------
    picture : array, shape (height, width) or (height, width, 3)
        uint8, or floats in [0, 1].
    patch_size : (int, int)
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    gap : float, default 0.15
        Between patches, as a share of a patch.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If patches do not fill the picture.

    Examples
    --------
    >>> ax = patch_grid(np.zeros((4, 6)), (2, 2))
    >>> [text.get_text() for text in ax.texts]
    ['0', '1', '2', '3', '4', '5']
    """
    picture = np.asarray(picture)
    (height, width), (h, w) = picture.shape[:2], patch_size
    if height % h or width % w:
        raise ValueError(f"patches of {h} × {w} do not fill a picture of {height} × {width}")
    ax = axes_or_new(ax, (7, 7 * height / width + 0.4))
    rows, columns = height // h, width // w
    for i in range(rows):
        for j in range(columns):
            top, left = i * (1 + gap), j * (1 + gap)
            patch = picture[i * h : (i + 1) * h, j * w : (j + 1) * w]
            _draw(ax, patch, (left, left + 1, top + 1, top))
            if rows * columns <= 100:
                box = {"facecolor": "white", "alpha": 0.7, "pad": 1, "edgecolor": "none"}
                ax.text(left + 0.08, top + 0.08, str(i * columns + j), fontsize=8, va="top", bbox=box)
    ax.set_xlim(-gap, columns * (1 + gap))
    ax.set_ylim(rows * (1 + gap), -gap)
    ax.set_aspect(h / w)
    ax.axis("off")
    return finish(ax, title)


def film_strip(clips, labels=None, ax=None, title=None):
    """Clips as rows of frames.

    Parameters
    ----------
    clips : sequence of arrays, each (frames, height, width, 3), uint8
        All of one shape of frame.
    labels : sequence of str, optional
        One for each row.
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the labels are not as many as the clips.

    Examples
    --------
    >>> ax = film_strip(np.zeros((2, 4, 8, 8, 3), np.uint8), ["one", "two"])
    >>> len(ax.images)
    8
    """
    labels = [""] * len(clips) if labels is None else list(labels)
    if len(labels) != len(clips):
        raise ValueError(f"{len(clips)} clips but {len(labels)} labels")
    frames = max(len(clip) for clip in clips)
    # Long labels take as much room as some frames.
    room = frames + 0.5 + max(map(len, labels)) / 11
    height, width = clips[0].shape[1:3] if len(clips) else (1, 1)
    ax = axes_or_new(ax, (8, 8 * len(clips) / room * height / width + 0.7))
    for i, clip in enumerate(clips):
        for t, frame in enumerate(clip):
            _draw(ax, frame, (t + 0.03, t + 0.97, i + 0.97, i + 0.03))
    ax.set_xlim(0, frames)
    ax.set_ylim(len(clips), 0)
    ax.set_aspect(height / width)
    ax.set_yticks(np.arange(len(clips)) + 0.5, labels, fontsize=9)
    ax.set_xticks(np.arange(frames) + 0.5, range(frames))
    ax.set_xlabel("frame")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return finish(ax, title)


def spacetime_cube(clip, patch_size, ax=None, title=None):
    """A clip as a block of frames, taken apart into slabs of time, each cut into its patches.

    Parameters
    ----------
    clip : array, shape (frames, height, width, 3), uint8
    patch_size : (int, int, int)
        Of frames, height and width.
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If patches do not fill the clip.

    Examples
    --------
    >>> ax = spacetime_cube(np.zeros((4, 8, 8, 3), np.uint8), (2, 4, 4))
    >>> len(ax.images)
    16
    """
    clip = np.asarray(clip)
    (T, H, W), (t, h, w) = clip.shape[:3], patch_size
    if T % t or H % h or W % w:
        raise ValueError(f"patches of {t} × {h} × {w} do not fill a clip of {T} × {H} × {W}")
    ax = axes_or_new(ax, (8, 3.6))
    slabs, rows, columns, gap, lean = T // t, H // h, W // w, 0.3, 0.12
    side = columns * (1 + gap) + 1.2 + t * lean
    for slab in range(slabs):
        for depth in range(t - 1, -1, -1):  # the first frame of a slab lies in front
            frame = clip[slab * t + depth]
            for i in range(rows):
                for j in range(columns):
                    left = slab * side + j * (1 + gap) + depth * lean
                    top = i * (1 + gap) - depth * lean
                    patch = frame[i * h : (i + 1) * h, j * w : (j + 1) * w]
                    _draw(ax, patch, (left, left + 1, top + 1, top), zorder=t - depth)
        middle = slab * side + columns * (1 + gap) / 2
        ax.text(middle, rows * (1 + gap) + 0.5, f"frames {slab * t}–{slab * t + t - 1}", ha="center", fontsize=9)
    ax.set_xlim(-gap, slabs * side)
    ax.set_ylim(rows * (1 + gap) + 0.9, -t * lean - gap)
    ax.set_aspect("equal")
    ax.axis("off")
    return finish(ax, title)


def token_strip(kinds, ax=None, title=None):
    """The tokens of texts, pictures, clips and sounds in the one row in which a Transformer reads them.

    Parameters
    ----------
    kinds : list of (str, int)
        What each item is, and how many tokens it has.
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = token_strip([("text", 6), ("clip", 32)])
    >>> len(ax.patches)
    38
    """
    ax = axes_or_new(ax, (8, 1.8))
    names = list(dict.fromkeys(name for name, _ in kinds))
    start = 0
    for name, n in kinds:
        colour = COLORS[names.index(name) % len(COLORS)]
        ax.bar(start + np.arange(n) + 0.5, 1, width=0.85, color=colour)
        ax.text(start + n / 2, 1.15, f"{name}\n{n}", ha="center", va="bottom", fontsize=9)
        start += n + 1
    ax.set_xlim(0, start - 1)
    ax.set_ylim(0, 2)
    ax.set_yticks([])
    ax.set_xlabel("token")
    ax.spines[["left", "top", "right"]].set_visible(False)
    return finish(ax, title)


def joint_map(vectors, kinds, items, ax=None, title=None):
    """Items of several kinds on one plane: the kind is the marker, and what belongs together is joined by lines.

    Parameters
    ----------
    vectors : array, shape (n, d)
        Their first two principal components are drawn.
    kinds : sequence of str, length n
    items : sequence of str, length n
        The same for all forms of one thing.
    ax : matplotlib.axes.Axes, optional
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the vectors, kinds and items are not equally many.

    Examples
    --------
    >>> ax = joint_map(np.eye(4), ["text", "clip"] * 2, ["a", "a", "b", "b"])
    >>> len(ax.lines)
    2
    """
    vectors = np.asarray(vectors, float)
    if not len(vectors) == len(kinds) == len(items):
        raise ValueError(f"{len(vectors)} vectors but {len(kinds)} kinds and {len(items)} items")
    ax = axes_or_new(ax, (8, 6))
    points = principal_components(vectors)
    names, things = list(dict.fromkeys(kinds)), list(dict.fromkeys(items))
    middles = []
    for i, thing in enumerate(things):
        own = points[[item == thing for item in items]]
        ring = np.concatenate([own, own[:1]])
        ax.plot(*ring.T, color=COLORS[i % len(COLORS)], alpha=0.5, linewidth=1, zorder=1)
        middles.append(own.mean(axis=0))
    for k, name in enumerate(names):
        own = [kind == name for kind in kinds]
        colours = [COLORS[things.index(item) % len(COLORS)] for item, mine in zip(items, own, strict=True) if mine]
        ax.scatter(*points[own].T, marker="osD^vP"[k % 6], c=colours, s=45, label=name, zorder=2)
    ax.margins(0.15)
    ax.legend(loc="best")
    ax.set_xlabel("first principal component")
    ax.set_ylabel("second")
    label_points(ax, np.array(middles), things, offset=10)
    return finish(ax, title)


def _draw(ax, picture, extent, **options):
    grey = {"cmap": "gray", "vmin": 0, "vmax": 255 if picture.dtype == np.uint8 else 1} if picture.ndim == 2 else {}
    ax.imshow(picture, extent=extent, interpolation="nearest", **grey, **options)
