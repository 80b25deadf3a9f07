"""One function per picture. Each draws on `ax` (or a new one), returns it, and leaves showing and saving to you.

Colours are Okabe and Ito's, which colour-blind readers tell apart, and Matplotlib's *cividis*. Chinese labels use the
first Chinese font found: that of the package ``zhplot`` (in the ``lessons`` extra), else one of the system's.
"""

from embeddings.visualise.attention import attention_map, position_map
from embeddings.visualise.canvas import COLORS, font_families, save_figure
from embeddings.visualise.documents import document_map, mixtures, settling, topic_bars
from embeddings.visualise.images import contact_sheet, hog_glyphs, keypoints, matches, pyramid
from embeddings.visualise.maps import mosaic, thumbnails
from embeddings.visualise.networks import gate_map
from embeddings.visualise.vectors import (
    curves,
    neighbour_bars,
    parallelogram,
    principal_components,
    scatter,
    similarity_heatmap,
    term_document_matrix,
)
from embeddings.visualise.videos import film_strip, joint_map, patch_grid, spacetime_cube, token_strip

__all__ = [
    "COLORS",
    "attention_map",
    "contact_sheet",
    "curves",
    "document_map",
    "film_strip",
    "font_families",
    "gate_map",
    "hog_glyphs",
    "joint_map",
    "keypoints",
    "matches",
    "mixtures",
    "mosaic",
    "neighbour_bars",
    "parallelogram",
    "patch_grid",
    "position_map",
    "principal_components",
    "pyramid",
    "save_figure",
    "scatter",
    "settling",
    "similarity_heatmap",
    "spacetime_cube",
    "term_document_matrix",
    "thumbnails",
    "token_strip",
    "topic_bars",
]
