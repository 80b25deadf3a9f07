import numpy as np


def frames(n, F, hop, m, first=0):
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=n).astype(np.float32),
        rng.uniform(size=F).astype(np.float32),
        hop,
        first,
        np.full((m, F), np.nan, np.float32),
    )


def mel(m, B, widths):
    rng = np.random.default_rng(1)
    spectra = (rng.normal(size=(m, B)) + 1j * rng.normal(size=(m, B))).astype(np.complex64)
    starts = np.array([rng.integers(0, B - width + 1) for width in widths], np.int64)
    offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
    weights = rng.uniform(size=offsets[-1]).astype(np.float32)
    return spectra, starts, offsets, weights, np.full((len(widths), m), np.nan, np.float32)


CASES = {
    "FRAME_IMPLEMENTATIONS": {
        "overlapping": lambda: frames(50, 12, 5, 11),
        "a sound shorter than a frame": lambda: frames(3, 16, 4, 1),
        "odd frames, frames beyond the end": lambda: frames(10, 7, 9, 4),
        "later ones": lambda: frames(50, 12, 5, 9, first=3),
        "one sample": lambda: frames(1, 1, 1, 2),
        "no sample": lambda: frames(0, 4, 2, 1),
    },
    "MEL_IMPLEMENTATIONS": {
        "bands, an empty one among them": lambda: mel(7, 33, [3, 0, 10, 33]),
        "one number": lambda: mel(1, 1, [1]),
        "no frame": lambda: mel(0, 5, [2, 2]),
    },
}
