"""Embeddings from scratch: from one-hot vectors to spacetime patches.

The submodules load on first use, so ``import embeddings`` compiles and plots nothing.
"""

import importlib

__version__ = "0.1.0"

_SUBMODULES = ("base", "datasets", "image", "nn", "similarity", "text", "vectors", "video", "visualise")

__all__ = [*_SUBMODULES, "__version__"]


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
