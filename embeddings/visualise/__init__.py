"""One function per picture. Each draws on `ax` (or a new one), returns it, and leaves showing and saving to you.

Colours are Okabe and Ito's, which colour-blind readers tell apart, and Matplotlib's *cividis*. Chinese labels use the
first Chinese font found: that of the package ``zhplot`` (in the ``lessons`` extra), else one of the system's.
"""

from embeddings.visualise.canvas import COLORS, font_families, save_figure
from embeddings.visualise.documents import document_map, mixtures, settling, topic_bars
from embeddings.visualise.vectors import (
    curves,
    neighbour_bars,
    parallelogram,
    principal_components,
    scatter,
    similarity_heatmap,
    term_document_matrix,
)

__all__ = [
    "COLORS",
    "curves",
    "document_map",
    "font_families",
    "mixtures",
    "neighbour_bars",
    "parallelogram",
    "principal_components",
    "save_figure",
    "scatter",
    "settling",
    "similarity_heatmap",
    "term_document_matrix",
    "topic_bars",
]
