"""Networks: layers with a forward and a backward, losses, optimisers, one trainer. Each loads on first use."""

import importlib

_HOMES = {
    "Concat": "layer",
    "Layer": "layer",
    "Linear": "linear",
    "Parameter": "layer",
    "Residual": "layer",
    "Sequential": "layer",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
