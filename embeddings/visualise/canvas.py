"""What every picture stands on: fonts for every script, colours for every reader, axes, labels, and the file."""

import functools
import importlib.util
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager
from matplotlib.text import Text

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


def axes_or_new(ax, size):
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def finish(ax, title):
    """Set the title, and the fonts of every text of the figure, so that no Chinese label is an empty box."""
    if title:
        ax.set_title(title)
    for text in ax.figure.findobj(Text):
        text.set_fontfamily(font_families())
    for axis in (ax.xaxis, ax.yaxis):
        # Tick labels are made anew at each drawing, from this.
        axis.set_tick_params(labelfontfamily=font_families())
    return ax


def number_grid(ax, values, rows, columns, vmin, vmax):
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


def label_points(ax, points, labels, offset=7):
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
