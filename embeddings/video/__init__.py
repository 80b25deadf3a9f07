"""Video, audio and text as one: patches, latents, spacetime tokens. Each loads on first use."""

import importlib

_HOMES = {
    "DiffusionTransformer": "diffusion",
    "PatchEmbedding": "patch_embedding",
    "Patchifier": "patches",
    "SpacetimePatches": "spacetime",
    "UnifiedEncoder": "unified",
    "VideoAutoencoder": "autoencoder",
    "VisionTransformer": "vision_transformer",
    "grid_positions": "positions",
    "log_mel": "audio",
    "mel_filters": "audio",
    "mel_spectrogram": "audio",
    "patch_grid": "patches",
    "patchify": "patches",
    "read_clip": "io",
    "read_sound": "io",
    "rotary_angles": "positions",
    "rotate": "positions",
    "sinusoidal_positions": "positions",
    "stft": "audio",
    "stream_clip": "io",
    "stream_sound": "io",
    "sum_patches": "patches",
    "unpatchify": "patches",
    "write_gif": "io",
    "write_wav": "io",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
