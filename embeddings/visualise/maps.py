"""What networks see and make of pictures: rows of small pictures, and pictures as points of a map."""

import numpy as np

from embeddings.visualise.canvas import axes_or_new, finish


def mosaic(pictures, rows=None, columns=None, ax=None, title=None, cmap="gray", shared=False):
    """Small pictures side by side: filters, feature maps, reconstructions.

    Parameters
    ----------
    pictures : array, shape (R, C, H, W), or a list of R lists of C arrays of one shape (H, W)
    rows, columns : list of str, optional
        Labels of each row and column.
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    cmap : str, default "gray"
    shared : bool, default False
        Whether all use one scale of brightness; else each picture has its own, from its smallest to its largest number.

    Returns
    -------
    matplotlib.axes.Axes
    """
    pictures = np.asarray(pictures, float)
    if pictures.ndim != 4 or not pictures.size:
        raise ValueError(f"pictures must have the shape (rows, columns, height, width), got {pictures.shape}")
    R, C, H, W = pictures.shape
    for name, labels, n in (("rows", rows, R), ("columns", columns, C)):
        if labels is not None and len(labels) != n:
            raise ValueError(f"{name} must be {n} labels, got {len(labels)}")
    axes = None if shared else (2, 3)
    low, high = pictures.min(axis=axes, keepdims=True), pictures.max(axis=axes, keepdims=True)
    scaled = (pictures - low) / np.where(high > low, high - low, 1)
    gap = max(1, H // 12)
    sheet = np.full((R * (H + gap) - gap, C * (W + gap) - gap), np.nan)
    for r in range(R):
        for c in range(C):
            sheet[r * (H + gap) : r * (H + gap) + H, c * (W + gap) : c * (W + gap) + W] = scaled[r, c]
    width = 8
    ax = axes_or_new(ax, (width, max(1.2, width * sheet.shape[0] / sheet.shape[1] * 0.9 + 0.6)))
    ax.imshow(sheet, cmap=cmap, vmin=0, vmax=1, interpolation="nearest")
    ax.set_xticks([c * (W + gap) + (W - 1) / 2 for c in range(C)] if columns else [], columns or [])
    ax.set_yticks([r * (H + gap) + (H - 1) / 2 for r in range(R)] if rows else [], rows or [])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return finish(ax, title)


def thumbnails(points, pictures, ax=None, title=None, size=0.045):
    """Small pictures at their places on a plane, so that one sees what a latent space has put where.

    Parameters
    ----------
    points : array, shape (n, 2)
    pictures : array, shape (n, H, W) or (n, H, W, 3)
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    size : float, default 0.045
        Height of a picture, as a share of the plane's.

    Returns
    -------
    matplotlib.axes.Axes
    """
    points, pictures = np.asarray(points, float), np.asarray(pictures)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(pictures) or not len(points):
        raise ValueError(f"{len(pictures)} pictures need as many points (n, 2), got an array of shape {points.shape}")
    ax = axes_or_new(ax, (8, 7))
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.where(high > low, high - low, 1)
    half = span * size / 2
    for (x, y), picture in zip(points, pictures, strict=True):
        extent = (x - half[0], x + half[0], y - half[1], y + half[1])
        ax.imshow(picture, cmap="gray", extent=extent, aspect="auto", zorder=2)
    ax.set_xlim(low[0] - 2 * half[0], high[0] + 2 * half[0])
    ax.set_ylim(low[1] - 2 * half[1], high[1] + 2 * half[1])
    ax.set_xlabel("first number")
    ax.set_ylabel("second number")
    return finish(ax, title)
